//! Bans as bytes, to be kept over a restart.
//!
//! ```text
//! offset  bytes  what
//!      0      4  version of this layout, u32: 2
//!      4      4  bans, u32
//!      8         the bans
//! ```
//!
//! A ban:
//!
//! ```text
//! offset  bytes  what
//!      0     16  its address: IPv6 (IPv4 mapped)
//!     16      8  until when, u64: seconds since 1970
//!     24      1  whether the operator asked for it: 0 or 1
//!     25      1  length of the reason, at most 128
//!     26      n  the reason, printable ASCII
//! ```
//!
//! Integers are big-endian. Nothing may follow. Points are not kept.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::hello::sanitised_to;
use crate::peers::Ban;

const VERSION: u32 = 2;
const REASON_BYTES_MAX: usize = 128;

/// Bytes that are no list of bans.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BansError {
    /// Another layout.
    #[error("its layout is version {0}, this node reads {VERSION}")]
    Version(u32),
    /// It ends within something, or goes on after the last ban.
    #[error("{0} bytes are not the length of what it claims to hold")]
    Length(usize),
    /// A reason, or a word for who asked, that was not written so.
    #[error("ban {0} is none")]
    Ban(u32),
}

/// The bytes of these bans; `now` is in seconds since 1970.
pub fn encode(bans: &[Ban], now: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + bans.len() * 64);
    out.extend_from_slice(&VERSION.to_be_bytes());
    let count = u32::try_from(bans.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&count.to_be_bytes());
    for ban in bans {
        let ip = match ban.address {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        out.extend_from_slice(&ip.octets());
        // What is left of the last second counts.
        let until = now.saturating_add(ban.left.as_secs()).saturating_add(1);
        out.extend_from_slice(&until.to_be_bytes());
        out.push(ban.asked.into());
        let reason = sanitised_to(&ban.reason, REASON_BYTES_MAX);
        out.push(u8::try_from(reason.len()).unwrap_or(0));
        out.extend_from_slice(reason.as_bytes());
    }
    out
}

/// Reads bans that are all of `bytes`. Those that are over are left out.
///
/// # Errors
/// The bytes are none.
pub fn decode(bytes: &[u8], now: u64) -> Result<Vec<Ban>, BansError> {
    let wrong = BansError::Length(bytes.len());
    let mut rest = bytes;
    let version = u32::from_be_bytes(part(&mut rest).ok_or(wrong)?);
    if version != VERSION {
        return Err(BansError::Version(version));
    }
    let count = u32::from_be_bytes(part(&mut rest).ok_or(wrong)?);
    let mut bans = Vec::new();
    for at in 0..count {
        let ip: [u8; 16] = part(&mut rest).ok_or(wrong)?;
        let until = u64::from_be_bytes(part(&mut rest).ok_or(wrong)?);
        let asked = match part(&mut rest).ok_or(wrong)? {
            [0] => false,
            [1] => true,
            [_] => return Err(BansError::Ban(at)),
        };
        let [length] = part(&mut rest).ok_or(wrong)?;
        let (reason, after) = rest.split_at_checked(length.into()).ok_or(wrong)?;
        rest = after;
        let reason = str::from_utf8(reason).map_err(|_| BansError::Ban(at))?;
        if reason.len() > REASON_BYTES_MAX || sanitised_to(reason, REASON_BYTES_MAX) != reason {
            return Err(BansError::Ban(at));
        }
        if until > now {
            bans.push(Ban {
                address: IpAddr::V6(Ipv6Addr::from(ip)).to_canonical(),
                left: Duration::from_secs(until - now),
                reason: reason.to_owned(),
                asked,
            });
        }
    }
    match rest {
        [] => Ok(bans),
        _ => Err(wrong),
    }
}

fn part<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (part, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*part)
}
