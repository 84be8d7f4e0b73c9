//! A text that claims to be a scenario.

use forkful_core::{Consensus, Timestamp};
use forkful_scenario::{Scenario, World};

/// Nodes up to which links are made: more is a matter of time, not of reading.
const NODES_MAX: u32 = 64;

/// A text becomes a checked scenario, which says itself again, or one line that says why not.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match Scenario::from_toml(text) {
        Ok(scenario) => is_checked(&scenario),
        Err(error) => is_a_sentence(&error.to_string()),
    }
}

fn is_checked(scenario: &Scenario) {
    let again = scenario.to_toml();
    let other = Scenario::from_toml(&again).expect("a scenario gives itself again");
    assert_eq!(other.to_toml(), again);
    assert_eq!(
        format!("{:?}", other.network),
        format!("{:?}", scenario.network)
    );
    let consensus = scenario.consensus(Timestamp(1));
    assert_eq!(consensus.check(), Ok(()), "a network that cannot be");
    let text = consensus.canonical_text();
    assert_eq!(Consensus::from_canonical_text(&text), Ok(consensus));
    for world in [World::Mesh, World::Sim] {
        if let Err(error) = scenario.check_world(world) {
            is_a_sentence(&error.to_string());
        }
    }
    let nodes = scenario.network.nodes;
    if nodes <= NODES_MAX && scenario.check_world(World::Sim).is_ok() {
        let links = scenario.links();
        assert!(links.is_sorted(), "links out of order");
        for (a, b) in links {
            assert!(a < b && b.0 < nodes, "a link of {a:?} and {b:?}");
            let _ = scenario.link(a, b);
        }
    }
}

/// Short, and nothing in it plays tricks on a terminal.
fn is_a_sentence(text: &str) {
    assert!(
        !text.is_empty() && text.len() < 2_000,
        "{} bytes of error",
        text.len()
    );
    assert!(!text.chars().any(char::is_control), "{text:?}");
}
