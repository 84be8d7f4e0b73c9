//! Peers and bans.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use std::time::Duration;

use forkful_core::{PeerId, Timestamp};
use serde_json::{Value, json};

use crate::api::Api;
use crate::api::error::{RpcError, code, quoted};
use crate::api::params::Args;
use crate::api::table::{Answer, Kind, Method, Param, Run, optional, required};
use crate::peers::{Ban, PeerInfo, PeersError};
use crate::tcp;

/// As Bitcoin Core's `-bantime`: a day.
const BAN_TIME: u64 = 86_400;

/// Nobody means a ban of more than ten years.
const BAN_TIME_MAX: u64 = 10 * 365 * 86_400;

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
        "getpeerinfo",
        &[],
        "The peers.",
        "an array of objects: id, addr, key, inbound, subver, version, startingheight, conntime, connected (seconds), bytessent, bytesrecv, pingtime (seconds), penalty",
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
        "setban",
        &[
            required(
                "subnet",
                Kind::Text,
                "An IP address; whole subnets are not banned here.",
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

/// `HOST:PORT`, where a user may leave the port out, as with `bitcoin-cli`.
fn with_port(node: &str) -> Option<String> {
    if let Ok(address) = node.parse::<IpAddr>() {
        return Some(SocketAddr::new(address, tcp::DEFAULT_PORT).to_string());
    }
    let port = match node.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() => port.parse::<NonZeroU16>().ok(),
        Some(_) => None,
        None if node.is_empty() => None,
        None => return Some(format!("{node}:{}", tcp::DEFAULT_PORT)),
    };
    port.map(|_| node.to_owned())
}

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
    });
    if let Some(key) = peer.key {
        json["key"] = const_hex::encode(key).into();
    }
    if let Some(ping) = peer.ping {
        json["pingtime"] = ping.as_secs_f64().into();
    }
    json
}

fn list_banned(api: &Api, _: &Args) -> Answer {
    let now = api.handle.clock.now().clock.0 / 1_000;
    let ban = |ban: Ban| {
        json!({
            "address": ban.address.to_string(),
            "banned_until": now.saturating_add(ban.left.as_secs()),
            "time_remaining": ban.left.as_secs(),
            "reason": ban.reason,
        })
    };
    Ok(api.handle.peers.bans().into_iter().map(ban).collect())
}

fn set_ban(api: &Api, args: &Args) -> Answer {
    let address = address(args.text(0).unwrap_or_default())?;
    let peers = &api.handle.peers;
    let ban_error = |text: &str| Err(RpcError::new(code::INVALID_IP, text));
    match args.text(1).unwrap_or_default() {
        "add" => {
            let mut time = args.count(2)?.unwrap_or(0);
            if args.bool(3) == Some(true) {
                let now = api.handle.clock.now().clock.0 / 1_000;
                time = time
                    .checked_sub(now)
                    .filter(|left| *left > 0)
                    .ok_or_else(|| RpcError::invalid("Error: Absolute timestamp is in the past"))?;
            }
            let time = if time == 0 {
                BAN_TIME
            } else {
                time.min(BAN_TIME_MAX)
            };
            if peers.bans().iter().any(|ban| ban.address == address) {
                let text = "Error: IP/Subnet already banned";
                return Err(RpcError::new(code::ALREADY_ADDED, text));
            }
            let banned = peers.ban(address, Duration::from_secs(time));
            banned
                .map(|()| Value::Null)
                .map_err(|error| RpcError::new(code::CAPACITY, format!("Error: {error}")))
        }
        "remove" => match peers.unban(address) {
            Ok(()) => Ok(Value::Null),
            Err(_) => ban_error(
                "Error: Unban failed. Requested address/subnet was not previously manually banned.",
            ),
        },
        other => {
            let text = format!("command is add or remove, not {}", quoted(other));
            Err(RpcError::invalid(text))
        }
    }
}

/// A single address; `/32` and `/128` say so too.
fn address(text: &str) -> Result<IpAddr, RpcError> {
    let wrong = || RpcError::new(code::INVALID_IP, "Error: Invalid IP/Subnet");
    let (host, bits) = text
        .split_once('/')
        .map_or((text, None), |(a, b)| (a, Some(b)));
    let address = host.parse::<IpAddr>().map_err(|_| wrong())?;
    let whole = if address.is_ipv4() { "32" } else { "128" };
    if bits.is_some_and(|bits| bits != whole) {
        let text = "Error: Invalid IP/Subnet: only single addresses are banned here";
        return Err(RpcError::new(code::INVALID_IP, text));
    }
    Ok(address.to_canonical())
}

fn set_network_active(api: &Api, args: &Args) -> Answer {
    let state = args.bool(0).unwrap_or(true);
    api.handle.peers.set_active(state);
    Ok(api.handle.peers.is_active().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_may_be_left_out() {
        for (node, address) in [
            ("192.0.2.1", Some("192.0.2.1:9333")),
            ("192.0.2.1:7", Some("192.0.2.1:7")),
            ("::1", Some("[::1]:9333")),
            ("[::1]:7", Some("[::1]:7")),
            ("node.example", Some("node.example:9333")),
            ("node.example:7", Some("node.example:7")),
            ("", None),
            (":7", None),
            ("node.example:99999", None),
            ("node.example:0", None),
            ("node.example:", None),
        ] {
            assert_eq!(with_port(node).as_deref(), address, "{node}");
        }
    }
}
