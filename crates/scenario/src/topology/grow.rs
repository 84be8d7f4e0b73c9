//! A network while its links are being chosen.

use forkful_core::{NodeId, limits};

use super::Luck;

/// Links so far, by node, as lists threaded through flat arrays: no memory of its own for
/// each node, and a step of setting up costs the same for the last node as for the first.
pub(super) struct Growing {
    /// The newest place of each node in `ends`, or `NONE`.
    head: Vec<u32>,
    degree: Vec<u32>,
    /// The other end of a link, and the place of the node's link before it.
    ends: Vec<(u32, u32)>,
}

const NONE: u32 = u32::MAX;

impl Growing {
    pub fn new(nodes: u32, links: u64) -> Self {
        let ends = usize::try_from(2 * links).unwrap_or(0);
        Growing {
            head: vec![NONE; nodes as usize],
            degree: vec![0; nodes as usize],
            ends: Vec::with_capacity(ends),
        }
    }

    pub fn nodes(&self) -> u32 {
        u32::try_from(self.head.len()).unwrap_or(u32::MAX)
    }

    pub fn degree(&self, node: u32) -> u32 {
        self.degree[node as usize]
    }

    /// Whether two nodes are linked, or are one.
    pub fn has(&self, a: u32, b: u32) -> bool {
        // By the shorter of the two lists: a hub has a long one.
        let (few, other) = if self.degree(a) < self.degree(b) {
            (a, b)
        } else {
            (b, a)
        };
        a == b || self.of(few).any(|end| end == other)
    }

    /// Links two nodes that differ, unless they are linked or one has all the peers that a node
    /// can have. Whether it did.
    pub fn link(&mut self, a: u32, b: u32) -> bool {
        if self.is_full(a) || self.is_full(b) || self.has(a, b) {
            return false;
        }
        for (from, to) in [(a, b), (b, a)] {
            let place = u32::try_from(self.ends.len()).unwrap_or(NONE);
            self.ends.push((to, self.head[from as usize]));
            self.head[from as usize] = place;
            self.degree[from as usize] += 1;
        }
        true
    }

    fn is_full(&self, node: u32) -> bool {
        self.degree(node) as usize >= limits::PEERS_MAX
    }

    /// Whom a node is linked to.
    fn of(&self, node: u32) -> impl Iterator<Item = u32> + '_ {
        let mut place = self.head[node as usize];
        std::iter::from_fn(move || {
            let (end, before) = *self.ends.get(place as usize)?;
            place = before;
            Some(end)
        })
    }

    /// An end of a link by chance: a node as often as it has links. The number of links is
    /// above zero.
    pub fn end_by_chance(&self, luck: &mut Luck) -> u32 {
        let count = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        self.ends[luck.below(count) as usize].0
    }

    /// Links `node` to `count` others by chance that `takes` lets, as far as there are such.
    pub fn open(
        &mut self,
        node: u32,
        count: u32,
        luck: &mut Luck,
        takes: impl Fn(&Growing, u32) -> bool,
    ) {
        let (nodes, mut left) = (self.nodes(), count);
        let mut tries = 4 * u64::from(count) + 64;
        while left > 0 && tries > 0 && nodes > 1 {
            tries -= 1;
            // Skips the node itself: the others are numbered 0 to nodes - 2.
            let other = luck.below(nodes - 1);
            let other = if other >= node { other + 1 } else { other };
            if takes(self, other) && self.link(node, other) {
                left -= 1;
            }
        }
        if left == 0 {
            return;
        }
        // Few are left to choose from, so these are listed.
        let mut free: Vec<u32> = (0..nodes)
            .filter(|other| !self.has(node, *other) && takes(self, *other))
            .collect();
        while left > 0 && !free.is_empty() {
            let length = u32::try_from(free.len()).unwrap_or(u32::MAX);
            let other = free.swap_remove(luck.below(length) as usize);
            left -= u32::from(self.link(node, other));
        }
    }

    /// Links parts that have no path to node 0 to the part that has: the lowest node of each
    /// to a node by chance.
    pub fn connect(&mut self, seed: u64) {
        let nodes = self.nodes();
        let mut reached = vec![false; nodes as usize];
        // Nodes with a path to node 0, in the order in which they were found.
        let mut found = Vec::with_capacity(nodes as usize);
        for lowest in 0..nodes {
            if reached[lowest as usize] {
                continue;
            }
            let before = u32::try_from(found.len()).unwrap_or(u32::MAX);
            let mut luck = Luck::of(!seed, lowest);
            while before > 0 && !self.link(lowest, found[luck.below(before) as usize]) {}
            let mut next = found.len();
            reached[lowest as usize] = true;
            found.push(lowest);
            while next < found.len() {
                let node = found[next];
                next += 1;
                let mut place = self.head[node as usize];
                while let Some(&(end, beyond)) = self.ends.get(place as usize) {
                    if !reached[end as usize] {
                        reached[end as usize] = true;
                        found.push(end);
                    }
                    place = beyond;
                }
            }
        }
    }

    /// All links, the lower node first, in order.
    pub fn finish(self) -> Vec<(NodeId, NodeId)> {
        let mut links: Vec<(NodeId, NodeId)> = Vec::with_capacity(self.ends.len() / 2);
        // The two ends of a link are next to each other: the second one's owner first.
        for two in self.ends.as_chunks::<2>().0 {
            let (a, b) = (two[0].0, two[1].0);
            links.push((NodeId(a.min(b)), NodeId(a.max(b))));
        }
        links.sort_unstable();
        links
    }
}
