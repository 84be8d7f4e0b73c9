//! Random trees, held against the rules written a second time and against plain walks.

mod support;

use std::sync::Arc;

use forkful_core::merkle::merkle_root;
use forkful_core::tree::Probe;
use forkful_core::{
    Block, BlockId, BlockTree, Consensus, DifficultyRule, Entry, ForkChoice, Hash, Header,
    ProofOfWork, RuleError, Target, Timestamp, Work,
};
use proptest::prelude::*;
use ruint::aliases::{U256, U512};
use support::spec::Spec;

/// Targets here become harder than a test has time for, so nobody does the work.
#[derive(Debug)]
struct Unproved;

impl ProofOfWork for Unproved {
    fn is_done(&self, _: &Hash, _: &Target) -> bool {
        true
    }
}

const ALWAYS: Timestamp = Timestamp(u64::MAX);

fn difficulty() -> impl Strategy<Value = DifficultyRule> {
    let initial = Target(U256::MAX >> 2);
    let limit = Target(U256::MAX >> 1);
    let interval_ms = 1_000;
    prop_oneof![
        Just(DifficultyRule::Fixed { target: initial }),
        (2..6_u32, 2..5_u32).prop_map(move |(window, clamp)| DifficultyRule::Bitcoin {
            initial,
            limit,
            window,
            interval_ms,
            clamp
        }),
        (500..100_000_u64).prop_map(move |half_life_ms| DifficultyRule::Asert {
            initial,
            limit,
            interval_ms,
            half_life_ms
        }),
        (1..8_u32).prop_map(move |window| DifficultyRule::Lwma {
            initial,
            limit,
            window,
            interval_ms
        }),
    ]
}

/// For each block: how far back its parent is, how its time differs from the earliest.
fn shape() -> impl Strategy<Value = Vec<(usize, u64)>> {
    // Mostly chains, now and then a fork a little further back.
    let back = prop_oneof![6 => Just(0_usize), 2 => 1..4_usize, 1 => 0..200_usize];
    prop::collection::vec((back, 0..4_000_u64), 1..90)
}

/// The blocks of such a tree, parents first, with genesis left out.
fn grow(consensus: &Consensus, shape: &[(usize, u64)]) -> (BlockTree<Unproved>, Vec<Arc<Block>>) {
    let mut tree = BlockTree::new(consensus.clone(), Unproved);
    let mut blocks = Vec::new();
    for (number, (back, late_ms)) in shape.iter().enumerate() {
        let parent = tree.ids().nth(number.saturating_sub(*back)).unwrap();
        let entries: Vec<Entry> = vec![Entry::from(number.to_be_bytes())];
        let header = Header {
            index: tree.height(parent) + 1,
            timestamp: Timestamp(tree.median_time(parent).0 + 1 + late_ms),
            data: merkle_root(&entries),
            previous_hash: tree.hash(parent),
            nonce: 0,
        };
        let block = Arc::new(Block { header, entries });
        tree.insert_block(Arc::clone(&block), ALWAYS).unwrap();
        blocks.push(block);
    }
    (tree, blocks)
}

fn network(difficulty: DifficultyRule) -> Consensus {
    let mut consensus = Consensus::fixed(Target::MAX);
    consensus.difficulty = difficulty;
    consensus.check().unwrap();
    consensus
}

/// From the block down to genesis, parent by parent.
fn walk<P>(tree: &BlockTree<P>, from: BlockId) -> Vec<BlockId> {
    let mut walk = vec![from];
    while *walk.last().unwrap() != BlockId::GENESIS {
        walk.push(tree.parent(*walk.last().unwrap()));
    }
    walk
}

fn wide(work: Work) -> U512 {
    U512::from(work.0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Headers that are only looked at are held to the same rules as those that are kept.
    #[test]
    fn a_probe_agrees_with_the_tree(difficulty in difficulty(), shape in shape(), from in 0..90_u64) {
        let (tree, _) = grow(&network(difficulty), &shape);
        let tip = tree.ids().next_back().unwrap();
        let from = tree.ancestor(tip, from.min(tree.height(tip))).unwrap();
        let mut probe = Probe::at(&tree, from);
        for id in tree.path(from, tip) {
            let header = *tree.header(id);
            let median = tree.median_time(tree.parent(id)).0;
            let early = Header { timestamp: Timestamp(median), ..header };
            let too_old = RuleError::TimestampTooOld { median, found: median };
            prop_assert_eq!(probe.push(&tree, &early, ALWAYS), Err(too_old));
            let wrong = Header { index: header.index + 1, ..header };
            prop_assert!(probe.push(&tree, &wrong, ALWAYS).is_err());
            prop_assert_eq!(probe.push(&tree, &header, ALWAYS), Ok(()));
            prop_assert_eq!(probe.last(), tree.hash(id));
            prop_assert_eq!(probe.height(), tree.height(id));
            prop_assert_eq!(probe.total_work(), tree.total_work(id));
        }
    }

    #[test]
    fn what_a_block_demands_of_its_children_is_what_the_rules_say(
        difficulty in difficulty(),
        shape in shape(),
    ) {
        let consensus = network(difficulty);
        let (tree, blocks) = grow(&consensus, &shape);
        let mut spec = Spec::new(&consensus);
        spec.checks_work = false;
        for block in &blocks {
            // Panics with the rule that the block breaks.
            spec.insert(block, u64::MAX / 2);
        }
        for id in tree.ids() {
            let hash = tree.hash(id);
            let known = spec.get(&hash).unwrap();
            prop_assert_eq!(tree.target(id).0, known.target);
            prop_assert_eq!(wide(tree.total_work(id)), known.total_work);
            prop_assert_eq!(tree.child_target(id).0, spec.child_target(&hash));
            prop_assert_eq!(tree.median_time(id).0, spec.median_time(&hash));
        }
    }

    #[test]
    fn ancestors_fork_points_paths_and_locators_are_those_of_a_plain_walk(
        shape in shape(),
        picks in prop::collection::vec(any::<(prop::sample::Index, prop::sample::Index)>(), 20),
    ) {
        let (tree, _) = grow(&network(DifficultyRule::Fixed { target: Target::MAX }), &shape);
        for (a, b) in picks {
            let pick = |index: prop::sample::Index| tree.ids().nth(index.index(tree.len())).unwrap();
            let (a, b) = (pick(a), pick(b));
            let (walk_a, walk_b) = (walk(&tree, a), walk(&tree, b));
            for at in &walk_a {
                prop_assert_eq!(tree.ancestor(a, tree.height(*at)), Some(*at));
            }
            prop_assert_eq!(tree.ancestor(a, tree.height(a) + 1), None);
            prop_assert_eq!(tree.is_ancestor(b, a), walk_a.contains(&b));
            let fork_point = *walk_a.iter().find(|at| walk_b.contains(at)).unwrap();
            prop_assert_eq!(tree.fork_point(a, b), fork_point);
            let mut path: Vec<_> = walk_a.iter().copied().take_while(|at| *at != fork_point).collect();
            path.reverse();
            prop_assert_eq!(tree.path(fork_point, a), path);

            // The last 11 one by one, then in steps that double, then genesis.
            let heights: Vec<_> = tree.locator(a).iter().map(|id| tree.height(*id)).collect();
            let mut expected: Vec<u64> = (0..=tree.height(a)).rev().take(11).collect();
            let mut step = 2;
            while *expected.last().unwrap() > 0 {
                expected.push(expected.last().unwrap().saturating_sub(step));
                step *= 2;
            }
            prop_assert_eq!(heights, expected);
            prop_assert!(tree.locator(a).iter().all(|id| walk_a.contains(id)));
        }
    }

    #[test]
    fn the_order_in_which_blocks_come_does_not_matter(
        difficulty in difficulty(),
        shape in shape(),
        seed in any::<u64>(),
    ) {
        let consensus = network(difficulty);
        let (tree, blocks) = grow(&consensus, &shape);
        let mut other = BlockTree::new(consensus, Unproved);
        let mut waiting = blocks.clone();
        let mut random = seed;
        while !waiting.is_empty() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let pick = usize::try_from(random >> 40).unwrap() % waiting.len();
            let block = waiting.swap_remove(pick);
            // Header first or whole, once or twice.
            if random & 1 == 0 {
                let _ = other.insert_header(block.header, ALWAYS);
            }
            match other.insert_block(Arc::clone(&block), ALWAYS) {
                Ok(id) => prop_assert_eq!(other.insert_block(block, ALWAYS), Ok(id)),
                Err(RuleError::UnknownParent(parent)) => {
                    prop_assert_eq!(parent, block.header.previous_hash);
                    waiting.push(block);
                }
                Err(other) => prop_assert!(false, "{}", other),
            }
        }
        prop_assert_eq!(other.len(), tree.len());
        for block in &blocks {
            let hash = block.header.hash();
            let (a, b) = (tree.find(&hash).unwrap(), other.find(&hash).unwrap());
            prop_assert_eq!(tree.total_work(a), other.total_work(b));
            prop_assert_eq!(tree.child_target(a), other.child_target(b));
            prop_assert_eq!(tree.median_time(a), other.median_time(b));
            let parents = (tree.hash(tree.parent(a)), other.hash(other.parent(b)));
            prop_assert_eq!(parents.0, parents.1);
        }
    }
}

#[test]
fn a_chain_of_a_hundred_thousand_headers_is_walked_in_few_steps() {
    let consensus = network(DifficultyRule::Fixed {
        target: Target::MAX,
    });
    let mut tree = BlockTree::new(consensus, Unproved);
    let mut parent = BlockId::GENESIS;
    for index in 1..=100_000 {
        let header = Header {
            index,
            timestamp: Timestamp(tree.header(BlockId::GENESIS).timestamp.0 + index),
            data: Hash::ZERO,
            previous_hash: tree.hash(parent),
            nonce: 0,
        };
        parent = tree.insert_header(header, ALWAYS).unwrap();
    }
    assert!(tree.locator(parent).len() < 30);
    for height in (0..100_000).step_by(997) {
        let ancestor = tree.ancestor(parent, height).unwrap();
        assert_eq!(tree.height(ancestor), height);
    }
}

#[test]
fn work_that_does_not_fit_is_refused() {
    // Each block stands for 2^255: a third one with genesis would not fit.
    let target = Target(U256::ONE);
    let consensus = network(DifficultyRule::Fixed { target });
    let mut tree = BlockTree::new(consensus, Unproved);
    let header = Header {
        index: 1,
        timestamp: Timestamp(tree.header(BlockId::GENESIS).timestamp.0 + 1),
        data: Hash::ZERO,
        previous_hash: tree.hash(BlockId::GENESIS),
        nonce: 0,
    };
    assert_eq!(
        tree.insert_header(header, ALWAYS),
        Err(RuleError::WorkOverflow)
    );
    assert_eq!(tree.len(), 1);
}

#[test]
fn the_longest_chain_is_better_by_height_only() {
    let mut consensus = network(DifficultyRule::Bitcoin {
        initial: Target(U256::MAX >> 4),
        limit: Target::MAX,
        window: 2,
        interval_ms: 1_000,
        clamp: 16,
    });
    for (fork_choice, hard_wins) in [(ForkChoice::MostWork, true), (ForkChoice::Longest, false)] {
        consensus.fork_choice = fork_choice;
        // Six quick blocks, and seven slow ones from genesis.
        let mut shape = vec![(0, 0); 6];
        shape.push((6, 4_000));
        shape.extend([(0, 3_999); 6]);
        let (tree, blocks) = grow(&consensus, &shape);
        let find = |number: usize| tree.find(&blocks[number].header.hash()).unwrap();
        let (hard, easy) = (find(5), find(12));
        assert_eq!((tree.height(hard), tree.height(easy)), (6, 7));
        assert_eq!(tree.is_better(hard, easy), hard_wins);
        assert_eq!(tree.is_better(easy, hard), !hard_wins);
        assert!(!tree.is_better(hard, hard));
    }
}
