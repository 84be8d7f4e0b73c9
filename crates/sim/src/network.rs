//! Who is linked to whom in a simulation, compactly.

use forkful_core::{NodeId, PeerId, Time};
use forkful_scenario::{Direction, Scenario, Stream};

/// All links. A node names a peer by the place of the link in its own list.
#[derive(Debug)]
pub(crate) struct Network {
    nodes: Vec<Vec<Edge>>,
    /// Which side of a split each node is on. Messages travel only within one.
    sides: Vec<u32>,
    /// Whether any link was cut, or the network split, and not healed since.
    is_whole: bool,
}

/// One direction of a link.
#[derive(Debug)]
struct Edge {
    to: NodeId,
    /// As what the other end knows this one.
    back: PeerId,
    direction: Direction,
}

impl Network {
    /// The links of a scenario.
    pub fn new(scenario: &Scenario) -> Self {
        let count = scenario.network.nodes as usize;
        let mut nodes: Vec<Vec<Edge>> = Vec::new();
        nodes.resize_with(count, Vec::new);
        for (a, b) in scenario.links() {
            let link = scenario.link(a, b);
            let seed = |from, to| Stream::Link(from, to).seed(scenario.seed);
            let place = |node: &Vec<Edge>| PeerId(u32::try_from(node.len()).unwrap_or(u32::MAX));
            let at_a = place(&nodes[a.0 as usize]);
            let at_b = place(&nodes[b.0 as usize]);
            nodes[a.0 as usize].push(Edge {
                to: b,
                back: at_b,
                direction: Direction::new(link, seed(a, b)),
            });
            nodes[b.0 as usize].push(Edge {
                to: a,
                back: at_a,
                direction: Direction::new(link, seed(b, a)),
            });
        }
        Network {
            nodes,
            sides: vec![0; count],
            is_whole: true,
        }
    }

    /// How many peers a node has.
    pub fn degree(&self, node: NodeId) -> u32 {
        u32::try_from(self.nodes[node.0 as usize].len()).unwrap_or(u32::MAX)
    }

    /// Whom a node knows as `peer`, and as what that one knows it.
    pub fn other_end(&self, node: NodeId, peer: PeerId) -> (NodeId, PeerId) {
        let edge = &self.nodes[node.0 as usize][peer.0 as usize];
        (edge.to, edge.back)
    }

    /// Whether a message can get from a node to a peer now.
    pub fn is_open(&self, from: NodeId, peer: PeerId) -> bool {
        if self.is_whole {
            return true;
        }
        let edge = &self.nodes[from.0 as usize][peer.0 as usize];
        !edge.direction.cut && self.sides[from.0 as usize] == self.sides[edge.to.0 as usize]
    }

    /// When a message of so many bytes that is sent now arrives; `None` if it is lost.
    pub fn arrival(&mut self, from: NodeId, peer: PeerId, now: Time, bytes: u32) -> Option<Time> {
        let edge = &mut self.nodes[from.0 as usize][peer.0 as usize];
        edge.direction.arrival(now, bytes)
    }

    /// Whether everybody can reach whom they are linked to.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Cuts the link between two nodes, or heals it, in both directions.
    pub fn set_cut(&mut self, a: NodeId, b: NodeId, cut: bool) {
        for (from, to) in [(a, b), (b, a)] {
            let edges = self.nodes[from.0 as usize].iter_mut();
            for edge in edges.filter(|edge| edge.to == to) {
                edge.direction.cut = cut;
            }
        }
        self.look();
    }

    /// Cuts one link for good, because one end will not have the other any more.
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
        for edge in self.nodes.iter_mut().flatten() {
            edge.direction.cut = false;
        }
        self.is_whole = true;
    }

    fn look(&mut self) {
        let one_side = self.sides.iter().all(|side| *side == 0);
        let mut edges = self.nodes.iter().flatten();
        self.is_whole = one_side && edges.all(|edge| !edge.direction.cut);
    }
}
