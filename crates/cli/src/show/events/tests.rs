//! Stories, told.

use super::*;

fn hash(name: u8) -> Hash {
    Hash([name; 32])
}

fn block(name: u8, height: u64) -> BlockRef {
    BlockRef {
        hash: hash(name),
        height,
    }
}

fn mined(name: u8, height: u64, parent: u8) -> What {
    What::Mined {
        block: block(name, height),
        parent: hash(parent),
        entries: 0,
    }
}

fn tip(old: BlockRef, new: BlockRef, disconnected: u32) -> What {
    What::TipChanged {
        old,
        new,
        disconnected,
        connected: 1,
    }
}

/// What is told of events, a tenth of a second apart, as `(node, what)`.
fn told(events: Vec<(u32, What)>) -> String {
    let (mut headlines, mut teller) = (Headlines::default(), Teller::new());
    let mut lines = Vec::new();
    for (place, (node, what)) in (1..).zip(events) {
        let of_all = matches!(what, What::Split { .. } | What::Healed);
        let event = Event {
            time: Time(place * 100_000_000),
            node: (!of_all).then_some(NodeId(node)),
            what,
        };
        if headlines.is_one(&event) {
            lines.extend(teller.tell(&event));
        }
    }
    lines.extend(teller.flush());
    anstream::adapter::strip_str(&lines.join("\n")).to_string()
}

#[test]
fn nodes_that_make_the_same_reorg_share_a_line() {
    let (lost, won) = (block(0x22, 1), block(0x33, 2));
    insta::assert_snapshot!(
        told(vec![
            (0, mined(0x11, 1, 0)),
            (1, mined(0x22, 1, 0)),
            (0, mined(0x33, 2, 0x11)),
            (1, tip(lost, won, 1)),
            (3, tip(lost, won, 1)),
            (2, tip(lost, won, 1)),
            (1, mined(0x44, 3, 0x33)),
        ]),
        @r"
        0.100 s  ● n0 mined #1 11111111 on genesis
        0.200 s  ● n1 mined #1 22222222 on genesis  fork on genesis
        0.300 s  ● n0 mined #2 33333333 on #1 11111111
        0.400 s  ↺ n1–n3 reorg, 1 deep: #1 22222222 → #2 33333333
        0.700 s  ● n1 mined #3 44444444 on #2 33333333
        "
    );
}

#[test]
fn a_node_that_restarts_catches_up() {
    insta::assert_snapshot!(
        told(vec![
            (0, mined(0x11, 1, 0)),
            (1, What::Crashed),
            (0, mined(0x22, 2, 0x11)),
            (0, tip(block(0x11, 1), block(0x22, 2), 0)),
            (1, What::Restarted { tip: block(0, 0) }),
            (1, tip(block(0, 0), block(0x11, 1), 0)),
            (1, tip(block(0x11, 1), block(0x22, 2), 0)),
            (1, tip(block(0x22, 2), block(0x33, 3), 0)),
        ]),
        @r"
        0.100 s  ● n0 mined #1 11111111 on genesis
        0.200 s  ✗ n1 crashed; its memory is gone
        0.300 s  ● n0 mined #2 22222222 on #1 11111111
        0.500 s  ✓ n1 restarted with what it had stored, up to genesis
        0.700 s  ↑ n1 caught up with the others at #2 22222222
        "
    );
}

#[test]
fn what_is_done_to_the_network_is_told() {
    let group = |range: std::ops::Range<u32>| range.map(NodeId).collect::<Vec<_>>();
    insta::assert_snapshot!(
        told(vec![
            (0, What::Split { groups: vec![group(0..4), group(4..6)] }),
            (0, What::Healed),
            (1, What::LinkCut { to: NodeId(2) }),
            (1, What::LinkHealed { to: NodeId(2) }),
            (3, What::HashRate { tries_per_second: Some(4_000) }),
            (3, What::HashRate { tries_per_second: Some(0) }),
            (3, What::HashRate { tries_per_second: None }),
        ]),
        @r"
        0.100 s  ╫ the network is split: n0–n3 ╫ n4, n5
        0.200 s  ═ the network is healed: messages travel everywhere again
        0.300 s  ╳ n1 link cut to n2
        0.400 s  ═ n1 link healed to n2
        0.500 s  * n3 mines with 4,000 tries/s from now on
        0.600 s  * n3 stops mining
        0.700 s  * n3 mines as fast as it can from now on
        "
    );
}

#[test]
fn what_an_attacker_gives_away_is_told() {
    let attempt = |won, public_blocks, own_blocks| What::AttemptEnded {
        won,
        public_blocks,
        own_blocks,
    };
    insta::assert_snapshot!(
        told(vec![
            (2, mined(0x11, 1, 0)),
            (2, What::Published { block: block(0x11, 1) }),
            (2, attempt(true, 2, 3)),
            (2, attempt(false, 20, 1)),
        ]),
        @r"
        0.100 s  ● n2 mined #1 11111111 on genesis
        0.200 s  ○ n2 publishes #1 11111111, which it had kept
        0.300 s  ✓ n2 double spend: replaces 2 public blocks with 3 of its own
        0.400 s  ✗ n2 double spend: gives up replacing 20 public blocks with 1 of its own
        "
    );
}
