//! Peers, and the table of whatever concerns them.

use std::net::{IpAddr, SocketAddr};

use forkful_core::{PeerId, Timestamp};
use serde_json::{Value, json};

use crate::api::Api;
use crate::api::error::{RpcError, code, quoted};
use crate::api::methods::bans::{clear_banned, list_banned, set_ban};
use crate::api::params::Args;
use crate::api::table::{Answer, Kind, Method, Param, Run, optional, required};
use crate::peers::{ConnectionKind, KnownAddress, PeerInfo, PeersError};
use crate::tcp::with_port;

const fn method(
    name: &'static str,
    params: &'static [Param],
    about: &'static str,
    result: &'static str,
    changes: bool,
    run: fn(&Api, &Args) -> Answer,
) -> Method {
    Method {
        name,
        section: "Network",
        params,
        about,
        result,
        changes,
        waits: false,
        run: Run::Now(run),
    }
}

/// This file's part of the table.
pub const METHODS: &[Method] = &[
    method(
        "addnode",
        &[
            required("node", Kind::Text, "HOST:PORT, or HOST for port 9333."),
            required(
                "command",
                Kind::Text,
                "add: keep a connection up. remove: no more. onetry: try once.",
            ),
        ],
        "Keeps up a connection, or no more, or tries one.",
        "null",
        true,
        add_node,
    ),
    method(
        "disconnectnode",
        &[
            optional(
                "address",
                Kind::Text,
                "\"\"",
                "The peer's address, as getpeerinfo has it.",
            ),
            optional(
                "nodeid",
                Kind::Number,
                "none",
                "The peer's id, as getpeerinfo has it.",
            ),
        ],
        "Ends a connection, named by its address or by its id.",
        "null",
        true,
        disconnect_node,
    ),
    method(
        "getaddrmaninfo",
        &[],
        "How many addresses of nodes the node knows: those it has heard of, and those it was connected to.",
        "an object of networks (ipv4, ipv6, all_networks), each an object: new, tried, total",
        false,
        book_info,
    ),
    method(
        "getconnectioncount",
        &[],
        "How many peers are connected.",
        "a number",
        false,
        |api, _| Ok(api.handle.peers.peers().len().into()),
    ),
    method(
        "getnetworkinfo",
        &[],
        "How the node is connected.",
        "an object: version, subversion, networkactive, connections, connections_in, connections_out, localaddresses, warnings",
        false,
        network_info,
    ),
    method(
        "getnodeaddresses",
        &[
            optional("count", Kind::Number, "1", "How many; 0 is all."),
            optional("network", Kind::Text, "all", "Only those of ipv4 or ipv6."),
        ],
        "Addresses of nodes that this node has heard of, drawn by chance.",
        "an array of objects: time (when somebody was connected to it last), address, port, network, tried (whether this node was)",
        false,
        node_addresses,
    ),
    method(
        "getpeerinfo",
        &[],
        "The peers.",
        "an array of objects: id, addr, key, inbound, subver, version, startingheight, conntime, connected (seconds), bytessent, bytesrecv, pingtime and minping (seconds), last_block, network, connection_type (inbound, manual, outbound-full-relay), addr_processed, addr_rate_limited, penalty",
        false,
        peer_info,
    ),
    method(
        "listbanned",
        &[],
        "The addresses that are banned.",
        "an array of objects: address, banned_until, time_remaining (seconds), reason",
        false,
        list_banned,
    ),
    method(
        "clearbanned",
        &[],
        "Ends all bans.",
        "null",
        true,
        clear_banned,
    ),
    method(
        "setban",
        &[
            required(
                "subnet",
                Kind::Text,
                "An IP address; of a public IPv6 one its whole /64 is banned. Other subnets are not banned here.",
            ),
            required("command", Kind::Text, "add or remove."),
            optional(
                "bantime",
                Kind::Number,
                "86400",
                "Seconds; 0 is the default.",
            ),
            optional(
                "absolute",
                Kind::Bool,
                "false",
                "bantime is a moment, in seconds since 1970.",
            ),
        ],
        "Bans an address and ends its connections, or ends a ban.",
        "null",
        true,
        set_ban,
    ),
    method(
        "setnetworkactive",
        &[required(
            "state",
            Kind::Bool,
            "Whether there are connections.",
        )],
        "Switches all connections off, or on again.",
        "the state",
        true,
        set_network_active,
    ),
];

fn add_node(api: &Api, args: &Args) -> Answer {
    let node = args.text(0).unwrap_or_default();
    let node = with_port(node).ok_or_else(|| {
        let text = format!("Error: node is HOST or HOST:PORT, not {}", quoted(node));
        RpcError::invalid(text)
    })?;
    let peers = &api.handle.peers;
    let done = match args.text(1).unwrap_or_default() {
        "add" => peers.add(&node),
        "remove" => peers.remove(&node),
        "onetry" => peers.try_once(&node),
        other => {
            let text = format!("command is add, remove or onetry, not {}", quoted(other));
            return Err(RpcError::invalid(text));
        }
    };
    done.map(|()| Value::Null).map_err(|error| {
        let code = match error {
            PeersError::Unknown(_) => code::NOT_ADDED,
            PeersError::Present(_) => code::ALREADY_ADDED,
            PeersError::Full(_) => code::CAPACITY,
            PeersError::NotStored(_) => code::MISC,
        };
        RpcError::new(code, format!("Error: {error}"))
    })
}

fn disconnect_node(api: &Api, args: &Args) -> Answer {
    let address = args.text(0).filter(|address| !address.is_empty());
    let id = args.number(1)?;
    let peers = &api.handle.peers;
    let peer = match (address, id) {
        (Some(address), None) => {
            let is_it = |peer: &PeerInfo| peer.address.to_string() == address;
            peers.peers().into_iter().find(is_it).map(|peer| peer.id)
        }
        (None, Some(id)) => u32::try_from(id).ok().map(PeerId),
        _ => {
            let text = "Only one of address and nodeid should be provided.";
            return Err(RpcError::new(code::INVALID_PARAMS, text));
        }
    };
    let gone = peer.is_some_and(|peer| peers.disconnect(peer).is_ok());
    match gone {
        true => Ok(Value::Null),
        false => {
            let text = "Node not found in connected nodes";
            Err(RpcError::new(code::NOT_CONNECTED, text))
        }
    }
}

fn network_info(api: &Api, _: &Args) -> Answer {
    let peers = &api.handle.peers;
    let all = peers.peers();
    let inbound = all.iter().filter(|peer| peer.inbound).count();
    let local = peers.listening();
    let local = local.map(|at| json!({ "address": at.ip().to_string(), "port": at.port() }));
    Ok(json!({
        "version": version(env!("CARGO_PKG_VERSION")),
        "subversion": api.handle.about.user_agent,
        "networkactive": peers.is_active(),
        "connections": all.len(),
        "connections_in": inbound,
        "connections_out": all.len() - inbound,
        "localaddresses": local.into_iter().collect::<Vec<_>>(),
        "warnings": [],
    }))
}

/// As Bitcoin Core's `CLIENT_VERSION`: 10,000 a major and 100 a minor version.
fn version(text: &str) -> u64 {
    let parts = text.split('.').map(|part| part.parse::<u64>().unwrap_or(0));
    parts.take(3).fold(0, |sum, part| sum * 100 + part)
}

fn peer_info(api: &Api, _: &Args) -> Answer {
    let now = api.handle.clock.now().clock;
    let peers = api.handle.peers.peers();
    Ok(peers.iter().map(|peer| peer_json(peer, now)).collect())
}

fn peer_json(peer: &PeerInfo, now: Timestamp) -> Value {
    let connected = peer.connected.as_secs();
    let mut json = json!({
        "id": peer.id.0,
        "addr": peer.address.to_string(),
        "inbound": peer.inbound,
        "subver": peer.user_agent,
        "version": peer.version,
        "startingheight": peer.starting_height,
        "conntime": (now.0 / 1_000).saturating_sub(connected),
        "connected": connected,
        "bytessent": peer.bytes_sent,
        "bytesrecv": peer.bytes_received,
        "penalty": peer.penalty,
        "network": network(peer.address),
        "connection_type": connection_type(peer.connection),
        "last_block": peer.last_block.map_or(0, |ago| (now.0 / 1_000).saturating_sub(ago.as_secs())),
        "addr_processed": peer.addresses_processed,
        "addr_rate_limited": peer.addresses_limited,
    });
    if let Some(key) = peer.key {
        json["key"] = const_hex::encode(key).into();
    }
    if let Some(ping) = peer.ping {
        json["pingtime"] = ping.as_secs_f64().into();
    }
    if let Some(ping) = peer.shortest_ping {
        json["minping"] = ping.as_secs_f64().into();
    }
    json
}

/// In Core's words.
fn connection_type(kind: ConnectionKind) -> &'static str {
    match kind {
        ConnectionKind::Inbound => "inbound",
        ConnectionKind::Manual => "manual",
        ConnectionKind::Automatic => "outbound-full-relay",
    }
}

fn network(address: SocketAddr) -> &'static str {
    match address.ip().to_canonical() {
        IpAddr::V4(_) => "ipv4",
        IpAddr::V6(_) => "ipv6",
    }
}

fn node_addresses(api: &Api, args: &Args) -> Answer {
    let count = match args.count(0)? {
        None => 1,
        Some(0) => usize::MAX,
        Some(count) => usize::try_from(count).unwrap_or(usize::MAX),
    };
    let only = match args.text(1) {
        None | Some("all") => None,
        Some(only @ ("ipv4" | "ipv6")) => Some(only),
        Some(other) => {
            let text = format!("Network not recognized: {}", quoted(other));
            return Err(RpcError::invalid(text));
        }
    };
    let known = api.handle.peers.addresses().into_iter();
    let known = known.filter(|it| only.is_none_or(|only| network(it.address) == only));
    let json = |it: KnownAddress| {
        json!({
            "time": it.seen,
            "address": it.address.ip().to_string(),
            "port": it.address.port(),
            "network": network(it.address),
            "tried": it.tried,
        })
    };
    Ok(known.take(count).map(json).collect())
}

fn book_info(api: &Api, _: &Args) -> Answer {
    let known = api.handle.peers.addresses();
    let counts = |only: Option<&str>| {
        let here = known.iter();
        let here = here.filter(|it| only.is_none_or(|only| network(it.address) == only));
        let (tried, new): (Vec<_>, Vec<_>) = here.partition(|it| it.tried);
        json!({ "new": new.len(), "tried": tried.len(), "total": new.len() + tried.len() })
    };
    Ok(json!({
        "ipv4": counts(Some("ipv4")),
        "ipv6": counts(Some("ipv6")),
        "all_networks": counts(None),
    }))
}

fn set_network_active(api: &Api, args: &Args) -> Answer {
    let state = args.bool(0).unwrap_or(true);
    api.handle.peers.set_active(state);
    Ok(api.handle.peers.is_active().into())
}
