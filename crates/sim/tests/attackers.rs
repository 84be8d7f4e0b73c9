//! Attackers and compact blocks in virtual time.

use std::sync::{Arc, Mutex};

use forkful_core::event::What;
use forkful_core::{MessageKind, NodeId};
use forkful_scenario::{Report, Scenario};
use forkful_sim::{Options, play};

/// Ten nodes, 20 ms apart, a block each ten seconds; node 0 is as `attacker` says.
fn scenario(attacker: &str, policy: &str, height: u32) -> Scenario {
    let toml = format!(
        "seed = 5
         network = {{ nodes = 10, link = {{ latency = '20ms', jitter = '5ms' }} }}
         mining = {{ hash_rate = '6.5536k' }}
         relay = {{ policy = '{policy}', tip_interval = '10s', request_timeout = '2s' }}
         stop = {{ height = {height}, time_limit = '30d' }}
         [[nodes]]
         nodes = 0
         {attacker}"
    );
    Scenario::from_toml(&toml).unwrap()
}

fn report(scenario: &Scenario) -> Report {
    play(scenario, Options::default()).unwrap().report
}

#[test]
fn a_selfish_miner_earns_what_the_paper_says_of_gamma_0() {
    // The finder of a block tells everybody before the attacker can answer, so nobody
    // mines on the attacker's branch: gamma is 0, and 40 % of the hash rate earn 48.4 %.
    let report = report(&scenario(
        "hash_share = 6\nstrategy = 'selfish'",
        "announce",
        10_000,
    ));
    assert!(report.converged);
    let share = report.nodes[0].blocks_on_chain as f64 / report.height as f64;
    assert!((share - 0.48372).abs() < 0.03, "{share}");
    assert!(!report.nodes[0].honest && report.nodes[1].honest);
}

#[test]
fn every_strategy_plays_under_every_policy_with_and_without_the_shortcut() {
    let strategies = [
        "'selfish'",
        "{ kind = 'stubborn', lead = true, equal_fork = true, trail = 1 }",
        "'trail-stubborn'",
        "{ kind = 'double-spend', confirmations = 2, give_up = 5 }",
        "'time-warp'",
    ];
    for strategy in strategies {
        for policy in ["flood", "announce", "unsolicited", "compact"] {
            let attacker = format!("hash_share = 6\nstrategy = {strategy}");
            let mut scenario = scenario(&attacker, policy, 300);
            scenario.network.link.latency *= 10;
            let short = report(&scenario);
            assert!(short.converged, "{strategy} {policy}");
            let every_message = Options {
                sinks: vec![Box::new(|_| {})],
                ..Options::default()
            };
            let long = play(&scenario, every_message).unwrap().report;
            assert_eq!(short, long, "{strategy} {policy}");
        }
    }
}

#[test]
fn attempts_and_published_secrets_are_told() {
    let attacker =
        "hash_share = 4\nstrategy = { kind = 'double-spend', confirmations = 1, give_up = 9 }";
    let told = Arc::new(Mutex::new((0_u32, 0_u32, 0)));
    let sink = {
        let told = Arc::clone(&told);
        move |event: &forkful_core::Event| {
            let mut told = told.lock().unwrap();
            match event.what {
                What::AttemptEnded { won: true, .. } => told.0 += 1,
                What::AttemptEnded { won: false, .. } => told.1 += 1,
                What::Published { .. } => told.2 += 1,
                _ => {}
            }
        }
    };
    let options = Options {
        sinks: vec![Box::new(sink)],
        ..Options::default()
    };
    let report = play(&scenario(attacker, "announce", 3_000), options)
        .unwrap()
        .report;
    let (won, lost, published) = *told.lock().unwrap();
    // Rosenfeld: 4 of 13 after one confirmation succeed in 8 of 13 cases.
    let rate = f64::from(won) / f64::from(won + lost);
    assert!((rate - 8.0 / 13.0).abs() < 0.08, "{won} {lost}");
    let attempts = report.attempts.unwrap();
    assert_eq!(
        (attempts.won, attempts.ended),
        (u64::from(won), u64::from(won + lost))
    );
    assert!(published <= report.nodes[0].blocks_mined, "{published}");
    assert!(report.reorgs.max_depth >= 2);
}

#[test]
fn an_attacker_that_crashes_goes_on_with_its_secret() {
    let mut toml = String::from(
        "seed = 5
         network = { nodes = 4 }
         mining = { hash_rate = '6.5536k' }
         stop = { height = 200, time_limit = '30d' }
         [[nodes]]
         nodes = 0
         hash_share = 3
         strategy = { kind = 'double-spend', confirmations = 3, give_up = 9 }\n",
    );
    for minute in 1..20 {
        toml += &format!("[[events]]\nat = '{minute}min'\ndo = 'crash'\nnode = 0\n");
        toml += &format!("[[events]]\nat = '{minute}.2min'\ndo = 'restart'\nnode = 0\n");
    }
    let report = report(&Scenario::from_toml(&toml).unwrap());
    assert!(report.converged);
    // Its branches win after three confirmations as before: nobody gave them away.
    assert!(report.reorgs.max_depth >= 3, "{:?}", report.reorgs);
}

#[test]
fn as_many_compact_blocks_fail_as_the_scenario_says() {
    let text = "[relay]\npolicy = 'compact'\ncompact_failure = '13%'
        [network]\nnodes = 10\n[mining]\nhash_rate = '6.5536k'
        [stop]\nheight = 500\ntime_limit = '30d'
        [[nodes]]\nnodes = '5..10'\ncompact_failure = 0.27";
    let report = report(&Scenario::from_toml(text).unwrap());
    let count = |kind| report.messages[&kind].delivered as f64;
    let failed = count(MessageKind::Entries) / count(MessageKind::CompactBlock);
    assert!((failed - 0.20).abs() < 0.03, "{failed}");
    // Only a branch that has to be caught up with is fetched whole.
    assert!(count(MessageKind::Block) < 30.0);
    assert_eq!(
        count(MessageKind::Entries),
        count(MessageKind::RequestEntries)
    );
}

#[test]
fn an_eclipsed_merchant_sees_confirmations_that_come_to_nothing() {
    let toml = include_str!("../../scenario/examples/eclipse.toml");
    let scenario = Scenario::from_toml(toml).unwrap();
    let merchants_tips = Arc::new(Mutex::new(Vec::new()));
    let sink = {
        let tips = Arc::clone(&merchants_tips);
        move |event: &forkful_core::Event| {
            if let (Some(NodeId(0)), What::TipChanged { disconnected, .. }) =
                (event.node, &event.what)
            {
                tips.lock().unwrap().push(*disconnected);
            }
        }
    };
    let options = Options {
        watchers: vec![Box::new(sink)],
        ..Options::default()
    };
    let report = play(&scenario, options).unwrap().report;
    assert_eq!(report.unmet().count(), 0, "{:?}", report.expectations);
    // It is the victim who loses them, at once, after it has seen nothing wrong.
    let reorgs = merchants_tips.lock().unwrap();
    assert_eq!(reorgs.iter().max(), Some(&report.reorgs.max_depth));
    assert!(report.reorgs.max_depth >= 3);
}

#[test]
fn gamma_of_an_eclipsed_miner_is_what_who_hears_whom_makes_it() {
    // The attacker, a victim that is linked with it alone, and thirty others. In a race the
    // victim mines on the attacker's branch, unless it found the other block; then it is alone
    // with that. So with a fifth of the honest hash rate, gamma is 0.8 * 0.2 + 0.2 * 0.8.
    let mut edges = String::from("[0, 1]");
    for node in 2..32 {
        edges += &format!(", [0, {node}]");
        for other in 2..node {
            edges += &format!(", [{other}, {node}]");
        }
    }
    let toml = format!(
        "seed = 5
         network = {{ nodes = 32, link = {{ latency = '20ms' }}, topology = {{ kind = 'edges', edges = [{edges}] }} }}
         mining = {{ interval = '10min' }}
         relay = {{ tip_interval = 'off' }}
         stop = {{ height = 5000, time_limit = '365d' }}
         nodes = [
             {{ nodes = 0, strategy = 'selfish', hash_share = 20 }},
             {{ nodes = 1, hash_share = 7.5 }},
         ]"
    );
    let report = report(&Scenario::from_toml(&toml).unwrap());
    let races = report.races.unwrap();
    assert!(races.count > 500, "{races:?}");
    let gamma = races.gamma.unwrap();
    assert!((gamma - 0.32).abs() < 0.03, "{gamma}");
    let built = races.on_attackers_branch as f64 / races.ended_by_honest as f64;
    assert!((built - 0.32).abs() < 0.05, "{built}");
}
