//! Whole networks of the mesh, from the first block to the report.

use forkful_net::mesh::{Options, Outcome, play};
use forkful_scenario::Scenario;

fn run(toml: &str) -> Outcome {
    let scenario = Scenario::from_toml(toml).unwrap();
    play(&scenario, Options::default()).unwrap()
}

#[test]
fn eight_nodes_race_and_converge() {
    let outcome = run(
        "network = { nodes = 8, link = { latency = '5ms', jitter = '2ms' } }
         consensus = { difficulty = { rule = 'fixed', zero_bits = 8 } }
         mining = { hash_rate = '5k' }
         workload = { every = '50ms', bytes = 32, count = 10 }
         stop = { height = 20 }",
    );
    let report = &outcome.report;
    assert!(report.converged, "{report:#?}");
    assert!(report.height >= 20);
    assert_eq!(report.data.submitted, 10);
    assert_eq!(report.data.on_chain, 10);
    println!("{}", serde_json::to_string_pretty(report).unwrap());
}
