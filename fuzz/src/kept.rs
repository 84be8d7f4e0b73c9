//! What the network keeps over a restart: the address book, and the list of bans.

use std::net::SocketAddr;

use forkful_net::tcp::bans_blob;
use forkful_net::tcp::book::Book;
use forkful_net::tcp::limits::{ANCHORS_MAX, BOOK_ENTRIES_MAX};

/// A moment between two that the bytes may name.
const NOW: u64 = 1_800_000_000;

/// Reads the bytes as one of the two, which the first byte says. They are refused with a reason, or
/// are something that lives on, and is read again from its own bytes.
pub fn check(bytes: &[u8]) {
    match bytes.split_first() {
        Some((0, bytes)) => book(bytes),
        Some((_, bytes)) => bans(bytes),
        None => {}
    }
}

fn book(bytes: &[u8]) {
    let (mut book, anchors) = match Book::decode(bytes) {
        Ok(read) => read,
        Err(error) => return is_a_sentence(&error.to_string()),
    };
    is_read_again(&book, &anchors);
    let addresses: Vec<SocketAddr> = book.entries().map(|(address, _)| *address).collect();
    for (at, address) in addresses.into_iter().enumerate() {
        match at % 5 {
            0 => book.good(address, NOW),
            1 => book.failed(address),
            2 => book.was_connected(address, NOW),
            3 => book.is_own(address),
            _ => {
                book.add(address, address.ip(), u64::MAX, NOW);
            }
        }
    }
    book.resolve(NOW);
    is_read_again(&book, &anchors);
}

fn is_read_again(book: &Book, anchors: &[SocketAddr]) {
    let (new, tried) = book.counts();
    assert!(new + tried <= BOOK_ENTRIES_MAX && anchors.len() <= ANCHORS_MAX);
    assert_eq!(book.entries().count(), new + tried);
    let bytes = book.encode(anchors);
    let (again, same) = Book::decode(&bytes).expect("its own bytes");
    assert_eq!(again.encode(&same), bytes);
}

fn bans(bytes: &[u8]) {
    let bans = match bans_blob::decode(bytes, NOW) {
        Ok(bans) => bans,
        Err(error) => return is_a_sentence(&error.to_string()),
    };
    let again = bans_blob::decode(&bans_blob::encode(&bans, NOW), NOW).expect("its own bytes");
    assert_eq!(again.len(), bans.len());
    for (ban, again) in bans.iter().zip(&again) {
        assert!(ban.left <= again.left);
        assert_eq!(
            (ban.address, &ban.reason, ban.asked),
            (again.address, &again.reason, again.asked)
        );
    }
}

fn is_a_sentence(text: &str) {
    assert!(!text.is_empty() && text.len() < 2_000);
    assert!(!text.chars().any(char::is_control), "{text:?}");
}
