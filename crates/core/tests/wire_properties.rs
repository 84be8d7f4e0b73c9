//! What must hold of the wire format for every message and for all bytes.

use std::sync::Arc;

use forkful_core::wire::WireError;
use forkful_core::{
    Block, Entry, Hash, Header, Message, MessageKind, ShortId, Timestamp, Wire, limits,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash)
}

fn header() -> impl Strategy<Value = Header> {
    any::<[u8; 88]>().prop_map(|bytes| Header::from_bytes(&bytes))
}

fn entry() -> impl Strategy<Value = Entry> {
    vec(any::<u8>(), 0..40).prop_map(Entry::from)
}

fn short_id() -> impl Strategy<Value = ShortId> {
    any::<[u8; ShortId::LEN]>().prop_map(ShortId)
}

fn block() -> impl Strategy<Value = Arc<Block>> {
    (header(), vec(entry(), 0..6)).prop_map(|(header, entries)| Block { header, entries }.into())
}

fn message() -> impl Strategy<Value = Message<Wire>> {
    let locator = || vec(hash(), 0..=limits::LOCATOR_HASHES_MAX);
    prop_oneof![
        block().prop_map(Message::NewBlock),
        header().prop_map(Message::Announce),
        hash().prop_map(Message::RequestBlock),
        block().prop_map(Message::Block),
        hash().prop_map(Message::NotFound),
        locator().prop_map(Message::RequestHeaders),
        (vec(header(), 0..30), any::<bool>())
            .prop_map(|(headers, more)| Message::Headers { headers, more }),
        locator().prop_map(Message::RequestChain),
        (vec(block(), 0..8), any::<bool>())
            .prop_map(|(blocks, more)| Message::Chain { blocks, more }),
        entry().prop_map(Message::NewData),
        hash().prop_map(Message::RequestCompact),
        (
            header(),
            any::<u64>(),
            vec(short_id(), 0..30).prop_map(Arc::from)
        )
            .prop_map(|(header, nonce, short_ids)| {
                Message::CompactBlock {
                    header,
                    nonce,
                    short_ids,
                }
            }),
        (hash(), vec(any::<u32>(), 0..30))
            .prop_map(|(block, indices)| Message::RequestEntries { block, indices }),
        (hash(), vec(entry(), 0..6))
            .prop_map(|(block, entries)| Message::Entries { block, entries }),
    ]
}

fn encoded(message: &Message<Wire>) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_message_survives_the_wire(message in message()) {
        let bytes = encoded(&message);
        prop_assert_eq!(bytes.len(), message.encoded_len());
        prop_assert_eq!(bytes[0], message.kind().byte());
        prop_assert_eq!(Message::decode(&bytes), Ok(message));
    }

    #[test]
    fn encoding_appends(message in message(), before in vec(any::<u8>(), 0..20)) {
        let mut bytes = before.clone();
        message.encode(&mut bytes);
        prop_assert_eq!(bytes, [before, encoded(&message)].concat());
    }

    #[test]
    fn every_message_has_one_encoding_only(
        message in message(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        // Bytes near a message are one now and then; those have to be its own.
        let mut bytes = encoded(&message);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(read) = Message::decode(&bytes) {
            prop_assert_eq!(encoded(&read), bytes);
        }
    }

    #[test]
    fn all_bytes_are_read_or_refused(kind in 0..16_u8, bytes in vec(any::<u8>(), 0..600)) {
        let bytes = [vec![kind], bytes].concat();
        if let Ok(read) = Message::decode(&bytes) {
            prop_assert_eq!(encoded(&read), bytes);
        }
    }

    #[test]
    fn every_truncation_is_refused_and_tells_what_is_missing(message in message()) {
        let bytes = encoded(&message);
        for length in 0..bytes.len() {
            match Message::decode(&bytes[..length]) {
                Err(WireError::Truncated { at, missing }) => {
                    prop_assert_eq!(at, length);
                    prop_assert!(missing > 0 && missing <= bytes.len() - length);
                }
                other => prop_assert!(false, "{} of {}: {:?}", length, bytes.len(), other),
            }
        }
    }

    #[test]
    fn every_extension_is_refused(message in message(), more in vec(any::<u8>(), 1..50)) {
        let bytes = [encoded(&message), more.clone()].concat();
        prop_assert_eq!(Message::decode(&bytes), Err(WireError::TrailingBytes(more.len())));
    }

    #[test]
    fn a_block_in_a_store_is_a_block_on_the_wire(block in block(), more in vec(any::<u8>(), 1..9)) {
        let bytes = block.to_bytes();
        prop_assert_eq!(&bytes, &encoded(&Message::Block(Arc::clone(&block)))[1..]);
        prop_assert_eq!(Block::from_bytes(&bytes), Ok((*block).clone()));
        let longer = [&bytes[..], &more].concat();
        prop_assert_eq!(Block::from_bytes(&longer), Err(WireError::TrailingBytes(more.len())));
        prop_assert!(Block::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    }
}

/// A count that lies is held against the bytes that are left before anything is
/// allocated: the error names what is missing for all that was claimed.
#[test]
fn a_lying_count_is_refused_at_once() {
    let lists: [(MessageKind, usize, usize, usize); 7] = [
        // Bytes in front of the count, the most allowed, the least bytes of an item.
        (
            MessageKind::RequestHeaders,
            0,
            limits::LOCATOR_HASHES_MAX,
            32,
        ),
        (MessageKind::RequestChain, 0, limits::LOCATOR_HASHES_MAX, 32),
        (MessageKind::Headers, 1, limits::HEADERS_MAX, 88),
        (MessageKind::Chain, 1, limits::CHAIN_BLOCKS_MAX, 92),
        (MessageKind::CompactBlock, 96, limits::WIRE_ENTRIES_MAX, 6),
        (MessageKind::RequestEntries, 32, limits::WIRE_ENTRIES_MAX, 4),
        (MessageKind::Entries, 32, limits::WIRE_ENTRIES_MAX, 4),
    ];
    let with_entries = [
        (MessageKind::NewBlock, 88, limits::WIRE_ENTRIES_MAX, 4),
        (MessageKind::Block, 88, limits::WIRE_ENTRIES_MAX, 4),
    ];
    for (kind, before, most, item_len) in lists.into_iter().chain(with_entries) {
        let lie = |count: u32, follow: usize| {
            let mut bytes = vec![0; 1 + before];
            bytes[0] = kind.byte();
            bytes.extend_from_slice(&count.to_be_bytes());
            bytes.extend(std::iter::repeat_n(0, follow));
            Message::decode(&bytes)
        };
        let most_allowed = u32::try_from(most).unwrap();
        for count in [most_allowed + 1, 1 << 31, u32::MAX] {
            let Err(WireError::TooMany {
                most: told, found, ..
            }) = lie(count, 7)
            else {
                panic!("{kind:?} {count}");
            };
            assert_eq!((told, found), (most, count as usize));
        }
        let Err(WireError::Truncated { missing, .. }) = lie(most_allowed, 7) else {
            panic!("{kind:?}");
        };
        assert_eq!(missing, most * item_len - 7);
    }
    // The length of an entry, too.
    let mut bytes = vec![MessageKind::NewData.byte()];
    bytes.extend_from_slice(&u32::MAX.to_be_bytes());
    let missing = u32::MAX as usize;
    let truncated = WireError::Truncated { at: 5, missing };
    assert_eq!(Message::decode(&bytes), Err(truncated));
}

#[test]
fn what_is_no_message_is_refused_by_name() {
    assert_eq!(
        Message::decode(&[]),
        Err(WireError::Truncated { at: 0, missing: 1 })
    );
    let kinds = MessageKind::ALL.map(MessageKind::byte);
    for byte in (0..=255).filter(|byte| !kinds.contains(byte)) {
        assert_eq!(
            Message::decode(&[byte, 0, 0]),
            Err(WireError::UnknownKind(byte))
        );
    }
    for kind in [MessageKind::Headers, MessageKind::Chain] {
        for byte in 2..=255 {
            let bytes = [kind.byte(), byte, 0, 0, 0, 0];
            assert_eq!(Message::decode(&bytes), Err(WireError::NotABool(byte)));
        }
    }
    let long = vec![MessageKind::NewData.byte(); limits::MESSAGE_BYTES_MAX + 1];
    assert_eq!(Message::decode(&long), Err(WireError::TooLong(long.len())));
}

#[test]
fn the_largest_block_of_any_network_fits_in_every_message_that_carries_one() {
    use forkful_core::{Consensus, Target};
    let mut network = Consensus::fixed(Target::MAX);
    network.entries_max = u32::try_from(limits::WIRE_ENTRIES_MAX).unwrap();
    let most = Consensus::BODY_ON_WIRE_MAX - 4 * limits::WIRE_ENTRIES_MAX;
    network.body_bytes_max = u32::try_from(most).unwrap();
    assert_eq!(network.check(), Ok(()));
    network.body_bytes_max += 1;
    assert!(network.check().is_err());
    let mut entries: Vec<Entry> = vec![Entry::default(); limits::WIRE_ENTRIES_MAX];
    entries[0] = vec![7; most].into();
    let header = Header {
        index: 1,
        timestamp: Timestamp(1),
        data: Hash::ZERO,
        previous_hash: Hash::ZERO,
        nonce: 0,
    };
    let block = Arc::new(Block { header, entries });
    for message in [
        Message::NewBlock(Arc::clone(&block)),
        Message::Block(Arc::clone(&block)),
        Message::Chain {
            blocks: vec![Arc::clone(&block)],
            more: true,
        },
        Message::Entries {
            block: Hash::ZERO,
            entries: block.entries.clone(),
        },
        Message::CompactBlock {
            header,
            nonce: 0,
            short_ids: vec![ShortId([0; 6]); limits::WIRE_ENTRIES_MAX].into(),
        },
    ] {
        let bytes = encoded(&message);
        assert!(bytes.len() <= limits::MESSAGE_BYTES_MAX);
        assert_eq!(Message::decode(&bytes), Ok(message));
    }
}
