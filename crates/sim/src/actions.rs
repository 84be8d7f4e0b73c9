//! What happens to a network while it runs: the events of its scenario, and its workload.

use forkful_core::event::What;
use forkful_core::{Entry, Input, NodeId, PeerId, Time};
use forkful_scenario::{Action, HashRate};
use rand_xoshiro::rand_core::Rng;

use crate::run::{Sim, tries_per_second};

impl Sim<'_> {
    /// When something is next to be done that has a time.
    pub(crate) fn next_action(&self) -> Option<Time> {
        self.timetable.next_time().map(|due| Time::ZERO + due)
    }

    /// Does what is due now.
    pub(crate) fn act_on_time(&mut self) {
        let elapsed = self.now.since(Time::ZERO);
        while let Some(action) = self.timetable.next_due(elapsed, self.height) {
            self.changed = true;
            self.act(action);
        }
    }

    fn act(&mut self, action: Action) {
        let on_links = matches!(
            action,
            Action::Split { .. } | Action::Heal | Action::CutLink { .. } | Action::HealLink { .. }
        );
        if on_links {
            self.put_all_back();
        }
        match action {
            Action::Split { groups } => {
                let groups: Vec<Vec<NodeId>> =
                    groups.iter().map(|group| group.iter().collect()).collect();
                self.network.split(&groups);
                self.tell(None, What::Split { groups });
            }
            Action::Heal => {
                self.network.heal();
                self.tell(None, What::Healed);
            }
            Action::CutLink { between: (a, b) } => {
                self.network.set_cut(a, b, true);
                self.tell(Some(a), What::LinkCut { to: b });
            }
            Action::HealLink { between: (a, b) } => {
                self.network.set_cut(a, b, false);
                self.tell(Some(a), What::LinkHealed { to: b });
            }
            Action::Crash { node } => self.crash(node),
            Action::Restart { node } => self.restart(node),
            Action::SetHashRate { node, hash_rate } => self.set_hash_rate(node, hash_rate),
            Action::Submit { node, data } => {
                for entry in data.entries() {
                    self.submit(node, entry);
                }
            }
        }
    }

    fn crash(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.0 as usize];
        if !node.is_up {
            return;
        }
        node.is_up = false;
        let tip = node.node.tip();
        self.up -= 1;
        self.count_tip(id, tip, false);
        self.catch_up(id);
        self.put_back(id);
        self.lottery.set_rate(id, 0.0);
        self.draw_again();
        self.tell(Some(id), What::Crashed);
        for peer in 0..self.network.degree(id) {
            let (other, back) = self.network.other_end(id, PeerId(peer));
            if self.nodes[other.0 as usize].is_up {
                let why = "it crashed".to_owned();
                self.tell(Some(other), What::PeerDown { peer: id, why });
                self.input(other, Input::Disconnected(back));
            }
        }
    }

    fn restart(&mut self, id: NodeId) {
        let seed = self.scenario.seed;
        let node = &mut self.nodes[id.0 as usize];
        if node.is_up {
            return;
        }
        node.restart(seed, &self.tree);
        let (tip, rate) = (node.node.tip(), node.hash_rate);
        self.up += 1;
        self.count_tip(id, tip, true);
        self.lottery.set_rate(id, rate);
        self.draw_again();
        let tip = self.block_ref(tip);
        self.tell(Some(id), What::Restarted { tip });
        self.input(id, Input::Start);
        for peer in 0..self.network.degree(id) {
            let (other, back) = self.network.other_end(id, PeerId(peer));
            if self.nodes[other.0 as usize].is_up {
                self.connect(id, PeerId(peer));
                self.connect(other, back);
            }
        }
    }

    /// Tells a node that it is connected to a peer.
    pub(crate) fn connect(&mut self, node: NodeId, peer: PeerId) {
        let (other, _) = self.network.other_end(node, peer);
        self.tell(Some(node), What::PeerUp { peer: other });
        self.input(node, Input::Connected(peer));
    }

    fn set_hash_rate(&mut self, id: NodeId, rate: HashRate) {
        let tries = tries_per_second(rate);
        let node = &mut self.nodes[id.0 as usize];
        node.hash_rate = tries;
        if node.is_up {
            self.lottery.set_rate(id, tries);
            self.draw_again();
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let tries_per_second = Some(tries as u64);
        self.tell(Some(id), What::HashRate { tries_per_second });
    }

    /// Gives data to a node that is up: the one that is named, or one by chance.
    fn submit(&mut self, node: Option<NodeId>, entry: Vec<u8>) {
        let draw = self.chance.next_u64();
        let up = self.nodes.iter().filter(|node| node.is_up);
        let count = up.clone().count().max(1) as u64;
        let by_chance = usize::try_from(draw % count).unwrap_or(0);
        let chosen = match node {
            Some(id) => Some(id),
            None => up.map(|node| node.spec.id).nth(by_chance),
        };
        if let Some(id) = chosen.filter(|id| self.nodes[id.0 as usize].is_up) {
            self.input(id, Input::Mine(Entry::from(entry)));
        }
    }
}
