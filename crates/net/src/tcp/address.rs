//! Addresses of nodes: how far they reach, to which group they belong, and their bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// From how far an address can be reached. What reaches further is greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Scope {
    /// From this machine.
    Loopback,
    /// From the same private network: addresses of RFC 1918, 6598, 3927 and 4193, and those set
    /// aside for documentation and measurements, which laboratories use.
    Local,
    /// From everywhere.
    Public,
}

impl Scope {
    /// Where an address can be reached from; `None` if no node can be there.
    pub fn of(address: IpAddr) -> Option<Self> {
        match address.to_canonical() {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }

    /// Whether somebody at `self` may be told of an address that reaches as far as `about`, or be
    /// believed about it: only of what can be reached from there.
    pub fn may_know(self, about: Scope) -> bool {
        about >= self
    }

    /// Whether many nodes are expected in one network group: not among strangers.
    pub fn is_shared(self) -> bool {
        self < Scope::Public
    }
}

fn of_v4(address: Ipv4Addr) -> Option<Scope> {
    match address.octets() {
        // "This network", multicast, reserved and broadcast.
        [0 | 224..=255, ..] => None,
        [127, ..] => Some(Scope::Loopback),
        [100, 64..=127, ..] | [198, 18 | 19, ..] => Some(Scope::Local),
        _ if address.is_private() || address.is_link_local() || address.is_documentation() => {
            Some(Scope::Local)
        }
        _ => Some(Scope::Public),
    }
}

fn of_v6(address: Ipv6Addr) -> Option<Scope> {
    match address.segments() {
        _ if address.is_unspecified() => None,
        _ if address.is_loopback() => Some(Scope::Loopback),
        // Multicast; link-local addresses mean nothing without an interface.
        [0xff00..=0xffff, ..] | [0xfe80..=0xfebf, ..] => None,
        [0xfc00..=0xfdff, ..] | [0x2001, 0x0db8, ..] => Some(Scope::Local),
        // Only 2000::/3 is given out.
        [0x2000..=0x3fff, ..] => Some(Scope::Public),
        _ => None,
    }
}

/// Addresses that somebody who has one of them is likely to have many of: the /16 of an IPv4
/// address, the /32 of an IPv6 address, all of loopback.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Group([u8; 5]);

impl Group {
    /// The group of an address; an IPv4 address is one, however it is written.
    pub fn of(address: IpAddr) -> Self {
        let address = address.to_canonical();
        if address.is_loopback() {
            return Group([0; 5]);
        }
        match address {
            IpAddr::V4(address) => {
                let [a, b, ..] = address.octets();
                Group([4, a, b, 0, 0])
            }
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.octets();
                Group([6, a, b, c, d])
            }
        }
    }

    /// Its bytes, for a keyed hash.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The one form of an address: IPv4 as IPv4, and no flow or interface.
pub fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

/// Whether it is an IPv6 address whose whole /64 one line is given. In a network of one's own many
/// nodes share one.
pub fn is_of_a_line(address: IpAddr) -> bool {
    address.to_canonical().is_ipv6() && Scope::of(address) == Some(Scope::Public)
}

/// What stands for whoever has this address: an IPv4 address, however it is written, or the first
/// address of the /64 of an IPv6 one, if one line is given that.
pub fn holder(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if is_of_a_line(address.into()) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

/// Whether a node can be there at all.
pub fn is_possible(address: SocketAddr) -> bool {
    address.port() != 0 && Scope::of(address.ip()).is_some()
}

/// Bytes of an address.
pub const ADDRESS_BYTES: usize = 18;

/// An IPv6 address (an IPv4 one mapped into it) and a port, big-endian.
pub fn put(out: &mut Vec<u8>, address: SocketAddr) {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    out.extend_from_slice(&ip.octets());
    out.extend_from_slice(&address.port().to_be_bytes());
}

/// Reads what [`put`] wrote.
pub fn take(bytes: &[u8; ADDRESS_BYTES]) -> SocketAddr {
    let mut ip = [0; 16];
    ip.copy_from_slice(&bytes[..16]);
    let port = u16::from_be_bytes([bytes[16], bytes[17]]);
    SocketAddr::new(IpAddr::V6(Ipv6Addr::from(ip)).to_canonical(), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_reaches_as_far_as_its_registry_says() {
        for (scope, addresses) in [
            (
                Some(Scope::Loopback),
                vec!["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"],
            ),
            (
                Some(Scope::Local),
                vec![
                    "10.1.2.3",
                    "172.16.0.1",
                    "192.168.1.1",
                    "169.254.1.1",
                    "100.64.0.1",
                    "198.18.0.1",
                    "192.0.2.1",
                    "fd00::1",
                    "2001:db8::1",
                    "::ffff:10.0.0.1",
                ],
            ),
            (
                Some(Scope::Public),
                vec!["8.8.8.8", "100.128.0.1", "2a00::1"],
            ),
            (
                None,
                vec![
                    "0.0.0.0",
                    "0.1.2.3",
                    "224.0.0.1",
                    "240.0.0.1",
                    "255.255.255.255",
                    "::",
                    "ff02::1",
                    "fe80::1",
                    "4000::1",
                    "::ffff:0.0.0.0",
                ],
            ),
        ] {
            for address in addresses {
                assert_eq!(Scope::of(ip(address)), scope, "{address}");
            }
        }
    }

    #[test]
    fn nobody_is_told_of_what_cannot_be_reached_from_there() {
        let scopes = [Scope::Loopback, Scope::Local, Scope::Public];
        for (to, knows) in [
            (0, [true; 3]),
            (1, [false, true, true]),
            (2, [false, false, true]),
        ] {
            let may = scopes.map(|about| scopes[to].may_know(about));
            assert_eq!(may, knows);
        }
    }

    #[test]
    fn groups_are_those_that_are_given_out_together() {
        let same = |one, other| Group::of(ip(one)) == Group::of(ip(other));
        assert!(same("203.0.113.1", "203.0.7.7") && !same("203.0.113.1", "203.1.113.1"));
        assert!(same("2a00:1450::1", "2a00:1450:ffff::2") && !same("2a00:1450::1", "2a00:1451::1"));
        assert!(same("::ffff:203.0.113.1", "203.0.113.9"));
        assert!(same("127.0.0.1", "::1") && same("127.0.0.1", "127.200.0.1"));
        assert!(!same("4.5.0.0", "405::"));
    }

    #[test]
    fn the_bytes_of_an_address_are_read_again() {
        for text in ["1.2.3.4:5", "[2a00::1]:65535"] {
            let address: SocketAddr = text.parse().unwrap();
            let mut bytes = Vec::new();
            put(&mut bytes, address);
            assert_eq!(take(&bytes.try_into().unwrap()), address);
        }
        let mapped = "[::ffff:1.2.3.4]:5".parse().unwrap();
        assert_eq!(canonical(mapped), "1.2.3.4:5".parse().unwrap());
    }
}
