//! Trees, drawn.

use forkful_core::{BlockRef, Time};

use super::*;

fn hash(name: u8) -> Hash {
    Hash([name; 32])
}

/// Blocks as `(name, parent, miner)`, a tenth of a second apart; genesis is 0.
fn drawn(blocks: &[(u8, u8, u32)], tip: u8) -> String {
    let mut tree = ForkTree::new(BlockRef {
        hash: hash(0),
        height: 0,
    });
    for (place, (name, parent, miner)) in (1_u64..).zip(blocks) {
        let height = tree.get(&hash(*parent)).unwrap().height + 1;
        assert!(tree.insert(BlockRecord {
            hash: hash(*name),
            parent: hash(*parent),
            height,
            miner: Some(NodeId(*miner)),
            time: Time(place * 100_000_000),
            entries: 0,
        }));
    }
    let tips = BTreeMap::from([(hash(tip), vec![NodeId(0), NodeId(1), NodeId(2)])]);
    let lines = lines(&tree, &hash(tip), &tips, 80);
    anstream::adapter::strip_str(&lines.join("\n")).to_string()
}

#[test]
fn a_block_that_lost_a_race_is_a_twig() {
    insta::assert_snapshot!(
        drawn(&[(0x11, 0, 0), (0x22, 0x11, 1), (0x33, 0x11, 2), (0x44, 0x33, 0)], 0x44),
        @r"
        0  ●    genesis
        1  ●    n0   11111111    0.100 s
        2  ├─○  n1   22222222    0.200 s  stale, 100 ms before 33333333
        2  ●    n2   33333333    0.300 s
        3  ●    n0   44444444    0.400 s  ◀ tip of n0–n2
        "
    );
}

#[test]
fn a_branch_has_a_lane_while_it_lives_and_can_fork_itself() {
    insta::assert_snapshot!(
        drawn(
            &[
                (0x11, 0, 0),
                (0x21, 0x11, 1),
                (0x22, 0x11, 2),
                (0x31, 0x21, 1),
                (0x32, 0x22, 2),
                (0x41, 0x31, 1),
                (0x4a, 0x31, 3),
                (0x42, 0x32, 2),
                (0x4b, 0x32, 4),
                (0x52, 0x42, 2),
                (0x62, 0x52, 2),
            ],
            0x62
        ),
        @r"
        0  ●      genesis
        1  ●      n0   11111111    0.100 s
        2  ├─○    n1   21212121    0.200 s  stale, 100 ms before 22222222
        2  ● │    n2   22222222    0.300 s
        3  │ ○    n1   31313131    0.400 s  stale
        3  ● │    n2   32323232    0.500 s
        4  │ ├─○  n3   4a4a4a4a    0.700 s  stale
        4  │ ○    n1   41414141    0.600 s  stale: the end of 3 blocks
        4  ├─○    n4   4b4b4b4b    0.900 s  stale, 100 ms after 42424242
        4  ●      n2   42424242    0.800 s
        5  ●      n2   52525252    1.000 s
        6  ●      n2   62626262    1.100 s  ◀ tip of n0–n2
        "
    );
}

#[test]
fn a_long_quiet_stretch_is_one_row() {
    let blocks: Vec<(u8, u8, u32)> = (1..=9).map(|name| (name, name - 1, name.into())).collect();
    insta::assert_snapshot!(drawn(&blocks, 9), @r"
        0  ●  genesis
           ┊  8 blocks in a row: n1 n2 n3 n4 n5 n6 n7 n8
        9  ●  n9   90909090    0.900 s  ◀ tip of n0–n2
        ");
}

#[test]
fn a_branch_on_the_tip_bends_off() {
    insta::assert_snapshot!(drawn(&[(0x11, 0, 0), (0x22, 0x11, 1)], 0x11), @r"
        0  ●    genesis
        1  ●    n0   11111111    0.100 s  ◀ tip of n0–n2
        2  └─○  n1   22222222    0.200 s  stale
        ");
}

#[test]
fn a_run_without_blocks_is_genesis_alone() {
    insta::assert_snapshot!(drawn(&[], 0), @"      0  ●  genesis  ◀ tip of n0–n2");
}

/// Each twig ends in its own row, so all share one lane.
#[test]
fn a_broom_of_twigs_is_drawn_in_two_lanes() {
    let mut blocks: Vec<(u8, u8, u32)> = (1..=30).map(|name| (name, 0, name.into())).collect();
    blocks.push((31, 30, 0));
    let text = drawn(&blocks, 31);
    assert_eq!(text.matches("├─○").count(), 29, "{text}");
}

#[test]
fn branches_without_a_lane_are_counted() {
    let mut blocks: Vec<(u8, u8, u32)> = (1..=30).map(|name| (name, 0, name.into())).collect();
    blocks.extend((1..=30).map(|name| (100 + name, name, u32::from(name))));
    blocks.push((200, 101, 0));
    let text = drawn(&blocks, 200);
    assert!(text.ends_with("and 23 more stale branches"), "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}
