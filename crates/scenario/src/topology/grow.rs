//! A network while its links are being chosen.

use forkful_core::{NodeId, limits};

use super::Luck;
use crate::node_set::NodeSet;

/// Links so far, by node, as lists threaded through flat arrays: no memory of its own for
/// each node, and a step of setting up costs the same for the last node as for the first.
pub(super) struct Growing {
    /// The newest place of each node in `ends`, or `NONE`.
    head: Vec<u32>,
    degree: Vec<u32>,
    /// The other end of a link, and the place of the node's link before it.
    ends: Vec<(u32, u32)>,
    /// In which round a node was last marked.
    marks: Vec<u64>,
    round: u64,
}

const NONE: u32 = u32::MAX;

impl Growing {
    pub fn new(nodes: u32, links: u64) -> Self {
        let ends = usize::try_from(2 * links).unwrap_or(0);
        Growing {
            head: vec![NONE; nodes as usize],
            degree: vec![0; nodes as usize],
            ends: Vec::with_capacity(ends),
            marks: vec![0; nodes as usize],
            round: 0,
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
        let can = !self.is_full(a) && !self.is_full(b) && !self.has(a, b);
        if can {
            self.add(a, b);
        }
        can
    }

    fn add(&mut self, a: u32, b: u32) {
        for (from, to) in [(a, b), (b, a)] {
            let place = u32::try_from(self.ends.len()).unwrap_or(NONE);
            self.ends.push((to, self.head[from as usize]));
            self.head[from as usize] = place;
            self.degree[from as usize] += 1;
        }
    }

    /// Links each of these nodes with all others of them.
    pub fn interlink(&mut self, nodes: &NodeSet) {
        for a in nodes.iter() {
            self.mark(a.0);
            for b in nodes.iter().take_while(|b| *b < a) {
                self.link_unmarked(a.0, b.0);
            }
        }
    }

    /// Marks a node and those that it is linked to. To look through a list for every pair would
    /// take as many steps as the cube of the nodes where most of them are linked.
    fn mark(&mut self, node: u32) {
        self.round += 1;
        self.marks[node as usize] = self.round;
        let mut place = self.head[node as usize];
        while let Some(&(end, before)) = self.ends.get(place as usize) {
            self.marks[end as usize] = self.round;
            place = before;
        }
    }

    /// Links the marked node to another, and marks that, unless it is or one of them is full.
    /// Whether it did.
    fn link_unmarked(&mut self, node: u32, other: u32) -> bool {
        let is_marked = self.marks[other as usize] == self.round;
        let can = !is_marked && !self.is_full(node) && !self.is_full(other);
        if can {
            self.add(node, other);
            self.marks[other as usize] = self.round;
        }
        can
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
        self.mark(node);
        let mut tries = 4 * u64::from(count) + 64;
        while left > 0 && tries > 0 && nodes > 1 {
            tries -= 1;
            // Skips the node itself: the others are numbered 0 to nodes - 2.
            let other = luck.below(nodes - 1);
            let other = if other >= node { other + 1 } else { other };
            if takes(self, other) && self.link_unmarked(node, other) {
                left -= 1;
            }
        }
        if left == 0 {
            return;
        }
        // Few are left to choose from, so these are listed.
        let mut free: Vec<u32> = (0..nodes)
            .filter(|other| self.marks[*other as usize] != self.round && takes(self, *other))
            .collect();
        while left > 0 && !free.is_empty() {
            let length = u32::try_from(free.len()).unwrap_or(u32::MAX);
            let other = free.swap_remove(luck.below(length) as usize);
            left -= u32::from(self.link_unmarked(node, other));
        }
    }

    /// Links parts that have no path to node 0 to the part that has: the lowest node of each
    /// that has room to a node by chance.
    pub fn connect(&mut self, seed: u64) {
        let nodes = self.nodes();
        let mut reached = vec![false; nodes as usize];
        // Nodes with a path to node 0, in the order in which they were found.
        let mut found = Vec::with_capacity(nodes as usize);
        for lowest in 0..nodes {
            if reached[lowest as usize] {
                continue;
            }
            let before = found.len();
            self.reach(lowest, &mut reached, &mut found);
            let (there, part) = found.split_at(before);
            self.join(there, part, Luck::of(!seed, lowest));
        }
    }

    /// Finds a node and all that it has a path to, but for those reached before.
    fn reach(&self, from: u32, reached: &mut [bool], found: &mut Vec<u32>) {
        let mut next = found.len();
        reached[from as usize] = true;
        found.push(from);
        while next < found.len() {
            for end in self.of(found[next]) {
                if !reached[end as usize] {
                    reached[end as usize] = true;
                    found.push(end);
                }
            }
            next += 1;
        }
    }

    /// Links two parts that have no link between them. A part of which every node is full would
    /// need more links than any world allows; a single node can be full.
    fn join(&mut self, there: &[u32], part: &[u32], mut luck: Luck) {
        let Ok(count @ 1..) = u32::try_from(there.len()) else {
            return;
        };
        let by_chance = (0..64).map(|_| there[luck.below(count) as usize]);
        let mut others = by_chance.chain(there.iter().copied());
        let other = others.find(|other| !self.is_full(*other));
        let own = part.iter().find(|own| !self.is_full(**own));
        if let (Some(own), Some(other)) = (own, other) {
            self.add(*own, other);
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
