//! What attackers earn, against the formulas of their papers.
//!
//! A toy network: a lottery that finds blocks at once, messages that arrive at once, the
//! attacker linked with each honest node and these not with each other. Who is told first in a
//! race decides gamma, the part of the honest that mines on the attacker's branch: none if
//! there is one honest node, which has its own block; all if two honest nodes take turns,
//! for then the one that finds the next block has heard of the attacker's branch alone.

use std::collections::VecDeque;
use std::sync::Arc;

use forkful_core::strategy::{Attempt, DoubleSpend, Selfish, Stubborn};
use forkful_core::{
    BlockId, BlockTree, Config, Consensus, Effect, Hash, Honest, Input, Node, Now, PeerId,
    ProofOfWork, Strategy, Target, Time, Timestamp,
};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// Every block is found.
#[derive(Debug)]
struct Found;

impl ProofOfWork for Found {
    fn is_done(&self, _: &Hash, _: &Target) -> bool {
        true
    }
}

struct Toy {
    tree: BlockTree<Found>,
    /// The attacker, then the honest.
    nodes: Vec<Node>,
    finders: Vec<usize>,
    attempts: Vec<Attempt>,
    under_way: VecDeque<(usize, Input)>,
    rng: Xoshiro256PlusPlus,
}

impl Toy {
    fn new(strategy: Box<dyn Strategy>, honest: usize, seed: u64) -> Toy {
        let config = Config {
            tip_interval: None,
            ..Config::default()
        };
        let mut nodes = vec![Node::new(config, strategy, seed)];
        nodes.extend((1..=honest).map(|n| Node::new(config, Box::new(Honest), n as u64)));
        let mut toy = Toy {
            tree: BlockTree::new(Consensus::fixed(Target::MAX), Found),
            nodes,
            finders: vec![usize::MAX],
            attempts: Vec::new(),
            under_way: VecDeque::new(),
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
        };
        for node in 1..=honest {
            toy.under_way.push_back((0, Input::Connected(peer(node))));
            toy.under_way.push_back((node, Input::Connected(peer(0))));
        }
        toy.deliver();
        toy
    }

    /// So many blocks, of which the attacker finds `alpha`.
    fn play(mut self, blocks: usize, alpha: f64) -> Toy {
        let honest = self.nodes.len() - 1;
        let mut last = 1;
        for _ in 0..blocks {
            let attacks = self.chance() < alpha;
            if !attacks {
                last = last % honest + 1;
            }
            self.find(if attacks { 0 } else { last });
        }
        self
    }

    fn chance(&mut self) -> f64 {
        (self.rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn now(&self) -> Now {
        let millis = self.finders.len() as u64 * 1_000;
        Now {
            time: Time(millis * 1_000_000),
            clock: Timestamp(1_767_225_600_000 + millis),
        }
    }

    fn find(&mut self, node: usize) {
        let now = self.now();
        let template = self.nodes[node].template(now, &self.tree);
        let block = template.into_block(now.clock, self.finders.len() as u64);
        let block = self.tree.insert_block(Arc::new(block), now.clock).unwrap();
        assert_eq!(block.index(), self.finders.len());
        self.finders.push(node);
        self.under_way.push_back((node, Input::Mined(block)));
        self.deliver();
    }

    fn deliver(&mut self) {
        let now = self.now();
        let mut effects = Vec::new();
        while let Some((node, input)) = self.under_way.pop_front() {
            self.nodes[node].handle(now, input, &self.tree, &mut effects);
            for effect in effects.drain(..) {
                match effect {
                    Effect::Send(to, message) => {
                        let input = Input::Received(peer(node), message);
                        self.under_way.push_back((to.0 as usize, input));
                    }
                    Effect::Attempt(attempt) => self.attempts.push(attempt),
                    _ => {}
                }
            }
        }
    }

    /// The attacker's part of the chain, and its standard error: that of the means of 100
    /// pieces of the chain.
    fn share(&self) -> (f64, f64) {
        let chain = self.tree.path(BlockId::GENESIS, self.nodes[1].tip());
        let pieces = chain.chunks_exact(chain.len() / 100);
        let share = |piece: &[BlockId]| {
            let own = piece.iter().filter(|id| self.finders[id.index()] == 0);
            own.count() as f64 / piece.len() as f64
        };
        let shares: Vec<f64> = pieces.map(share).collect();
        let count = shares.len() as f64;
        let mean = shares.iter().sum::<f64>() / count;
        let spread = shares.iter().map(|share| (share - mean).powi(2));
        (mean, (spread.sum::<f64>() / (count - 1.0) / count).sqrt())
    }
}

fn peer(node: usize) -> PeerId {
    PeerId(u32::try_from(node).unwrap())
}

const BLOCKS: usize = 200_000;

/// Eyal and Sirer 2014, equation 8.
fn selfish_revenue(a: f64, g: f64) -> f64 {
    let honest = 1.0 - a;
    (a * honest.powi(2) * (4.0 * a + g * (1.0 - 2.0 * a)) - a.powi(3))
        / (1.0 - a * (1.0 + (2.0 - a) * a))
}

fn assert_near(name: &str, (found, error): (f64, f64), expected: f64) {
    let off = (found - expected) / error;
    println!("{name}: {found:.5} where {expected:.5} is expected, {off:+.2} standard errors");
    assert!(error < 0.01, "{name}: {error} says little");
    assert!(off.abs() < 4.0, "{name}: {found} is not {expected}");
}

fn assert_selfish(seed: u64, alpha: f64, gamma: usize) {
    let toy = Toy::new(Box::new(Selfish::default()), 1 + gamma, seed);
    let share = toy.play(BLOCKS, alpha).share();
    let expected = selfish_revenue(alpha, gamma as f64);
    assert_near(&format!("alpha {alpha}, gamma {gamma}"), share, expected);
}

#[test]
fn selfish_mining_earns_what_the_paper_says_of_gamma_0() {
    assert_selfish(1, 0.25, 0);
    assert_selfish(2, 0.40, 0);
}

#[test]
fn selfish_mining_earns_what_the_paper_says_of_gamma_1() {
    assert_selfish(3, 0.10, 1);
    assert_selfish(4, 0.35, 1);
}

#[test]
fn the_formula_has_the_published_values() {
    let published = [
        (0.10, [0.03564, 0.07242, 0.10919]),
        (0.30, [0.27313, 0.32687, 0.38062]),
        (0.45, [0.65177, 0.68060, 0.70942]),
    ];
    for (alpha, row) in published {
        for (gamma, value) in [0.0, 0.5, 1.0].into_iter().zip(row) {
            assert!((selfish_revenue(alpha, gamma) - value).abs() < 6e-6);
        }
    }
}

/// Nayak et al. 2016 as a game of numbers, without blocks: the lengths of two branches.
fn stubborn_revenue(ways: (bool, bool, i64), alpha: f64, gamma: f64, seed: u64) -> f64 {
    let (lead_stubborn, fork_stubborn, trail) = ways;
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut chance = || (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let (mut own, mut theirs, mut is_race) = (0_i64, 0_i64, false);
    let (mut earned, mut lost) = (0_i64, 0_i64);
    for _ in 0..5_000_000 {
        if chance() < alpha {
            let was_equal = own == theirs && theirs > 0;
            own += 1;
            if was_equal && !fork_stubborn {
                earned += own;
                (own, theirs, is_race) = (0, 0, false);
            }
            continue;
        }
        if is_race && chance() < gamma {
            // On the published part of the attacker's branch.
            earned += theirs;
            own -= theirs;
            theirs = 0;
        }
        theirs += 1;
        is_race = false;
        let lead = own - theirs;
        if lead < -trail || own == 0 {
            lost += theirs;
            (own, theirs) = (0, 0);
        } else if lead == 1 && !lead_stubborn {
            earned += own;
            (own, theirs) = (0, 0);
        } else if lead >= 0 {
            is_race = true;
        }
    }
    earned as f64 / (earned + lost) as f64
}

fn assert_stubborn(seed: u64, ways: (bool, bool, u64), alpha: f64, gamma: usize) {
    let strategy = Stubborn::new(ways.0, ways.1, ways.2);
    let toy = Toy::new(Box::new(strategy), 1 + gamma, seed);
    let share = toy.play(BLOCKS / 2, alpha).share();
    let ways = (ways.0, ways.1, i64::try_from(ways.2).unwrap());
    let expected = stubborn_revenue(ways, alpha, gamma as f64, seed);
    assert_near(&format!("{ways:?}, gamma {gamma}"), share, expected);
}

#[test]
fn without_stubbornness_the_game_of_numbers_is_that_of_the_selfish() {
    for gamma in [0.0, 1.0] {
        let revenue = stubborn_revenue((false, false, 0), 0.35, gamma, 9);
        let off = (revenue - selfish_revenue(0.35, gamma)).abs();
        assert!(off < 0.002, "gamma {gamma}: {revenue}");
    }
}

#[test]
fn one_way_to_be_stubborn_earns_what_the_game_of_numbers_says() {
    assert_stubborn(1, (true, false, 0), 0.40, 1);
    assert_stubborn(2, (false, true, 0), 0.40, 0);
    assert_stubborn(3, (false, false, 1), 0.40, 0);
}

#[test]
fn several_ways_to_be_stubborn_earn_what_the_game_of_numbers_says() {
    assert_stubborn(4, (true, true, 1), 0.35, 1);
    assert_stubborn(5, (true, false, 1), 0.40, 0);
}

/// Rosenfeld 2014, section 3, with `q` for the attacker's part.
fn double_spend_success(q: f64, confirmations: u32) -> f64 {
    let (p, n) = (1.0 - q, f64::from(confirmations));
    let mut failure = 0.0;
    let mut ways = 1.0;
    for m in 0..=confirmations {
        let m = f64::from(m);
        failure += ways * (p.powf(n) * q.powf(m) - p.powf(m) * q.powf(n));
        ways *= (m + n) / (m + 1.0);
    }
    1.0 - failure
}

#[test]
fn double_spends_succeed_as_often_as_rosenfeld_says() {
    for (q, confirmations, value) in [(0.1, 1, 0.2), (0.1, 4, 0.005_456), (0.3, 6, 0.156_450)] {
        assert!((double_spend_success(q, confirmations) - value).abs() < 6e-7);
    }
    for (seed, (q, confirmations)) in (1..).zip([(0.1, 1), (0.1, 2), (0.3, 4)]) {
        // So far behind, the rest of the chance is nothing.
        let strategy = DoubleSpend::new(confirmations.into(), 25);
        let toy = Toy::new(Box::new(strategy), 1, seed).play(BLOCKS / 2, q);
        let count = toy.attempts.len() as f64;
        let won = toy.attempts.iter().filter(|attempt| attempt.won).count();
        let expected = double_spend_success(q, confirmations);
        let error = (expected * (1.0 - expected) / count).sqrt();
        let name = format!("q {q}, z {confirmations}, {count} attempts");
        assert_near(&name, (won as f64 / count, error), expected);
    }
}

#[test]
fn an_honest_miner_earns_its_part() {
    let toy = Toy::new(Box::new(Honest), 2, 5).play(BLOCKS / 4, 0.3);
    assert_near("honest", toy.share(), 0.3);
    assert_eq!(toy.tree.height(toy.nodes[1].tip()), BLOCKS as u64 / 4);
}
