//! The bytes of each kind of message, as docs/protocol.md prints them.
//!
//! They were computed by another program from the description alone. All are made of two
//! blocks, the second on the first:
//!
//! | | first | second |
//! |---|---|---|
//! | index | 7 | 8 |
//! | timestamp | 1767225600170 | 1767225601000 |
//! | entries | `hello` and an empty one | none |
//! | previous hash | SHA-256 of `parent` | the first block |
//! | nonce | 42 | 2^64 - 1 |

use std::sync::Arc;

use forkful_core::merkle::merkle_root;
use forkful_core::{
    Block, Entry, Hash, Header, Message, MessageKind, ShortIdKey, Timestamp, Wire, sha256,
};

/// The kind and all bytes of a message, with spaces between the parts.
const VECTORS: [(MessageKind, &str); 14] = [
    (
        MessageKind::NewBlock,
        "01 0000000000000007 0000019b76daa8aa \
         839c2b9ea7fce3c8d2a5bf116746a83ef8e789669e30004a3ff95691469d0e77 \
         e47125968b3b71049fbc4802d1e40a71ea1359decfabacf70b34588037d4ff0c 000000000000002a \
         00000002 00000005 68656c6c6f 00000000",
    ),
    (
        MessageKind::Announce,
        "02 0000000000000007 0000019b76daa8aa \
         839c2b9ea7fce3c8d2a5bf116746a83ef8e789669e30004a3ff95691469d0e77 \
         e47125968b3b71049fbc4802d1e40a71ea1359decfabacf70b34588037d4ff0c 000000000000002a",
    ),
    (
        MessageKind::RequestBlock,
        "03 0e64e7d87c14e350267bf0c5c28ce99ea64f9062b8c8ba8d6ce43c97512b85f3",
    ),
    (
        MessageKind::Block,
        "04 0000000000000008 0000019b76daabe8 \
         e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 \
         0e64e7d87c14e350267bf0c5c28ce99ea64f9062b8c8ba8d6ce43c97512b85f3 ffffffffffffffff \
         00000000",
    ),
    (
        MessageKind::NotFound,
        "05 0e64e7d87c14e350267bf0c5c28ce99ea64f9062b8c8ba8d6ce43c97512b85f3",
    ),
    (
        MessageKind::RequestHeaders,
        "06 00000002 0e64e7d87c14e350267bf0c5c28ce99ea64f9062b8c8ba8d6ce43c97512b85f3 \
         e47125968b3b71049fbc4802d1e40a71ea1359decfabacf70b34588037d4ff0c",
    ),
    (
        MessageKind::Headers,
        "07 01 00000002 0000000000000007 0000019b76daa8aa \
         839c2b9ea7fce3c8d2a5bf116746a83ef8e789669e30004a3ff95691469d0e77 \
         e47125968b3b71049fbc4802d1e40a71ea1359decfabacf70b34588037d4ff0c 000000000000002a \
         0000000000000008 0000019b76daabe8 \
         e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 \
         0e64e7d87c14e350267bf0c5c28ce99ea64f9062b8c8ba8d6ce43c97512b85f3 ffffffffffffffff",
    ),
    (MessageKind::RequestChain, "08 00000000"),
    (
        MessageKind::Chain,
        "09 00 00000002 0000000000000007 0000019b76daa8aa \
         839c2b9ea7fce3c8d2a5bf116746a83ef8e789669e30004a3ff95691469d0e77 \
         e47125968b3b71049fbc4802d1e40a71ea1359decfabacf70b34588037d4ff0c 000000000000002a \
         00000002 00000005 68656c6c6f 00000000 0000000000000008 0000019b76daabe8 \
         e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 \
         0e64e7d87c14e350267bf0c5c28ce99ea64f9062b8c8ba8d6ce43c97512b85f3 ffffffffffffffff \
         00000000",
    ),
    (MessageKind::NewData, "0a 00000005 68656c6c6f"),
    (
        MessageKind::RequestCompact,
        "0b 0e64e7d87c14e350267bf0c5c28ce99ea64f9062b8c8ba8d6ce43c97512b85f3",
    ),
    (
        MessageKind::CompactBlock,
        "0c 0000000000000007 0000019b76daa8aa \
         839c2b9ea7fce3c8d2a5bf116746a83ef8e789669e30004a3ff95691469d0e77 \
         e47125968b3b71049fbc4802d1e40a71ea1359decfabacf70b34588037d4ff0c 000000000000002a \
         0102030405060708 00000002 d8b0b9acf213 ac1e9782b1e4",
    ),
    (
        MessageKind::RequestEntries,
        "0d 0e64e7d87c14e350267bf0c5c28ce99ea64f9062b8c8ba8d6ce43c97512b85f3 \
         00000002 00000000 00000001",
    ),
    (
        MessageKind::Entries,
        "0e 0e64e7d87c14e350267bf0c5c28ce99ea64f9062b8c8ba8d6ce43c97512b85f3 \
         00000002 00000005 68656c6c6f 00000000",
    ),
];

fn blocks() -> [Arc<Block>; 2] {
    let entries: Vec<Entry> = vec![b"hello"[..].into(), b""[..].into()];
    let first = Block {
        header: Header {
            index: 7,
            timestamp: Timestamp(1_767_225_600_170),
            data: merkle_root(&entries),
            previous_hash: sha256(b"parent"),
            nonce: 42,
        },
        entries,
    };
    let second = Block {
        header: Header {
            index: 8,
            timestamp: Timestamp(1_767_225_601_000),
            data: merkle_root::<Entry>(&[]),
            previous_hash: first.header.hash(),
            nonce: u64::MAX,
        },
        entries: Vec::new(),
    };
    [first.into(), second.into()]
}

fn message(kind: MessageKind) -> Message<Wire> {
    let [first, second] = blocks();
    let hash = first.header.hash();
    match kind {
        MessageKind::NewBlock => Message::NewBlock(first),
        MessageKind::Announce => Message::Announce(first.header),
        MessageKind::RequestBlock => Message::RequestBlock(hash),
        MessageKind::Block => Message::Block(second),
        MessageKind::NotFound => Message::NotFound(hash),
        MessageKind::RequestHeaders => Message::RequestHeaders(vec![hash, sha256(b"parent")]),
        MessageKind::Headers => Message::Headers {
            headers: vec![first.header, second.header],
            more: true,
        },
        MessageKind::RequestChain => Message::RequestChain(Vec::new()),
        MessageKind::Chain => Message::Chain {
            blocks: vec![first, second],
            more: false,
        },
        MessageKind::NewData => Message::NewData(b"hello"[..].into()),
        MessageKind::RequestCompact => Message::RequestCompact(hash),
        MessageKind::CompactBlock => {
            let nonce = 0x0102_0304_0506_0708;
            let key = ShortIdKey::new(&first.header, nonce);
            let names = first.entries.iter().map(|entry| key.id(&sha256(entry)));
            Message::CompactBlock {
                header: first.header,
                nonce,
                short_ids: names.collect(),
            }
        }
        MessageKind::RequestEntries => Message::RequestEntries {
            block: hash,
            indices: vec![0, 1],
        },
        MessageKind::Entries => Message::Entries {
            block: hash,
            entries: first.entries.clone(),
        },
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    const_hex::decode(hex.replace(char::is_whitespace, "")).unwrap()
}

#[test]
fn every_kind_of_message_has_the_bytes_of_its_vector() {
    for ((kind, hex), expected) in VECTORS.into_iter().zip(MessageKind::ALL) {
        assert_eq!(kind, expected);
        let message = message(kind);
        let mut encoded = Vec::new();
        message.encode(&mut encoded);
        assert_eq!(encoded, bytes(hex), "{kind:?}");
        assert_eq!(encoded.len(), message.encoded_len());
        assert_eq!(Message::decode(&bytes(hex)), Ok(message), "{kind:?}");
    }
}

#[test]
fn the_two_blocks_have_these_hashes() {
    let hashes = blocks().map(|block| block.header.hash().to_string());
    let expected = [
        "0e64e7d87c14e350267bf0c5c28ce99ea64f9062b8c8ba8d6ce43c97512b85f3",
        "bf53f839d95f05c10270a882b372c06d1da4ca8ce9f83ddd46c7c8fa8302990c",
    ];
    assert_eq!(hashes, expected);
    let data: Hash = blocks()[0].header.data;
    let expected = "839c2b9ea7fce3c8d2a5bf116746a83ef8e789669e30004a3ff95691469d0e77";
    assert_eq!(data.to_string(), expected);
}
