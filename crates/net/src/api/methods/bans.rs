//! Bans.

use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::api::Api;
use crate::api::error::{RpcError, code, quoted};
use crate::api::params::Args;
use crate::api::table::Answer;
use crate::peers::{Ban, PeersError};
use crate::tcp::address::{holder, is_of_a_line};

/// As Bitcoin Core's `-bantime`: a day.
const BAN_TIME: u64 = 86_400;

/// Nobody means a ban of more than ten years.
const BAN_TIME_MAX: u64 = 10 * 365 * 86_400;

/// The bans that last.
pub(super) fn list_banned(api: &Api, _: &Args) -> Answer {
    let now = api.handle.clock.now().clock.0 / 1_000;
    let ban = |ban: Ban| {
        json!({
            "address": ban.to_string(),
            "banned_until": now.saturating_add(ban.left.as_secs()),
            "time_remaining": ban.left.as_secs(),
            "reason": ban.reason,
        })
    };
    Ok(api.handle.peers.bans().into_iter().map(ban).collect())
}

/// Ends all bans.
pub(super) fn clear_banned(api: &Api, _: &Args) -> Answer {
    let cleared = api.handle.peers.clear_bans();
    let cleared = cleared.map(|()| Value::Null);
    cleared.map_err(|error| RpcError::new(code::MISC, format!("Error: {error}")))
}

/// Bans an address, or ends its ban.
pub(super) fn set_ban(api: &Api, args: &Args) -> Answer {
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
            if peers
                .bans()
                .iter()
                .any(|ban| ban.asked && ban.address == holder(address))
            {
                let text = "Error: IP/Subnet already banned";
                return Err(RpcError::new(code::ALREADY_ADDED, text));
            }
            let banned = peers.ban(address, Duration::from_secs(time));
            banned.map(|()| Value::Null).map_err(|error| {
                let code = match error {
                    PeersError::NotStored(_) => code::MISC,
                    _ => code::CAPACITY,
                };
                RpcError::new(code, format!("Error: {error}"))
            })
        }
        "remove" => match peers.unban(address) {
            Ok(()) => Ok(Value::Null),
            Err(error @ PeersError::NotStored(_)) => {
                Err(RpcError::new(code::MISC, format!("Error: {error}")))
            }
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

/// A single address, as `/32` and `/128` say too; of a public IPv6 address its `/64` is banned.
fn address(text: &str) -> Result<IpAddr, RpcError> {
    let wrong = || RpcError::new(code::INVALID_IP, "Error: Invalid IP/Subnet");
    let (host, bits) = text
        .split_once('/')
        .map_or((text, None), |(a, b)| (a, Some(b)));
    let address = host.parse::<IpAddr>().map_err(|_| wrong())?;
    let whole: &[_] = match address {
        IpAddr::V4(_) => &["32"],
        address if is_of_a_line(address) => &["128", "64"],
        IpAddr::V6(_) => &["128"],
    };
    if bits.is_some_and(|bits| !whole.contains(&bits)) {
        let text = "Error: Invalid IP/Subnet: only single addresses are banned here";
        return Err(RpcError::new(code::INVALID_IP, text));
    }
    Ok(address.to_canonical())
}
