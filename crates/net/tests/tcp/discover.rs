//! Nodes that find each other on the local network.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forkful_core::Hash;
use forkful_net::store::MemoryStore;
use forkful_net::tcp::discover::{SERVICE, found, instance, record};
use mdns_sd::{ResolvedService, ServiceDaemon, ServiceEvent, ServiceInfo};

use super::support::{PATIENCE, TestNode, Wish};

const GENESIS: Hash = Hash([3; 32]);
const ME: [u8; 32] = [1; 32];
const OTHER: [u8; 32] = [2; 32];

fn resolved(key: &[u8; 32], genesis: Hash, listening: &str) -> ResolvedService {
    let info = record(key, genesis, listening.parse().unwrap()).unwrap();
    info.as_resolved_service()
}

#[test]
fn only_other_nodes_of_the_same_network_are_found() {
    let own = instance(&ME);
    let other = resolved(&OTHER, GENESIS, "192.168.1.7:9333");
    let expected: SocketAddr = "192.168.1.7:9333".parse().unwrap();
    assert_eq!(found(&own, GENESIS, &other), [expected]);
    assert!(
        found(&own, Hash([4; 32]), &other).is_empty(),
        "another network"
    );
    let itself = resolved(&ME, GENESIS, "192.168.1.7:9333");
    assert!(found(&own, GENESIS, &itself).is_empty());
    assert!(other.get_fullname().ends_with("._forkful._tcp.local."));
}

#[test]
fn a_record_of_somebody_else_is_no_node_and_one_with_many_addresses_is_cut() {
    let own = instance(&ME);
    let ips: Vec<IpAddr> = (1..=50)
        .map(|last| IpAddr::from([10, 0, 0, last]))
        .collect();
    let of = |text: &[(&str, String)]| {
        let host = "x.local.";
        let info = ServiceInfo::new(SERVICE, "x", host, &ips[..], 9_333, text).unwrap();
        info.as_resolved_service()
    };
    assert!(found(&own, GENESIS, &of(&[])).is_empty());
    let long = ("genesis", "a".repeat(200));
    assert!(found(&own, GENESIS, &of(&[long])).is_empty());
    let many = of(&[("genesis", GENESIS.to_string())]);
    assert_eq!(found(&own, GENESIS, &many).len(), 8);
}

/// Whether a record that is shown on this machine is heard on it. Some machines have no multicast.
async fn has_multicast(port: u16) -> bool {
    let daemon = ServiceDaemon::new_with_port(port).unwrap();
    let other = ServiceDaemon::new_with_port(port).unwrap();
    let listening = "127.0.0.1:1".parse().unwrap();
    other
        .register(record(&OTHER, GENESIS, listening).unwrap())
        .unwrap();
    let events = daemon.browse(SERVICE).unwrap();
    let heard = async {
        while let Ok(event) = events.recv_async().await {
            if matches!(event, ServiceEvent::ServiceResolved(_)) {
                return true;
            }
        }
        false
    };
    let heard = tokio::time::timeout(Duration::from_secs(10), heard).await;
    let _ = (daemon.shutdown(), other.shutdown());
    heard.unwrap_or(false)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_nobody_told_of_each_other_meet() {
    // A port of our own, so that nobody else's records are in it.
    let free = std::net::UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    if !has_multicast(port).await {
        eprintln!("this machine has no multicast: the records alone are tested");
        return;
    }
    let wish = || Wish {
        finds: Some(Arc::new(Mutex::new(MemoryStore::default()))),
        discover: Some(port),
        ..Wish::default()
    };
    let first = TestNode::start(wish());
    // Of another network: it is seen, and not dialled.
    let stranger = TestNode::start(Wish {
        zero_bits: 11,
        ..wish()
    });
    let mut second = TestNode::start(wish());
    second.up(first.key).await;
    assert!(
        second
            .peers
            .addresses()
            .iter()
            .all(|it| it.address != stranger.address)
    );
    let ended = tokio::time::timeout(PATIENCE, second.stop()).await;
    assert_eq!(ended, Ok(true));
}
