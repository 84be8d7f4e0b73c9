//! The rules once more, from DESIGN.md alone: slow, plain, and sharing no code with the
//! tree. What a node follows is held against this.

use std::collections::HashMap;

use forkful_core::{Block, Consensus, DifficultyRule, Entry, ForkChoice, Hash, Header};
use ruint::aliases::{U256, U512};
use sha2::{Digest, Sha256};

fn sha(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    Hash(hasher.finalize().into())
}

/// SHA-256( index || timestamp || data || previous_hash || nonce ).
pub fn header_hash(header: &Header) -> Hash {
    sha(&[
        &header.index.to_be_bytes(),
        &header.timestamp.0.to_be_bytes(),
        &header.data.0,
        &header.previous_hash.0,
        &header.nonce.to_be_bytes(),
    ])
}

/// RFC 6962, section 2.1.
pub fn merkle(entries: &[Entry]) -> Hash {
    match entries {
        [] => sha(&[]),
        [entry] => sha(&[&[0], entry]),
        more => {
            let mut half = 1;
            while half * 2 < more.len() {
                half *= 2;
            }
            let (left, right) = (merkle(&more[..half]), merkle(&more[half..]));
            sha(&[&[1], &left.0, &right.0])
        }
    }
}

/// 2^256 / (target + 1).
pub fn work(target: U256) -> U512 {
    (U512::ONE << 256) / (U512::from(target) + U512::ONE)
}

/// One valid, connected block.
#[derive(Clone, Debug)]
pub struct Known {
    pub header: Header,
    pub target: U256,
    pub total_work: U512,
}

/// Everything valid and connected that one participant was given, in order.
#[derive(Clone, Debug)]
pub struct Spec {
    consensus: Consensus,
    known: HashMap<Hash, Known>,
    best: Hash,
    /// Off for trees whose work nobody did.
    pub checks_work: bool,
}

impl Spec {
    pub fn new(consensus: &Consensus) -> Self {
        let header = consensus.genesis().header;
        let target = consensus.difficulty.initial().0;
        let total_work = work(target);
        let best = header_hash(&header);
        let genesis = Known {
            header,
            target,
            total_work,
        };
        Spec {
            consensus: consensus.clone(),
            known: HashMap::from([(best, genesis)]),
            best,
            checks_work: true,
        }
    }

    /// The best block by fork choice; of equals the one that came first.
    pub fn best(&self) -> Hash {
        self.best
    }

    pub fn get(&self, hash: &Hash) -> Option<&Known> {
        self.known.get(hash)
    }

    /// Takes the block in, or panics with the rule that it breaks.
    pub fn insert(&mut self, block: &Block, clock_ms: u64) {
        let header = block.header;
        let hash = header_hash(&header);
        assert!(!self.known.contains_key(&hash), "{hash} stored twice");
        let parent = self.known.get(&header.previous_hash);
        let parent = parent.unwrap_or_else(|| panic!("{hash} stored before its parent"));
        assert_eq!(header.index, parent.header.index + 1, "index");
        assert_eq!(header.data, merkle(&block.entries), "body");
        let bytes: usize = block.entries.iter().map(|entry| entry.len()).sum();
        assert!(block.entries.len() <= self.consensus.entries_max as usize);
        assert!(bytes <= self.consensus.body_bytes_max as usize);
        let target = self.child_target(&header.previous_hash);
        let work_done = U256::from_be_bytes(hash.0) <= target;
        assert!(work_done || !self.checks_work, "work not done");
        let median = self.median_time(&header.previous_hash);
        assert!(header.timestamp.0 > median, "timestamp too old");
        assert!(
            header.timestamp.0 <= clock_ms + 2 * 3_600_000,
            "timestamp too new"
        );
        let total_work = parent.total_work + work(target);
        let known = Known {
            header,
            target,
            total_work,
        };
        let best = &self.known[&self.best];
        let better = match self.consensus.fork_choice {
            ForkChoice::MostWork => known.total_work > best.total_work,
            ForkChoice::Longest => known.header.index > best.header.index,
        };
        if better {
            self.best = hash;
        }
        self.known.insert(hash, known);
    }

    /// The middle one of the last 11 timestamps; of an even number, the upper.
    pub fn median_time(&self, tip: &Hash) -> u64 {
        let mut times: Vec<u64> = self
            .back(tip)
            .take(11)
            .map(|k| k.header.timestamp.0)
            .collect();
        times.sort_unstable();
        times[times.len() / 2]
    }

    /// The chain from `tip` back to genesis.
    pub fn back(&self, tip: &Hash) -> impl Iterator<Item = &Known> {
        let first = self.known.get(tip);
        std::iter::successors(first, |k| self.known.get(&k.header.previous_hash))
    }

    /// The target that a child of `parent` has to meet.
    pub fn child_target(&self, parent: &Hash) -> U256 {
        let above = &self.known[parent];
        let height = above.header.index;
        match self.consensus.difficulty {
            DifficultyRule::Fixed { target } => target.0,
            DifficultyRule::Bitcoin {
                limit,
                window,
                interval_ms,
                clamp,
                ..
            } => {
                if !(height + 1).is_multiple_of(u64::from(window)) {
                    return above.target;
                }
                let first = self.back(parent).nth(window as usize - 1).unwrap();
                let expected = i128::from(interval_ms) * i128::from(window);
                let clamp = i128::from(clamp);
                let actual = (time(above) - time(first)).clamp(expected / clamp, expected * clamp);
                bounded(
                    U512::from(above.target) * wide(actual) / wide(expected),
                    limit.0,
                )
            }
            DifficultyRule::Asert {
                initial,
                limit,
                interval_ms,
                half_life_ms,
            } => {
                // The anchor is genesis, whose parent would be one interval older.
                let start = i128::from(self.consensus.genesis_time.0) - i128::from(interval_ms);
                let due = i128::from(interval_ms) * (i128::from(height) + 1);
                let late = time(above) - start - due;
                asert(initial.0, late * 65_536 / i128::from(half_life_ms), limit.0)
            }
            DifficultyRule::Lwma {
                initial,
                limit,
                window,
                interval_ms,
            } => {
                if height < u64::from(window) + 1 {
                    return initial.0;
                }
                let mut chain: Vec<_> = self.back(parent).take(window as usize + 1).collect();
                chain.reverse();
                lwma(&chain, i128::from(interval_ms), limit.0)
            }
        }
    }
}

/// `exponent` is how many half-lives the chain is late, in parts of 65,536.
fn asert(anchor: U256, exponent: i128, limit: U256) -> U256 {
    let whole = exponent.div_euclid(65_536);
    let x = exponent.rem_euclid(65_536);
    let cubic = 195_766_423_245_049 * x + 971_821_376 * x * x + 5_127 * x * x * x;
    let factor = 65_536 + ((cubic + (1 << 47)) >> 48);
    let mut next = U512::from(anchor) * wide(factor);
    for _ in 0..whole.max(0) {
        // Otherwise it is beyond every limit already.
        if next >> 400 == U512::ZERO {
            next <<= 1;
        }
    }
    // Rounded down once, at the end.
    let halvings = usize::try_from((-whole).max(0)).unwrap() + 16;
    bounded(next >> halvings.min(511), limit)
}

/// Solve times rise by a millisecond at least and count as six intervals at most.
fn lwma(chain: &[&Known], interval_ms: i128, limit: U256) -> U256 {
    let mut at = time(chain[0]);
    let (mut weighted, mut targets, mut weights) = (0_i128, U512::ZERO, 0_i128);
    let mut count = 0_i128;
    for block in &chain[1..] {
        count += 1;
        weights += count;
        let counted = time(block).max(at + 1);
        weighted += count * (counted - at).min(6 * interval_ms);
        targets += U512::from(block.target);
        at = counted;
    }
    let expected = wide(count) * wide(weights) * wide(interval_ms);
    bounded(targets * wide(weighted) / expected, limit)
}

fn time(block: &Known) -> i128 {
    i128::from(block.header.timestamp.0)
}

fn wide(number: i128) -> U512 {
    U512::from(u128::try_from(number).expect("not negative"))
}

fn bounded(target: U512, limit: U256) -> U256 {
    let target = target.min(U512::from(limit)).max(U512::ONE);
    U256::from(target)
}
