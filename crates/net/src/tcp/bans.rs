//! Who may not connect, and who is on the way there.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::end::POINTS_MAX;
use crate::peers::Ban;

/// How long points count.
const POINTS_LAST: Duration = Duration::from_secs(3_600);

/// The longest ban; whoever asks for more gets this.
pub const BAN_MAX: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Bans and points, by address. Both tables are bounded.
#[derive(Debug)]
pub struct Bans {
    most: usize,
    bans: BTreeMap<IpAddr, (Instant, String)>,
    points: BTreeMap<IpAddr, (u16, Instant)>,
}

impl Bans {
    /// None yet, and never more than `most`.
    pub fn new(most: usize) -> Self {
        Bans {
            most: most.max(1),
            bans: BTreeMap::new(),
            points: BTreeMap::new(),
        }
    }

    /// Bans an address. At the bound the ban that ends first makes room.
    pub fn ban(&mut self, address: IpAddr, until: Instant, reason: String) {
        let address = address.to_canonical();
        self.points.remove(&address);
        if !self.bans.contains_key(&address) && self.bans.len() >= self.most {
            let first = self.bans.iter().min_by_key(|(_, (until, _))| *until);
            if let Some(first) = first.map(|(address, _)| *address) {
                self.bans.remove(&first);
            }
        }
        self.bans.insert(address, (until, reason));
    }

    /// Ends a ban; whether there was one.
    pub fn unban(&mut self, address: IpAddr, now: Instant) -> bool {
        let ban = self.bans.remove(&address.to_canonical());
        ban.is_some_and(|(until, _)| until > now)
    }

    /// Whether it is banned now.
    pub fn is_banned(&mut self, address: IpAddr, now: Instant) -> bool {
        let address = address.to_canonical();
        match self.bans.get(&address) {
            Some((until, _)) if *until > now => true,
            Some(_) => {
                self.bans.remove(&address);
                false
            }
            None => false,
        }
    }

    /// Whether it is banned now, without forgetting a ban that is over.
    pub fn has(&self, address: IpAddr, now: Instant) -> bool {
        let ban = self.bans.get(&address.to_canonical());
        ban.is_some_and(|(until, _)| *until > now)
    }

    /// Bans that were kept; those that end last, if there are too many.
    pub fn restore(&mut self, kept: Vec<Ban>) {
        let now = Instant::now();
        for ban in kept {
            self.ban(ban.address, now + ban.left.min(BAN_MAX), ban.reason);
        }
    }

    /// Adds points; whether they are enough for a ban.
    pub fn charge(&mut self, address: IpAddr, points: u16, now: Instant) -> bool {
        let address = address.to_canonical();
        if !self.points.contains_key(&address) && self.points.len() >= self.most {
            self.points.retain(|_, (_, last)| now < *last + POINTS_LAST);
            if self.points.len() >= self.most {
                let oldest = self.points.iter().min_by_key(|(_, (_, last))| *last);
                if let Some(oldest) = oldest.map(|(address, _)| *address) {
                    self.points.remove(&oldest);
                }
            }
        }
        let (sum, last) = self.points.entry(address).or_insert((0, now));
        if now >= *last + POINTS_LAST {
            *sum = 0;
        }
        *last = now;
        *sum = sum.saturating_add(points);
        *sum >= POINTS_MAX
    }

    /// The points of an address that count now.
    pub fn points(&self, address: IpAddr, now: Instant) -> u16 {
        match self.points.get(&address.to_canonical()) {
            Some((points, last)) if now < *last + POINTS_LAST => *points,
            _ => 0,
        }
    }

    /// All bans that last, by address.
    pub fn list(&self, now: Instant) -> Vec<Ban> {
        let lasting = self.bans.iter().filter(|(_, (until, _))| *until > now);
        let ban = |(address, (until, reason)): (&IpAddr, &(Instant, String))| Ban {
            address: *address,
            left: until.saturating_duration_since(now),
            reason: reason.clone(),
        };
        lasting.map(ban).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn address(last: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, last).into()
    }

    #[test]
    fn a_ban_ends_and_an_alias_does_not_evade_it() {
        let mut bans = Bans::new(8);
        let now = Instant::now();
        bans.ban(address(1), now + HOUR, "bad frame".into());
        let mapped = Ipv4Addr::new(192, 0, 2, 1).to_ipv6_mapped();
        assert!(bans.is_banned(mapped.into(), now));
        assert!(!bans.is_banned(address(2), now));
        assert_eq!(bans.list(now).len(), 1);
        assert!(!bans.is_banned(address(1), now + HOUR));
        assert!(bans.list(now).is_empty());
    }

    #[test]
    fn the_list_is_bounded_and_the_ban_that_ends_first_makes_room() {
        let mut bans = Bans::new(3);
        let now = Instant::now();
        for last in 1..=4 {
            bans.ban(address(last), now + HOUR * u32::from(last), String::new());
        }
        let left: Vec<_> = bans.list(now).iter().map(|ban| ban.address).collect();
        assert_eq!(left, [address(2), address(3), address(4)]);
    }

    #[test]
    fn points_add_up_to_a_ban_and_are_forgotten() {
        let mut bans = Bans::new(2);
        let now = Instant::now();
        assert!(!bans.charge(address(1), 60, now));
        assert_eq!(bans.points(address(1), now), 60);
        assert!(
            !bans.charge(address(1), 60, now + HOUR),
            "the first ones are old"
        );
        assert!(bans.charge(address(1), 40, now + HOUR));
        for last in 2..50 {
            bans.charge(address(last), 1, now);
        }
        assert!(bans.points.len() <= 2);
    }
}
