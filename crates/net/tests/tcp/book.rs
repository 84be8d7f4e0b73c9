//! The address book as a strategist attacks it: no sockets, no clock.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use forkful_net::tcp::address::Group;
use forkful_net::tcp::book::{BlobError, Book};
use forkful_net::tcp::limits::{
    BOOK_ENTRIES_MAX, BUCKET_SLOTS, NEW_BUCKETS_PER_SOURCE, SAMPLE_FLOOR, SAMPLE_MAX,
    TRIED_BUCKETS_PER_GROUP,
};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng as _;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
const NOW: u64 = 1_800_000_000;

fn book() -> Book {
    Book::new([7; 16])
}

fn chance() -> Xoshiro256PlusPlus {
    Xoshiro256PlusPlus::seed_from_u64(1)
}

/// The `n`th address of all that are public: 40.0.0.0 and what follows.
fn public(n: u32) -> SocketAddr {
    (Ipv4Addr::from(0x2800_0000 + n), 9_333).into()
}

fn source(n: u8) -> IpAddr {
    Ipv4Addr::new(60, n, 1, 1).into()
}

#[test]
fn a_flood_from_one_network_group_stays_in_its_buckets() {
    let mut book = book();
    // 50 peers elsewhere, each of which we were connected to, and 200 of which others told.
    let honest: Vec<_> = (0..50).map(|n| public(n << 16)).collect();
    for address in &honest {
        book.add(*address, address.ip(), NOW, NOW);
        book.good(*address, NOW);
    }
    for n in 0..200 {
        book.add(
            public((100 + n) << 16),
            source(u8::try_from(n).unwrap()),
            NOW,
            NOW,
        );
    }
    let (new_before, tried_before) = book.counts();
    assert!(
        tried_before >= 48,
        "{tried_before}: places are drawn, few meet"
    );
    // A hundred thousand addresses of all networks, told by one.
    for n in 0..100_000 {
        book.add(public(n * 4_099), source(200), NOW, NOW);
    }
    let (new, tried) = book.counts();
    assert_eq!(tried, tried_before, "what was tried stays");
    let most = usize::from(NEW_BUCKETS_PER_SOURCE * BUCKET_SLOTS);
    assert!(new - new_before <= most, "{} of {most}", new - new_before);
    // And half of what is chosen is still what was tried.
    let mut random = chance();
    let chosen = (0..1_000).filter_map(|_| book.choose(false, NOW, &mut random, |_| true));
    let known = chosen.filter(|it| book.get(*it).is_some_and(|it| it.place.tried));
    assert!((400..600).contains(&known.count()));
}

#[test]
fn addresses_of_one_group_fill_few_tried_buckets() {
    let mut book = book();
    for n in 0..30_000 {
        book.good(public(n), NOW);
        book.resolve(NOW);
    }
    let (_, tried) = book.counts();
    let most = usize::from(TRIED_BUCKETS_PER_GROUP * BUCKET_SLOTS);
    assert!(tried <= most, "{tried} of {most}");
    let other = public(77 << 16);
    book.good(other, NOW);
    assert!(
        book.get(other).unwrap().place.tried,
        "there is room for others"
    );
}

#[test]
fn who_stands_in_the_tried_table_is_tested_before_it_goes() {
    let mut book = book();
    let mut random = chance();
    let first = public(0);
    book.good(first, NOW);
    let place = book.get(first).unwrap().place;
    // An address that wants the same place.
    let later = NOW + DAY;
    let wants_it = |rival: &SocketAddr| {
        let mut trial = book.clone();
        trial.good(*rival, later);
        trial.to_test(&mut chance()) == Some(first)
    };
    let rival = (1..1_000_000).map(public).find(wants_it).unwrap();
    book.good(rival, later);

    // It is tested, and works: it stays.
    book.trying(first, later);
    book.good(first, later + 1);
    book.resolve(later + 2);
    assert_eq!(book.get(first).unwrap().place, place);
    assert!(!book.get(rival).unwrap().place.tried);
    assert_eq!(book.to_test(&mut random), None, "it is decided");

    // A day later it does not answer: the other gets its place.
    let then = later + DAY;
    book.good(rival, then);
    assert_eq!(book.to_test(&mut random), Some(first));
    book.trying(first, then);
    book.resolve(then + 30);
    assert_eq!(
        book.get(first).unwrap().place,
        place,
        "the test takes its time"
    );
    book.resolve(then + 90);
    assert_eq!(book.get(rival).unwrap().place, place);
    let old = book
        .get(first)
        .expect("it is remembered among the new ones");
    assert!(!old.place.tried);
}

#[test]
fn an_address_that_fails_is_chosen_rarely_and_makes_room_in_the_end() {
    let mut book = book();
    let mut random = chance();
    let (bad, good) = (public(1), public(2 << 16));
    book.add(bad, source(1), NOW, NOW);
    book.add(good, source(2), NOW, NOW);
    for _ in 0..3 {
        book.failed(bad);
    }
    let chosen: Vec<_> = (0..1_000)
        .filter_map(|_| book.choose(false, NOW, &mut random, |_| true))
        .collect();
    assert_eq!(chosen.len(), 1_000);
    let often = chosen.iter().filter(|it| **it == good).count();
    assert!(often > 650, "{often}: 1 against 0.29");
    assert!(
        book.sample(NOW, &mut random, |_| true)
            .iter()
            .all(|(it, _)| *it == good)
    );
    // Who wants its place gets it.
    let place = book.get(bad).unwrap().place;
    let rival = (10..2_000_000).map(public).find(|it| {
        book.add(*it, source(1), NOW, NOW);
        book.get(*it).is_some_and(|entry| entry.place == place)
    });
    assert!(rival.is_some() && book.get(bad).is_none());
}

#[test]
fn a_sample_is_a_fourth_of_a_large_book_and_all_of_a_small_one() {
    let mut book = book();
    let mut random = chance();
    for n in 0..20 {
        book.add(public(n << 16), source(1), NOW, NOW);
    }
    let (small, _) = book.counts();
    assert_eq!(book.sample(NOW, &mut random, |_| true).len(), small);
    assert!(small <= SAMPLE_FLOOR);
    for n in 0..200_000 {
        book.add(
            public(n * 4_099),
            source(u8::try_from(n % 250).unwrap()),
            NOW,
            NOW,
        );
    }
    let (new, _) = book.counts();
    assert!(new > 5_000, "{new}");
    let sample = book.sample(NOW, &mut random, |_| true);
    assert_eq!(sample.len(), SAMPLE_MAX);
    let different: BTreeSet<_> = sample.iter().collect();
    assert_eq!(different.len(), SAMPLE_MAX);
    assert_ne!(sample, book.sample(NOW, &mut random, |_| true));
    let groups: BTreeSet<_> = sample.iter().map(|(it, _)| Group::of(it.ip())).collect();
    assert!(groups.len() > 500, "of everywhere");
}

#[test]
fn where_no_node_can_be_and_where_we_are_is_not_kept() {
    let mut book = book();
    for address in [
        "0.0.0.0:1",
        "224.0.0.1:1",
        "40.0.0.1:0",
        "[fe80::1]:1",
        "[::]:1",
    ] {
        assert!(
            !book.add(address.parse().unwrap(), source(1), NOW, NOW),
            "{address}"
        );
    }
    book.add(public(1), source(1), NOW, NOW);
    book.is_own(public(1));
    assert!(!book.add(public(1), source(1), NOW, NOW));
    book.good(public(1), NOW);
    assert!(book.is_empty());
    // However it is written.
    let mapped = Ipv4Addr::new(40, 0, 0, 1).to_ipv6_mapped();
    assert!(!book.add((mapped, 9_333).into(), source(1), NOW, NOW));
}

/// The bytes as the description has them.
fn bytes() -> Vec<u8> {
    let mut bytes = vec![0, 0, 0, 1];
    bytes.extend([7; 16]);
    bytes.extend([1, 0, 0, 0, 1]);
    // The anchor, and the entry: 40.0.0.1, port 9333.
    let mut address = [0; 18];
    address[10..16].copy_from_slice(&[0xff, 0xff, 40, 0, 0, 1]);
    address[16..].copy_from_slice(&9_333_u16.to_be_bytes());
    bytes.extend(address);
    bytes.extend(address);
    // Who told of it, tried, failures, seen, last success.
    bytes.extend(&address[..16]);
    bytes.push(1);
    bytes.extend(0_u32.to_be_bytes());
    bytes.extend(NOW.to_be_bytes());
    bytes.extend(NOW.to_be_bytes());
    bytes
}

#[test]
fn the_bytes_are_as_documented() {
    let (book, anchors) = Book::decode(&bytes()).unwrap();
    assert_eq!(anchors, [public(1)]);
    assert_eq!(book.counts(), (0, 1));
    let entry = book.get(public(1)).unwrap();
    assert_eq!((entry.seen, entry.last_success), (NOW, NOW));
    assert_eq!(book.encode(&anchors), bytes());
}

#[test]
fn damaged_bytes_are_told_and_never_a_panic() {
    let whole = bytes();
    for length in 0..whole.len() {
        assert!(Book::decode(&whole[..length]).is_err(), "{length}");
    }
    let longer = [whole.as_slice(), &[0]].concat();
    assert_eq!(Book::decode(&longer), Err(BlobError::Length(longer.len())));
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            if let Ok((book, anchors)) = Book::decode(&bytes) {
                assert!(book.counts() == (0, 1) || book.counts() == (1, 0));
                assert!(anchors.len() <= 1);
                book.choose(false, NOW, &mut chance(), |_| true);
            }
        }
    }
    let mut bytes = whole.clone();
    bytes[3] = 2;
    assert_eq!(Book::decode(&bytes), Err(BlobError::Version(2)));
    bytes = whole.clone();
    bytes[21..25].copy_from_slice(&[0xff; 4]);
    assert_eq!(Book::decode(&bytes), Err(BlobError::TooMany(u32::MAX)));
    bytes = whole;
    bytes[24] = 2;
    bytes.extend_from_within(43..);
    assert_eq!(
        Book::decode(&bytes),
        Err(BlobError::Entry(1)),
        "twice the same"
    );
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Add(u32, u8, u64),
        Trying(u32),
        Failed(u32),
        Good(u32),
        Own(u32),
        Resolve,
        Later(u64),
        Restart,
    }

    /// Few addresses, so that they meet.
    fn step() -> impl Strategy<Value = Step> {
        let address = || (0_u32..40, 0_u32..60).prop_map(|(group, host)| group << 16 | host);
        prop_oneof![
            8 => (address(), any::<u8>(), any::<u64>()).prop_map(|(a, s, t)| Step::Add(a, s, t)),
            2 => address().prop_map(Step::Trying),
            2 => address().prop_map(Step::Failed),
            6 => address().prop_map(Step::Good),
            1 => address().prop_map(Step::Own),
            2 => Just(Step::Resolve),
            2 => (0..2 * DAY).prop_map(Step::Later),
            1 => Just(Step::Restart),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn whatever_happens_the_book_is_bounded_and_chooses_only_what_may_be(
            steps in prop::collection::vec(step(), 1..400),
            seed: u64,
        ) {
            let mut book = book();
            let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
            let mut own = BTreeSet::new();
            let mut now = NOW;
            for step in steps {
                match step {
                    Step::Add(a, s, t) => { book.add(public(a), source(s), t, now); }
                    Step::Trying(a) => book.trying(public(a), now),
                    Step::Failed(a) => book.failed(public(a)),
                    Step::Good(a) => book.good(public(a), now),
                    Step::Own(a) => {
                        // As many as are remembered.
                        if own.len() < 64 {
                            book.is_own(public(a));
                            own.insert(public(a));
                        }
                    }
                    Step::Resolve => book.resolve(now),
                    Step::Later(time) => now += time,
                    Step::Restart => {
                        let (again, _) = Book::decode(&book.encode(&[])).unwrap();
                        prop_assert_eq!(book.counts(), again.counts());
                        book = again;
                        for address in &own {
                            book.is_own(*address);
                        }
                    }
                }
                let (new, tried) = book.counts();
                prop_assert!(new + tried <= BOOK_ENTRIES_MAX);
                prop_assert_eq!(new + tried, book.entries().count());
                let places: BTreeSet<_> = book.entries().map(|(_, it)| it.place).collect();
                prop_assert_eq!(places.len(), new + tried, "one address a place");
                for (_, entry) in book.entries() {
                    prop_assert!(entry.place.slot < BUCKET_SLOTS);
                    let buckets = if entry.place.tried { 64 } else { 256 };
                    prop_assert!(entry.place.bucket < buckets);
                }
                let banned = |it: SocketAddr| it.ip().to_string().ends_with('7');
                if let Some(chosen) = book.choose(false, now, &mut random, |it| !banned(it)) {
                    prop_assert!(!banned(chosen) && !own.contains(&chosen));
                    prop_assert!(book.get(chosen).is_some());
                }
                let told = book.sample(now, &mut random, |it| !banned(it));
                prop_assert!(told.iter().all(|(it, _)| !banned(*it) && !own.contains(it)));
            }
        }

        #[test]
        fn no_bytes_are_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut bytes = bytes;
            if bytes.len() > 25 {
                bytes[..4].copy_from_slice(&[0, 0, 0, 1]);
                bytes[20..24].copy_from_slice(&[0; 4]);
            }
            if let Ok((book, _)) = Book::decode(&bytes) {
                book.sample(NOW, &mut chance(), |_| true);
            }
        }
    }
}
