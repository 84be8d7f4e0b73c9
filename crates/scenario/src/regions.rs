//! A network's regions: who is where, how far it is from one to another, how fast the lines are.

use crate::check::region_table;
use crate::distribution::Distribution;
use crate::error::ScenarioError;
use crate::stream::Stream;

/// Where the nodes of a network are and what connects them: measured facts, from a file in
/// `crates/scenario/networks` or one of the user's own.
#[derive(Clone, PartialEq, Debug)]
pub struct RegionTable {
    /// What the network is called.
    pub name: Option<String>,
    /// What each region is called.
    pub names: Vec<String>,
    /// The part of the nodes that each has; they sum to 1.
    pub shares: Vec<f64>,
    /// The mean latency of a message in milliseconds: from each region to each, row by row.
    pub latency_ms: Vec<f64>,
    /// Bits per second that a node of each region sends; `None` is unlimited.
    pub upload_bits: Option<Vec<Distribution>>,
    /// Bits per second that a node of each region receives; `None` is unlimited.
    pub download_bits: Option<Vec<Distribution>>,
    /// How many links a node opens.
    pub degree: Option<Distribution>,
    /// How many links a node has at least.
    pub min_links: Option<Distribution>,
    /// How many links a node has at most.
    pub max_links: Option<Distribution>,
    /// What a block weighs, in bytes.
    pub block_bytes: Option<Distribution>,
}

/// A region table that comes with forkful.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NetworkFile {
    /// What it is called in `network.regions`.
    pub name: &'static str,
    /// What it describes, in one sentence: the file's own.
    pub about: &'static str,
    /// Its file.
    pub toml: &'static str,
}

impl RegionTable {
    /// Reads a table from the text of a file of its own.
    ///
    /// # Errors
    /// The first thing that is wrong, with its key, line and column.
    pub fn from_toml(text: &str, name: &str) -> Result<RegionTable, ScenarioError> {
        region_table(text, name)
    }

    /// The number of a region, by its name.
    pub fn region(&self, name: &str) -> Option<u8> {
        let place = self.names.iter().position(|known| known == name)?;
        u8::try_from(place).ok()
    }

    /// Each node's region: exactly the shares, rounded by largest remainders, and who is where
    /// by chance. One more node moves few of the others.
    pub(crate) fn assign(&self, nodes: u32, seed: u64) -> Vec<u8> {
        let mut order: Vec<(u64, u32)> = (0..nodes)
            .map(|node| (Stream::Region(forkful_core::NodeId(node)).seed(seed), node))
            .collect();
        order.sort_unstable();
        let mut of = vec![0; nodes as usize];
        let mut next = order.into_iter();
        for (region, count) in (0..=u8::MAX).zip(self.counts(nodes)) {
            for (_, node) in next.by_ref().take(count as usize) {
                of[node as usize] = region;
            }
        }
        of
    }

    /// How many nodes each region has: they sum to `nodes`.
    fn counts(&self, nodes: u32) -> Vec<u32> {
        let exact = |share: &f64| share * f64::from(nodes);
        // A share is at most one.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let mut counts: Vec<u32> = self
            .shares
            .iter()
            .map(|share| exact(share) as u32)
            .collect();
        let mut by_remainder: Vec<usize> = (0..counts.len()).collect();
        let remainder = |place: &usize| {
            let exact = exact(&self.shares[*place]);
            exact - libm::floor(exact)
        };
        by_remainder.sort_by(|a, b| remainder(b).total_cmp(&remainder(a)));
        let placed: u32 = counts.iter().sum();
        let missing = nodes.saturating_sub(placed) as usize;
        for place in by_remainder.into_iter().cycle().take(missing) {
            counts[place] += 1;
        }
        counts
    }
}

/// Milliseconds, at most a day, as nanoseconds.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn nanos(milliseconds: f64) -> u64 {
    libm::round(milliseconds * 1e6) as u64
}

/// Every region table that comes with forkful.
pub const NETWORKS: &[NetworkFile] = &[
    NetworkFile {
        name: "bitcoin-2019",
        about: "Bitcoin's network in 2019, as the simulator SimBlock has it: six regions, 535 kB blocks.",
        toml: include_str!("../networks/bitcoin-2019.toml"),
    },
    NetworkFile {
        name: "bitcoin-2015",
        about: "Bitcoin's network in 2015, as the simulator SimBlock has it: six regions, 535 kB blocks.",
        toml: include_str!("../networks/bitcoin-2015.toml"),
    },
    NetworkFile {
        name: "bitcoin-2016",
        about: "Bitcoin's network in 2016 as Gervais et al. measured it: bandwidths and blocks of many sizes.",
        toml: include_str!("../networks/bitcoin-2016.toml"),
    },
];

/// The region table with this name.
pub fn network_file(name: &str) -> Option<&'static NetworkFile> {
    NETWORKS.iter().find(|file| file.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(shares: &[f64]) -> RegionTable {
        RegionTable {
            name: None,
            names: (0..shares.len()).map(|number| number.to_string()).collect(),
            shares: shares.to_vec(),
            latency_ms: vec![10.0; shares.len() * shares.len()],
            upload_bits: None,
            download_bits: None,
            degree: None,
            min_links: None,
            max_links: None,
            block_bytes: None,
        }
    }

    #[test]
    fn shares_are_exact_and_nobody_is_left_out() {
        let table = table(&[0.3316, 0.4998, 0.0090, 0.1177, 0.0224, 0.0195]);
        assert_eq!(table.counts(600), [199, 300, 5, 71, 13, 12]);
        for nodes in [1, 2, 7, 6_000] {
            assert_eq!(table.counts(nodes).iter().sum::<u32>(), nodes);
        }
    }

    #[test]
    fn chance_says_who_is_where_and_one_more_node_moves_few() {
        let table = table(&[0.5, 0.3, 0.2]);
        let regions = table.assign(1_000, 7);
        assert_eq!(regions, table.assign(1_000, 7));
        assert_ne!(regions, table.assign(1_000, 8));
        let more = table.assign(1_001, 7);
        let moved = regions.iter().zip(&more).filter(|(a, b)| a != b).count();
        assert!(moved <= 2, "{moved}");
    }
}
