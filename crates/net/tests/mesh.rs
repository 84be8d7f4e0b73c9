//! Whole networks of the mesh, from the first block to the report.

use std::time::{Duration, Instant};

use forkful_core::event::What;
use forkful_core::sha256;
use forkful_net::play::{Options, PlayError, play};
use forkful_scenario::{Outcome, Scenario};
use tokio_util::sync::CancellationToken;

fn scenario(toml: &str) -> Scenario {
    Scenario::from_toml(toml).unwrap()
}

fn run(toml: &str) -> Outcome {
    play(&scenario(toml), Options::default()).unwrap()
}

fn assert_converged(outcome: &Outcome) {
    let report = &outcome.report;
    assert!(report.converged, "{report:#?}");
    assert!(
        report.as_expected(),
        "{:?}",
        report.unmet().collect::<Vec<_>>()
    );
    let last = outcome.chain.last().unwrap();
    assert_eq!(last.header.hash(), report.tip);
    for pair in outcome.chain.windows(2) {
        assert_eq!(pair[1].header.previous_hash, pair[0].header.hash());
    }
}

#[test]
fn eight_nodes_race_and_all_data_is_on_the_chain() {
    let outcome = run(
        "network = { nodes = 8, link = { latency = '5ms', jitter = '2ms' } }
         consensus = { difficulty = { rule = 'fixed', zero_bits = 8 } }
         mining = { hash_rate = '5k' }
         workload = { every = '50ms', bytes = 32, count = 10 }
         stop = { height = 20 }",
    );
    assert_converged(&outcome);
    assert!(outcome.report.height >= 20);
    let given = scenario("workload = { every = '50ms', bytes = 32, count = 10 }").workload;
    for number in 0..10 {
        let entry = sha256(&given.unwrap().entry(number));
        let times = outcome
            .chain
            .iter()
            .flat_map(|block| &block.entries)
            .filter(|on_chain| sha256(on_chain) == entry);
        assert_eq!(times.count(), 1, "entry {number} is on the chain once");
    }
}

/// Bounded channels all around, each holding one message, and everybody talks at once:
/// a receiver that waited for its sends would stand still here.
#[test]
fn inboxes_for_one_message_do_not_deadlock() {
    for relay in ["flood", "announce", "compact"] {
        let outcome = run(&format!(
            "network = {{ nodes = 12, inbox = 1, link = {{ latency = '1ms' }} }}
             consensus = {{ difficulty = {{ rule = 'fixed', zero_bits = 10 }} }}
             mining = {{ hash_rate = '40k' }}
             relay = {{ policy = '{relay}', tip_interval = '100ms', request_timeout = '200ms' }}
             stop = {{ height = 20 }}"
        ));
        assert_converged(&outcome);
        let dropped = outcome.report.messages_total().dropped;
        assert!(dropped > 0, "the inboxes were full at times");
    }
}

#[test]
fn after_a_split_one_side_reorganises_deeply() {
    let outcome = run("network = { nodes = 6, link = { latency = '2ms' } }
         consensus = { difficulty = { rule = 'fixed', zero_bits = 8 } }
         mining = { hash_rate = '10k' }
         relay = { tip_interval = '100ms', request_timeout = '300ms' }
         nodes = [{ nodes = '0..3', hash_share = 3 }]
         events = [
             { at_height = 2, do = 'split', groups = ['0..3', '3..6'] },
             { at_height = 60, do = 'heal' },
         ]
         stop = { height = 62 }
         expect = { max_reorg_depth = { min = 3 } }");
    assert_converged(&outcome);
}

#[test]
fn a_crashed_node_comes_back_with_what_it_stored_and_catches_up() {
    let outcome = run("network = { nodes = 4, link = { latency = '2ms' } }
         consensus = { difficulty = { rule = 'fixed', zero_bits = 8 } }
         mining = { hash_rate = '10k' }
         relay = { policy = 'announce', tip_interval = '100ms', request_timeout = '300ms' }
         events = [
             { at_height = 5, do = 'submit', node = 3, data = 'kept by node 3' },
             { at_height = 5, do = 'crash', node = 3 },
             { at_height = 20, do = 'restart', node = 3 },
         ]
         stop = { height = 25 }");
    assert_converged(&outcome);
    let data = outcome.report.data;
    assert_eq!((data.submitted, data.on_chain), (1, 1));
    let restarted = outcome.report.nodes[3].tip;
    assert_eq!(restarted, outcome.report.tip);
}

#[test]
fn a_cut_link_carries_nothing_until_it_is_healed() {
    let outcome = run(
        "network = { nodes = 3, topology = 'line', link = { latency = '2ms' } }
         consensus = { difficulty = { rule = 'fixed', zero_bits = 8 } }
         mining = { hash_rate = '10k' }
         relay = { tip_interval = '100ms', request_timeout = '300ms' }
         events = [
             { at_height = 2, do = 'cut', between = [1, 2] },
             { at_height = 15, do = 'heal', between = [1, 2] },
         ]
         stop = { height = 18 }",
    );
    assert_converged(&outcome);
    let messages = outcome.report.messages_total();
    assert!(messages.dropped_by.values().sum::<u64>() > 0);
}

#[test]
fn an_interrupt_ends_the_run_at_once_with_a_report() {
    let scenario = scenario(
        "network = { nodes = 4 }
         consensus = { difficulty = { rule = 'fixed', zero_bits = 250 } }
         mining = { hash_rate = 'unlimited' }",
    );
    let interrupt = CancellationToken::new();
    let options = Options {
        interrupt: interrupt.clone(),
        ..Options::default()
    };
    let run = std::thread::spawn(move || play(&scenario, options).unwrap());
    std::thread::sleep(Duration::from_millis(300));
    let asked = Instant::now();
    interrupt.cancel();
    let outcome = run.join().unwrap();
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "{:?}",
        asked.elapsed()
    );
    assert!(outcome.report.interrupted);
    assert_eq!(outcome.report.blocks.mined, 0);
}

/// A consumer of events runs inside a node's task, so its panic is the task's.
#[test]
fn a_panic_in_any_task_ends_the_run_with_an_error() {
    let scenario = scenario(
        "network = { nodes = 3 }
         consensus = { difficulty = { rule = 'fixed', zero_bits = 4 } }
         mining = { hash_rate = '1k' }",
    );
    let options = Options {
        sinks: vec![Box::new(|event| {
            let mined = matches!(event.what, What::Mined { .. });
            assert!(!mined, "planted");
        })],
        ..Options::default()
    };
    let died = play(&scenario, options).unwrap_err();
    assert!(matches!(died, PlayError::Died(_)), "{died}");
}

#[test]
fn a_network_in_which_nobody_mines_ends_when_its_stop_clause_says() {
    let outcome = run("network = { nodes = 3 }
         mining = { hash_rate = 0 }
         stop = { time = '200ms', time_limit = '20s' }");
    assert_converged(&outcome);
    assert!(
        outcome.report.duration < 10.0,
        "{}",
        outcome.report.duration
    );
}

#[test]
fn the_time_limit_ends_a_run_that_waits_for_agreement() {
    // Whoever is behind the lossy link is never helped, and the announcements that could
    // help are hours apart: patience would be, too.
    let outcome = run(
        "network = { nodes = 3, topology = 'line', link = { latency = '1ms' } }
         links = [{ between = [1, 2], loss = 1.0 }]
         consensus = { difficulty = { rule = 'fixed', zero_bits = 6 } }
         mining = { hash_rate = '2k' }
         relay = { tip_interval = '1h' }
         stop = { height = 3, time_limit = '2s' }
         expect = { converged = false }",
    );
    let report = &outcome.report;
    assert!(report.timed_out && !report.converged);
    assert!(report.duration < 10.0, "{}", report.duration);
}

#[test]
fn a_panic_before_the_first_block_ends_the_run_with_an_error_too() {
    let scenario = scenario("network = { nodes = 3 }");
    let options = Options {
        sinks: vec![Box::new(|event| {
            let up = matches!(event.what, What::PeerUp { .. });
            assert!(!up, "planted");
        })],
        ..Options::default()
    };
    let died = play(&scenario, options).unwrap_err();
    assert!(matches!(died, PlayError::Died(_)), "{died}");
}

/// An interrupted run has no common tip: report and chain tell of the same one.
#[test]
fn the_report_and_the_chain_of_an_interrupted_run_are_about_one_tip() {
    let scenario = scenario(
        "network = { nodes = 6, link = { latency = '100ms' } }
         consensus = { difficulty = { rule = 'fixed', zero_bits = 8 } }
         mining = { hash_rate = '5k' }
         stop = { height = 100000 }",
    );
    let interrupt = CancellationToken::new();
    let options = Options {
        interrupt: interrupt.clone(),
        ..Options::default()
    };
    let run = std::thread::spawn(move || play(&scenario, options).unwrap());
    std::thread::sleep(Duration::from_secs(1));
    interrupt.cancel();
    let outcome = run.join().unwrap();
    let last = outcome.chain.last().unwrap();
    assert_eq!(last.header.hash(), outcome.report.tip);
}

#[test]
fn an_attacker_plays_in_the_mesh_and_outlives_a_crash() {
    let outcome = run("network = { nodes = 6, link = { latency = '5ms' } }
         consensus = { difficulty = { rule = 'fixed', zero_bits = 8 } }
         mining = { hash_rate = '5k' }
         relay = { policy = 'compact' }
         workload = { every = '50ms', count = 10 }
         stop = { height = 40 }
         nodes = [{ nodes = 0, hash_share = 4, strategy = 'selfish' }]
         [[events]]
         at_height = 10
         do = 'crash'
         node = 0
         [[events]]
         at_height = 15
         do = 'restart'
         node = 0");
    assert_converged(&outcome);
    let report = &outcome.report;
    assert!(!report.nodes[0].honest && report.nodes[0].blocks_mined > 0);
}
