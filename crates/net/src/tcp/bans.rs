//! Who may not connect, and who is on the way there.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;

use super::address::holder;
use super::end::POINTS_MAX;
use crate::peers::Ban;

/// How long points count.
const POINTS_LAST: Duration = Duration::from_secs(3_600);

/// The longest ban; whoever asks for more gets this.
pub const BAN_MAX: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Bans and points, by [`holder`]. Both tables are bounded.
#[derive(Debug)]
pub struct Bans {
    most: usize,
    bans: BTreeMap<IpAddr, Entry>,
    points: BTreeMap<IpAddr, (u16, Instant)>,
}

#[derive(Debug)]
struct Entry {
    until: Instant,
    reason: String,
    asked: bool,
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

    /// Bans an address; whether there was room. At the bound bans that are over make room, and then
    /// the one that ends first, but none that the operator `asked` for.
    pub fn ban(
        &mut self,
        address: IpAddr,
        until: Instant,
        reason: String,
        asked: bool,
        now: Instant,
    ) -> bool {
        let address = holder(address);
        if self.bans.len() >= self.most {
            self.bans.retain(|_, ban| ban.until > now);
        }
        let is_asked = |ban: &Entry| ban.asked && ban.until > now;
        if !asked && self.bans.get(&address).is_some_and(is_asked) {
            // It stays as it was asked for.
            return true;
        }
        if !self.bans.contains_key(&address) && self.bans.len() >= self.most {
            let automatic = self.bans.iter().filter(|(_, ban)| !ban.asked);
            let first = automatic.min_by_key(|(_, ban)| ban.until);
            let Some(first) = first.map(|(address, _)| *address) else {
                return false;
            };
            self.bans.remove(&first);
        }
        self.points.remove(&address);
        let entry = Entry {
            until,
            reason,
            asked,
        };
        self.bans.insert(address, entry);
        true
    }

    /// Ends a ban; whether there was one.
    pub fn unban(&mut self, address: IpAddr, now: Instant) -> bool {
        let ban = self.bans.remove(&holder(address));
        ban.is_some_and(|ban| ban.until > now)
    }

    /// Ends all bans.
    pub fn clear(&mut self) {
        self.bans.clear();
    }

    /// Whether it is banned now.
    pub fn is_banned(&mut self, address: IpAddr, now: Instant) -> bool {
        let address = holder(address);
        match self.bans.get(&address) {
            Some(ban) if ban.until > now => true,
            Some(_) => {
                self.bans.remove(&address);
                false
            }
            None => false,
        }
    }

    /// Whether it is banned now, without forgetting a ban that is over.
    pub fn has(&self, address: IpAddr, now: Instant) -> bool {
        let ban = self.bans.get(&holder(address));
        ban.is_some_and(|ban| ban.until > now)
    }

    /// Bans that were kept; those that end last, if there are too many.
    pub fn restore(&mut self, kept: Vec<Ban>) {
        let now = Instant::now();
        for ban in kept {
            let until = now + ban.left.min(BAN_MAX);
            self.ban(ban.address, until, ban.reason, ban.asked, now);
        }
    }

    /// Adds points; whether they are enough for a ban.
    pub fn charge(&mut self, address: IpAddr, points: u16, now: Instant) -> bool {
        let address = holder(address);
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
        match self.points.get(&holder(address)) {
            Some((points, last)) if now < *last + POINTS_LAST => *points,
            _ => 0,
        }
    }

    /// All bans that last, by address.
    pub fn list(&self, now: Instant) -> Vec<Ban> {
        let lasting = self.bans.iter().filter(|(_, ban)| ban.until > now);
        let ban = |(address, ban): (&IpAddr, &Entry)| Ban {
            address: *address,
            left: ban.until.saturating_duration_since(now),
            reason: ban.reason.clone(),
            asked: ban.asked,
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
        bans.ban(address(1), now + HOUR, "bad frame".into(), false, now);
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
            let until = now + HOUR * u32::from(last);
            assert!(bans.ban(address(last), until, String::new(), false, now));
        }
        let left: Vec<_> = bans.list(now).iter().map(|ban| ban.address).collect();
        assert_eq!(left, [address(2), address(3), address(4)]);
    }

    #[test]
    fn no_automatic_ban_displaces_one_that_was_asked_for() {
        let mut bans = Bans::new(2);
        let (now, day) = (Instant::now(), HOUR * 24);
        let mut ban =
            |last, until, asked| bans.ban(address(last), until, String::new(), asked, now);
        assert!(ban(1, now + HOUR, true));
        assert!(ban(2, now + day, false));
        assert!(ban(3, now + day, false));
        assert!(ban(4, now + day, true), "it displaces an automatic one");
        assert!(!ban(5, now + day, false));
        assert!(!ban(6, now + day, true));
        // What is done from there meanwhile neither shortens it nor makes it an automatic one.
        assert!(ban(4, now + HOUR, false));
        let left = bans.list(now).into_iter();
        let left: Vec<_> = left.map(|ban| (ban.address, ban.asked, ban.left)).collect();
        assert_eq!(left, [(address(1), true, HOUR), (address(4), true, day)]);
        // One that is over is in nobody's way.
        let later = now + 2 * HOUR;
        assert!(bans.ban(address(5), later + HOUR, String::new(), false, later));
        let left: Vec<_> = bans.list(later).iter().map(|ban| ban.address).collect();
        assert_eq!(left, [address(4), address(5)]);
    }

    #[test]
    fn a_line_of_ipv6_is_banned_with_all_its_addresses() {
        let mut bans = Bans::new(8);
        let now = Instant::now();
        let at = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(!bans.charge(at("2a00:1450:1:2::5"), 60, now));
        assert!(bans.charge(at("2a00:1450:1:2:ffff::6"), 60, now));
        bans.ban(
            at("2a00:1450:1:2::5"),
            now + HOUR,
            String::new(),
            false,
            now,
        );
        assert!(bans.is_banned(at("2a00:1450:1:2:ffff::6"), now));
        assert!(!bans.is_banned(at("2a00:1450:1:3::5"), now));
        assert_eq!(bans.list(now)[0].to_string(), "2a00:1450:1:2::/64");
        // Of a network of one's own many nodes have one /64.
        bans.ban(at("fd00::5"), now + HOUR, String::new(), false, now);
        assert!(bans.is_banned(at("fd00::5"), now) && !bans.is_banned(at("fd00::6"), now));
        assert_eq!(bans.list(now)[1].to_string(), "fd00::5");
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
