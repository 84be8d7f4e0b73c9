//! Connections that are only a switch.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use forkful_core::PeerId;
use forkful_net::peers::{Ban, KnownAddress, PeerInfo, Peers, PeersError};

/// No connections, and none can be made.
#[derive(Default)]
pub struct NoPeers {
    switched_off: AtomicBool,
}

fn unknown<T>(what: &impl ToString) -> Result<T, PeersError> {
    Err(PeersError::Unknown(what.to_string()))
}

impl Peers for NoPeers {
    fn peers(&self) -> Vec<PeerInfo> {
        Vec::new()
    }

    fn add(&self, address: &str) -> Result<(), PeersError> {
        Err(PeersError::Full(address.to_owned()))
    }

    fn try_once(&self, address: &str) -> Result<(), PeersError> {
        Err(PeersError::Present(address.to_owned()))
    }

    fn remove(&self, address: &str) -> Result<(), PeersError> {
        unknown(&address)
    }

    fn disconnect(&self, peer: PeerId) -> Result<(), PeersError> {
        unknown(&peer.0)
    }

    fn ban(&self, _: IpAddr, _: Duration) -> Result<(), PeersError> {
        Ok(())
    }

    fn unban(&self, address: IpAddr) -> Result<(), PeersError> {
        unknown(&address)
    }

    fn clear_bans(&self) -> Result<(), PeersError> {
        Ok(())
    }

    fn bans(&self) -> Vec<Ban> {
        Vec::new()
    }

    fn addresses(&self) -> Vec<KnownAddress> {
        Vec::new()
    }

    fn set_active(&self, active: bool) {
        self.switched_off.store(!active, Ordering::Relaxed);
    }

    fn is_active(&self) -> bool {
        !self.switched_off.load(Ordering::Relaxed)
    }

    fn listening(&self) -> Option<SocketAddr> {
        None
    }
}
