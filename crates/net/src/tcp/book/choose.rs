//! Which address to try, and which to tell.

use std::net::SocketAddr;

use rand_xoshiro::rand_core::Rng;

use super::{Book, Place};
use crate::tcp::limits::{BUCKET_SLOTS, SAMPLE_FLOOR, SAMPLE_MAX, SAMPLE_PERCENT};

/// Addresses that are drawn before a choice is given up. After 50 the chance of each that may be
/// chosen is certain.
const DRAWS_MAX: usize = 300;
/// What the chances grow by with every draw, as in Bitcoin Core.
const GROWTH: f64 = 1.2;

impl Book {
    /// An address to connect to: tried or new with the same chance, then a bucket, then an address
    /// in it, which is taken with its own chance. `None` if nothing was found, though that does not
    /// mean that there is nothing.
    ///
    /// What `may` refuses is not chosen.
    pub fn choose(
        &self,
        only_new: bool,
        now: u64,
        random: &mut impl Rng,
        may: impl Fn(SocketAddr) -> bool,
    ) -> Option<SocketAddr> {
        let tried = !only_new && random.next_u64() & 1 == 1;
        let found = self.choose_of(tried, now, random, &may);
        // The other table, if this one has none.
        found.or_else(|| match only_new {
            true => None,
            false => self.choose_of(!tried, now, random, &may),
        })
    }

    fn choose_of(
        &self,
        tried: bool,
        now: u64,
        random: &mut impl Rng,
        may: &impl Fn(SocketAddr) -> bool,
    ) -> Option<SocketAddr> {
        let buckets = self.buckets(tried);
        let mut growth = 1.0;
        for _ in 0..DRAWS_MAX {
            let bucket = *pick(&buckets, random)?;
            let bounds = [0, BUCKET_SLOTS].map(|slot| Place {
                tried,
                bucket,
                slot,
            });
            let here: Vec<_> = self.places.range(bounds[0]..bounds[1]).collect();
            let (_, address) = pick(&here, random)?;
            let Some(entry) = self.entries.get(address) else {
                continue;
            };
            if may(**address) && is_hit(entry.chance(now) * growth, random) {
                return Some(**address);
            }
            growth *= GROWTH;
        }
        None
    }

    /// The buckets in which something is.
    fn buckets(&self, tried: bool) -> Vec<u16> {
        let mut buckets = Vec::new();
        for (place, _) in self.in_table(tried) {
            if buckets.last() != Some(&place.bucket) {
                buckets.push(place.bucket);
            }
        }
        buckets
    }

    /// A tried address whose place another wants: it is to be tested.
    pub fn to_test(&self, random: &mut impl Rng) -> Option<SocketAddr> {
        let waiting: Vec<_> = self.waiting.iter().collect();
        let place = self.tried_place(**pick(&waiting, random)?);
        self.places.get(&place).copied()
    }

    /// What is told to somebody who asks: a random part of the book, with the time at which each
    /// was seen. At most [`SAMPLE_MAX`] and [`SAMPLE_PERCENT`], but always [`SAMPLE_FLOOR`].
    pub fn sample(
        &self,
        now: u64,
        random: &mut impl Rng,
        may: impl Fn(SocketAddr) -> bool,
    ) -> Vec<(SocketAddr, u64)> {
        let most = self.entries.len() * SAMPLE_PERCENT / 100;
        let most = most.clamp(SAMPLE_FLOOR, SAMPLE_MAX);
        let usable = self.entries.iter().filter(|(address, entry)| {
            let is_alive = !entry.is_terrible(now);
            is_alive && may(**address)
        });
        let mut sample: Vec<_> = usable
            .map(|(address, entry)| (*address, entry.seen))
            .collect();
        for at in 0..sample.len().min(most) {
            let left = sample.len() - at;
            let other = at + below(left, random);
            sample.swap(at, other);
        }
        sample.truncate(most);
        sample
    }
}

/// One of them, each as likely.
fn pick<'a, T>(of: &'a [T], random: &mut impl Rng) -> Option<&'a T> {
    match of.len() {
        0 => None,
        count => of.get(below(count, random)),
    }
}

/// A number below `count`, which is not 0. The bias is below 2^-40.
fn below(count: usize, random: &mut impl Rng) -> usize {
    let drawn = random.next_u64() % (count as u64);
    usize::try_from(drawn).unwrap_or(0)
}

fn is_hit(chance: f64, random: &mut impl Rng) -> bool {
    let share = (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    share < chance
}
