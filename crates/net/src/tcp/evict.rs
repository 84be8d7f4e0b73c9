//! Who has to go when all inbound slots are taken and somebody else knocks.
//!
//! As Bitcoin Core's `SelectNodeToEvict`: some are protected for what an attacker can hardly have
//! much of: a network group that our secret favours, a short way, blocks that we had not yet, a
//! long time. Of the rest, the youngest of the group with the most connections goes. So who opens
//! connections without end from few networks displaces himself.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use super::address::Group;

/// Protected: from as many different groups, those that our secret ranks first.
const BY_GROUP: usize = 4;
/// Protected: with the shortest round trip.
const BY_PING: usize = 8;
/// Protected: who gave us a new block last.
const BY_BLOCK: usize = 4;
// And half of the rest, for the longest time of connection.

/// An inbound connection, as far as it matters here.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its number.
    pub id: u32,
    /// Its network group.
    pub group: Group,
    /// The rank of the group: a hash with a secret key.
    pub rank: u64,
    /// How long it has been connected.
    pub connected: Duration,
    /// Its shortest round trip.
    pub ping: Option<Duration>,
    /// How long ago it gave us a block that was valid and new to us.
    pub block: Option<Duration>,
}

/// Who has to go; `None` if all are protected.
pub fn whom(mut candidates: Vec<Candidate>) -> Option<u32> {
    // Of each group its oldest connection counts for its rank.
    candidates.sort_by_key(|it| (it.rank, it.group, Reverse(it.connected)));
    let mut ranked = Vec::new();
    candidates.retain(|it| {
        let is_kept = ranked.len() < BY_GROUP && !ranked.contains(&it.group);
        if is_kept {
            ranked.push(it.group);
        }
        !is_kept
    });
    protect(&mut candidates, BY_PING, |it| it.ping);
    protect(&mut candidates, BY_BLOCK, |it| it.block);
    let half = candidates.len() / 2;
    protect(&mut candidates, half, |it| {
        Some(Duration::MAX.saturating_sub(it.connected))
    });

    let mut groups: BTreeMap<Group, Vec<&Candidate>> = BTreeMap::new();
    for candidate in &candidates {
        groups.entry(candidate.group).or_default().push(candidate);
    }
    let youngest = |group: &Vec<&Candidate>| group.iter().map(|it| it.connected).min();
    let largest = groups.values().max_by_key(|group| {
        // Of groups as large, the one that grew last.
        (group.len(), Reverse(youngest(group)))
    })?;
    let youngest = largest.iter().min_by_key(|it| it.connected)?;
    Some(youngest.id)
}

/// Takes away the `count` with the smallest value, of those that have one; of equal ones those that
/// have been connected longest.
fn protect(
    candidates: &mut Vec<Candidate>,
    count: usize,
    value: impl Fn(&Candidate) -> Option<Duration>,
) {
    candidates.sort_by_key(|it| (value(it).unwrap_or(Duration::MAX), Reverse(it.connected)));
    let some = candidates.iter().take_while(|it| value(it).is_some());
    let count = some.count().min(count);
    candidates.drain(..count);
}
