//! Who is linked to whom in a simulation, compactly.

use forkful_core::{NodeId, PeerId, Time};
use forkful_scenario::{Direction, LinkModel, NodeLines, Parcel, Scenario};

/// All links. A node names a peer by the place of the link in its own list; the lists of
/// all nodes stand one after the other.
#[derive(Debug)]
pub(crate) struct Network {
    /// Where the list of each node begins, and at last where the lists end.
    first: Vec<u32>,
    ends: Vec<End>,
    directions: Vec<Direction>,
    lines: Vec<NodeLines>,
    model: LinkModel,
    /// Which side of a split each node is on. Messages travel only within one.
    sides: Vec<u32>,
    /// Whether no link is cut and the network is not split.
    is_whole: bool,
}

/// Where a link leads to.
#[derive(Clone, Copy, Debug)]
struct End {
    node: NodeId,
    /// As what the other end knows this one.
    back: PeerId,
}

impl Network {
    /// The links of a scenario.
    pub fn new(scenario: &Scenario) -> Self {
        let links = scenario.links();
        let first = list_starts(scenario.network.nodes, &links);
        let nowhere = End {
            node: NodeId(0),
            back: PeerId(0),
        };
        let mut ends = vec![nowhere; 2 * links.len()];
        let model = LinkModel::new(scenario);
        let free = model.direction(NodeId(0), NodeId(0));
        let mut directions = vec![free; 2 * links.len()];
        let mut next = first.clone();
        for (a, b) in links {
            let place = |node: NodeId| next[node.0 as usize] - first[node.0 as usize];
            let (at_a, at_b) = (PeerId(place(a)), PeerId(place(b)));
            for (from, node, back) in [(a, b, at_b), (b, a, at_a)] {
                let at = &mut next[from.0 as usize];
                ends[*at as usize] = End { node, back };
                directions[*at as usize] = model.direction(from, node);
                *at += 1;
            }
        }
        Network {
            first,
            ends,
            directions,
            lines: vec![NodeLines::default(); scenario.network.nodes as usize],
            model,
            sides: vec![0; scenario.network.nodes as usize],
            is_whole: true,
        }
    }

    /// How many peers a node has.
    pub fn degree(&self, node: NodeId) -> u32 {
        self.first[node.0 as usize + 1] - self.first[node.0 as usize]
    }

    /// Whom a node knows as `peer`, and as what that one knows it.
    pub fn other_end(&self, node: NodeId, peer: PeerId) -> (NodeId, PeerId) {
        let end = self.ends[self.place(node, peer)];
        (end.node, end.back)
    }

    /// Whether a message can get from a node to a peer now.
    pub fn is_open(&self, from: NodeId, peer: PeerId) -> bool {
        if self.is_whole {
            return true;
        }
        let place = self.place(from, peer);
        let to = self.ends[place].node;
        !self.directions[place].is_cut() && self.sides[from.0 as usize] == self.sides[to.0 as usize]
    }

    /// When a message without a body arrives, where that takes no more than a look.
    #[inline]
    pub fn quick_arrival(&self, from: NodeId, to: NodeId, now: Time) -> Option<Time> {
        self.model.quick_arrival(from, to, now)
    }

    /// When a message that is sent now arrives; `None` if it is lost.
    pub fn arrival(
        &mut self,
        from: NodeId,
        peer: PeerId,
        now: Time,
        parcel: Parcel,
    ) -> Option<Time> {
        let place = self.place(from, peer);
        let to = self.ends[place].node;
        let line = &mut self.directions[place];
        let ends = [from.0 as usize, to.0 as usize];
        let (sender, receiver) = match self.lines.get_disjoint_mut(ends) {
            Ok([sender, receiver]) => (sender, Some(receiver)),
            // No node has a link to itself.
            Err(_) => (&mut self.lines[from.0 as usize], None),
        };
        self.model
            .arrival(from, to, line, sender, receiver, now, parcel)
    }

    /// Whether everybody can reach whom they are linked to.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Cuts the link between two nodes, or heals it, in both directions.
    pub fn set_cut(&mut self, a: NodeId, b: NodeId, cut: bool) {
        for (from, to) in [(a, b), (b, a)] {
            for place in self.list(from) {
                if self.ends[place].node == to {
                    self.directions[place].set_cut(cut);
                }
            }
        }
        self.look();
    }

    /// Cuts one link, until all is healed, because one end will not have the other any more.
    pub fn cut_peer(&mut self, node: NodeId, peer: PeerId) {
        let (other, _) = self.other_end(node, peer);
        self.set_cut(node, other, true);
    }

    /// Splits the network: those who are in none of the groups are one more.
    pub fn split(&mut self, groups: &[Vec<NodeId>]) {
        self.sides.fill(0);
        for (side, group) in (1..).zip(groups) {
            for node in group {
                self.sides[node.0 as usize] = side;
            }
        }
        self.look();
    }

    /// Ends every cut and split.
    pub fn heal(&mut self) {
        self.sides.fill(0);
        for direction in &mut self.directions {
            direction.set_cut(false);
        }
        self.is_whole = true;
    }

    fn look(&mut self) {
        let one_side = self.sides.iter().all(|side| *side == 0);
        self.is_whole = one_side && self.directions.iter().all(|direction| !direction.is_cut());
    }

    fn place(&self, node: NodeId, peer: PeerId) -> usize {
        (self.first[node.0 as usize] + peer.0) as usize
    }

    fn list(&self, node: NodeId) -> std::ops::Range<usize> {
        self.first[node.0 as usize] as usize..self.first[node.0 as usize + 1] as usize
    }
}

/// Where the list of each node begins when they stand one after the other. The bound on
/// links keeps both directions of all of them within 32 bits.
fn list_starts(nodes: u32, links: &[(NodeId, NodeId)]) -> Vec<u32> {
    let mut starts = vec![0; nodes as usize + 1];
    for (a, b) in links {
        starts[a.0 as usize + 1] += 1;
        starts[b.0 as usize + 1] += 1;
    }
    for node in 0..nodes as usize {
        starts[node + 1] += starts[node];
    }
    starts
}
