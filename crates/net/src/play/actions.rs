//! What happens to a network while it runs: the events of its scenario, and its workload.

use forkful_core::event::What;
use forkful_core::{Entry, NodeId, PeerId};
use forkful_scenario::Action;
use rand_xoshiro::rand_core::Rng;

use crate::actor::Command;
use crate::play::PlayError;
use crate::play::run::Run;

impl Run<'_> {
    /// Does what is due now.
    pub(super) async fn play_due(&mut self) -> Result<(), PlayError> {
        let elapsed = self.ground.clock.elapsed();
        let height = self.ground.ledger.board().height;
        while let Some(action) = self.timetable.next_due(elapsed, height) {
            self.act(action).await?;
        }
        Ok(())
    }

    async fn act(&mut self, action: Action) -> Result<(), PlayError> {
        match action {
            Action::Split { groups } => {
                // Those in no group are side 0 of the split, a group of their own.
                let mut told = Vec::new();
                for node in &self.nodes {
                    self.ground.wiring.set_side(node.spec.id, 0);
                }
                for (side, group) in (1..).zip(&groups) {
                    let members: Vec<_> = group.iter().collect();
                    for node in &members {
                        self.ground.wiring.set_side(*node, side);
                    }
                    told.push(members);
                }
                self.tell(None, What::Split { groups: told });
            }
            Action::Heal => {
                self.ground.wiring.heal();
                self.tell(None, What::Healed);
            }
            Action::CutLink { between: (a, b) } => {
                self.ground.wiring.set_cut(a, b, true);
                self.tell(Some(a), What::LinkCut { to: b });
            }
            Action::HealLink { between: (a, b) } => {
                self.ground.wiring.set_cut(a, b, false);
                self.tell(Some(a), What::LinkHealed { to: b });
            }
            Action::Crash { node } => self.crash(node).await?,
            Action::Restart { node } => self.restart(node).await?,
            Action::SetHashRate { node, hash_rate } => {
                let node = &mut self.nodes[node.0 as usize];
                node.set_hash_rate(hash_rate, &self.ground).await;
            }
            Action::Submit { node, data } => {
                for entry in data.entries() {
                    self.submit(node, entry).await;
                }
            }
        }
        Ok(())
    }

    async fn crash(&mut self, id: NodeId) -> Result<(), PlayError> {
        if !self.node(id).is_up() {
            return Ok(());
        }
        let node = &mut self.nodes[id.0 as usize];
        node.stop(&self.ground).await?;
        self.tell(Some(id), What::Crashed);
        // Whoever has a socket to it sees for himself.
        if self.ground.wiring.sockets().is_none() {
            for peer in self.ground.wiring.neighbours(id) {
                self.part(peer, id, "it crashed").await;
            }
        }
        Ok(())
    }

    async fn restart(&mut self, id: NodeId) -> Result<(), PlayError> {
        if self.node(id).is_up() {
            return Ok(());
        }
        self.nodes[id.0 as usize].start(&self.ground, &self.all, false)?;
        let tip = self.node(id).shared().lock().tip();
        self.tell(Some(id), What::Restarted { tip });
        for peer in self.ground.wiring.neighbours(id) {
            if self.node(peer).is_up() {
                self.connect(id, peer).await;
            }
        }
        Ok(())
    }

    /// Connects two nodes that are up. With sockets they are when these are, a little later.
    pub(super) async fn connect(&self, a: NodeId, b: NodeId) {
        if let Some(sockets) = self.ground.wiring.sockets() {
            return sockets.connect(a, b);
        }
        for (node, peer) in [(a, b), (b, a)] {
            self.tell(Some(node), What::PeerUp { peer });
            let command = Command::Connected(PeerId(peer.0));
            self.node(node).command(command).await;
        }
    }

    /// Tells a node that a peer is gone.
    async fn part(&self, node: NodeId, peer: NodeId, why: &str) {
        let why = why.to_owned();
        self.tell(Some(node), What::PeerDown { peer, why });
        let command = Command::Disconnected(PeerId(peer.0));
        self.node(node).command(command).await;
    }

    /// Gives data to a node that is up: the one that is named, or one by chance.
    async fn submit(&mut self, node: Option<NodeId>, entry: Vec<u8>) {
        let up: Vec<_> = self.nodes.iter().filter(|node| node.is_up()).collect();
        let by_chance = usize::try_from(self.chance.next_u64() % (up.len().max(1) as u64));
        let chosen = match node {
            Some(id) => Some(self.node(id)),
            None => up.get(by_chance.unwrap_or(0)).copied(),
        };
        if let Some(chosen) = chosen {
            chosen.submit(Entry::from(entry)).await;
        }
    }

    fn tell(&self, node: Option<NodeId>, what: What) {
        self.ground.ledger.tell(node, what);
    }
}
