//! Who is linked to whom in a simulation, compactly.

use forkful_core::{NodeId, PeerId, Time};
use forkful_scenario::{Direction, LinkModel, NodeLines, Parcel, Scenario};

/// All links. A node names a peer by the place of the link in its own list.
#[derive(Debug)]
pub(crate) struct Network {
    model: LinkModel,
    nodes: Vec<Vec<Edge>>,
    lines: Vec<NodeLines>,
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
        let model = LinkModel::new(scenario);
        let mut nodes: Vec<Vec<Edge>> = Vec::new();
        nodes.resize_with(count, Vec::new);
        for (a, b) in scenario.links() {
            let place = |node: &Vec<Edge>| PeerId(u32::try_from(node.len()).unwrap_or(u32::MAX));
            let at_a = place(&nodes[a.0 as usize]);
            let at_b = place(&nodes[b.0 as usize]);
            nodes[a.0 as usize].push(Edge {
                to: b,
                back: at_b,
                direction: model.direction(a, b),
            });
            nodes[b.0 as usize].push(Edge {
                to: a,
                back: at_a,
                direction: model.direction(b, a),
            });
        }
        Network {
            model,
            nodes,
            lines: vec![NodeLines::default(); count],
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
        !edge.direction.is_cut() && self.sides[from.0 as usize] == self.sides[edge.to.0 as usize]
    }

    /// When a message that is sent now arrives; `None` if it is lost.
    pub fn arrival(
        &mut self,
        from: NodeId,
        peer: PeerId,
        now: Time,
        parcel: Parcel,
    ) -> Option<Time> {
        let edge = &mut self.nodes[from.0 as usize][peer.0 as usize];
        let to = edge.to;
        let ends = [from.0 as usize, to.0 as usize];
        let (sender, receiver) = match self.lines.get_disjoint_mut(ends) {
            Ok([sender, receiver]) => (sender, Some(receiver)),
            // No node has a link to itself.
            Err(_) => (&mut self.lines[from.0 as usize], None),
        };
        let line = &mut edge.direction;
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
            let edges = self.nodes[from.0 as usize].iter_mut();
            for edge in edges.filter(|edge| edge.to == to) {
                edge.direction.set_cut(cut);
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
            edge.direction.set_cut(false);
        }
        self.is_whole = true;
    }

    fn look(&mut self) {
        let one_side = self.sides.iter().all(|side| *side == 0);
        let mut edges = self.nodes.iter().flatten();
        self.is_whole = one_side && edges.all(|edge| !edge.direction.is_cut());
    }
}
