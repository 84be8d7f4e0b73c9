//! What the operator may ask of its connections.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use forkful_core::PeerId;
use tokio::time::Instant;

use super::bans::BAN_MAX;
use super::dial;
use super::end::End;
use super::finder::Finder;
use super::net::{Kept, Net};
use crate::peers::{Ban, KnownAddress, PeerInfo, Peers, PeersError};

/// The longest name that is looked up, port included.
const NAME_BYTES_MAX: usize = 260;

/// The connections of a node, as others hold them.
pub struct TcpPeers(pub Arc<Net>);

impl TcpPeers {
    fn keep_bans(&self) -> Result<(), PeersError> {
        let Some(finder) = &self.0.finder else {
            return Ok(());
        };
        let kept = finder.keep_bans(&self.0);
        kept.map_err(|error| PeersError::NotStored(error.to_string()))
    }
}

impl Peers for TcpPeers {
    fn peers(&self) -> Vec<PeerInfo> {
        let now = Instant::now();
        let table = self.0.table();
        let info = |link: &Arc<super::link::Link>| {
            let points = table.bans.points(link.address.ip(), now);
            link.info(points)
        };
        table.links.values().map(info).collect()
    }

    fn add(&self, address: &str) -> Result<(), PeersError> {
        check_name(address)?;
        let mut table = self.0.table();
        if table.kept.contains_key(address) {
            return Err(PeersError::Present(address.to_owned()));
        }
        let most = self.0.config.limits.kept_max;
        if table.kept.len() >= most {
            return Err(PeersError::Full(format!("{most} peers are kept up")));
        }
        let kept = Kept::default();
        let given_up = kept.given_up.clone();
        table.kept.insert(address.to_owned(), kept);
        drop(table);
        let keeping = dial::keep_up(Arc::clone(&self.0), address.to_owned(), given_up);
        self.0.tracker.spawn(keeping);
        Ok(())
    }

    fn try_once(&self, address: &str) -> Result<(), PeersError> {
        check_name(address)?;
        let most = self.0.config.limits.tries_max;
        let mut table = self.0.table();
        if table.tries >= most {
            return Err(PeersError::Full(format!("{most} tries are under way")));
        }
        table.tries += 1;
        drop(table);
        let (net, name) = (Arc::clone(&self.0), address.to_owned());
        self.0.tracker.spawn(async move {
            let connected = dial::connect(&net, &name).await;
            net.table().tries -= 1;
            if let Ok((stream, address)) = connected {
                let call = super::peer::Call::Manual;
                super::peer::run(net, stream, address, call).await;
            }
        });
        Ok(())
    }

    fn remove(&self, address: &str) -> Result<(), PeersError> {
        match self.0.table().kept.remove(address) {
            Some(kept) => {
                kept.given_up.cancel();
                Ok(())
            }
            None => Err(PeersError::Unknown(format!("kept peer {address}"))),
        }
    }

    fn disconnect(&self, peer: PeerId) -> Result<(), PeersError> {
        match self.0.link(peer) {
            Some(link) => {
                link.end(End::Asked);
                Ok(())
            }
            None => Err(PeersError::Unknown(format!("peer {}", peer.0))),
        }
    }

    fn ban(&self, address: IpAddr, time: Duration) -> Result<(), PeersError> {
        let now = Instant::now();
        let mut table = self.0.table();
        let until = now + time.min(BAN_MAX);
        let reason = "banned on request".to_owned();
        if !self.0.ban_in(&mut table, address, until, reason, true) {
            let most = self.0.config.limits.bans_max;
            return Err(PeersError::Full(format!("{most} addresses are banned")));
        }
        drop(table);
        self.keep_bans()
    }

    fn unban(&self, address: IpAddr) -> Result<(), PeersError> {
        let unbanned = self.0.table().bans.unban(address, Instant::now());
        match unbanned {
            true => self.keep_bans(),
            false => Err(PeersError::Unknown(format!("ban of {address}"))),
        }
    }

    fn clear_bans(&self) -> Result<(), PeersError> {
        self.0.table().bans.clear();
        self.keep_bans()
    }

    fn bans(&self) -> Vec<Ban> {
        self.0.table().bans.list(Instant::now())
    }

    fn addresses(&self) -> Vec<KnownAddress> {
        self.0.finder.as_ref().map_or_else(Vec::new, Finder::known)
    }

    fn set_active(&self, active: bool) {
        self.0.active.send_replace(active);
        if !active {
            for link in self.0.table().links.values() {
                link.end(End::Inactive);
            }
        }
    }

    fn is_active(&self) -> bool {
        *self.0.active.borrow()
    }

    fn listening(&self) -> Option<SocketAddr> {
        self.0.listening
    }
}

fn check_name(name: &str) -> Result<(), PeersError> {
    let port = name.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
    match port {
        Some(Ok(1..)) if name.len() <= NAME_BYTES_MAX => Ok(()),
        _ => Err(PeersError::Unknown("such HOST:PORT".to_owned())),
    }
}
