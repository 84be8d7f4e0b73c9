//! In the steady state an event takes no memory: what a run asks for follows from its blocks, not
//! from its messages.

use forkful_scenario::{Overrides, Scenario, preset};
use forkful_sim::{Options, play};

/// How often memory was asked for in a run until so many blocks, and how many messages were sent.
fn played(nodes: u32, blocks: u64) -> (u64, u64) {
    let overrides = Overrides {
        nodes: Some(nodes),
        blocks: Some(blocks),
        ..Overrides::default()
    };
    let preset = Scenario::from_toml(preset("simblock-2019").unwrap().toml).unwrap();
    let scenario = preset.with(&overrides).unwrap();
    let mut sent = 0;
    let counted = allocation_counter::measure(|| {
        let outcome = play(&scenario, Options::default()).unwrap();
        sent = outcome.report.messages_total().sent;
    });
    (counted.count_total, sent)
}

#[test]
fn messages_take_no_memory() {
    let (few, few_sent) = played(600, 10);
    let (many, many_sent) = played(600, 60);
    let (asked, sent) = (many.saturating_sub(few), many_sent - few_sent);
    assert!(sent > 250_000, "{sent} messages");
    // Tables and queues double now and then, and a block is a few pieces of memory.
    assert!(
        asked * 100 < sent,
        "memory was asked for {asked} times for {sent} messages"
    );
}
