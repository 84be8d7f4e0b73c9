//! Every vector of the document, written anew by the code.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use forkful_core::difficulty::{asert, bitcoin, lwma};
use forkful_core::merkle::{InclusionProof, merkle_root};
use forkful_core::{
    Block, Consensus, Entry, Hash, Header, Message, MessageKind, ShortIdKey, Target, Timestamp,
    Wire, sha256,
};

/// What the sender of the compact block chose.
const COMPACT_NONCE: u64 = 0x0102_0304_0506_0708;

/// The network of the preset `race`: four leading zero hex digits, the rest by default.
pub fn network() -> Consensus {
    Consensus::fixed(Target::from_zero_hex_digits(4).unwrap())
}

/// A block on its genesis, one second later, with two entries.
pub fn block_1() -> Block {
    let entries: Vec<Entry> = vec![Arc::from(*b"hello"), Arc::from(*b"world")];
    let genesis = network().genesis().header;
    Block {
        header: Header {
            index: 1,
            timestamp: Timestamp(genesis.timestamp.0 + 1_000),
            data: merkle_root(&entries),
            previous_hash: genesis.hash(),
            nonce: 37_591,
        },
        entries,
    }
}

/// The nonce for [`block_1`], should its content ever change.
pub fn mine() -> Option<u64> {
    let target = network().difficulty.initial();
    let header = block_1().header;
    let found = |nonce: &u64| {
        target.is_met_by(
            &Header {
                nonce: *nonce,
                ..header
            }
            .hash(),
        )
    };
    (0..10_000_000).find(found)
}

/// What the blocks below the lines `<!-- vector: NAME -->` should be.
pub fn vectors() -> BTreeMap<&'static str, String> {
    let genesis = network().genesis();
    let block = block_1();
    BTreeMap::from([
        ("genesis-text", network().canonical_text()),
        ("genesis-header", header_text(&genesis.header)),
        ("block-1", header_text(&block.header)),
        ("malleability", malleability()),
        ("merkle", merkle()),
        ("targets", targets()),
        ("compact", compact()),
        ("bitcoin", bitcoin_example()),
        ("asert", asert_example()),
        ("lwma", lwma_example()),
        ("new-block", new_block(&block)),
        ("compact-block", compact_block(&block)),
        ("messages", messages(&block)),
    ])
}

/// A header field by field, and its hash.
fn header_text(header: &Header) -> String {
    let bytes = header.to_bytes();
    let mut text = pieces(&[
        ("index", &bytes[0..8]),
        ("timestamp", &bytes[8..16]),
        ("data", &bytes[16..48]),
        ("previous_hash", &bytes[48..80]),
        ("nonce", &bytes[80..88]),
    ]);
    let _ = writeln!(text, "\n     SHA-256        {}", header.hash());
    text
}

/// Named bytes, one after the other, with the offset of each.
fn pieces(pieces: &[(&str, &[u8])]) -> String {
    let mut text = String::new();
    let mut offset = 0;
    for (name, bytes) in pieces {
        let _ = writeln!(
            text,
            "{offset:>3}  {name:<13}  {}",
            const_hex::encode(bytes)
        );
        offset += bytes.len();
    }
    text
}

fn malleability() -> String {
    let header = |index, timestamp| Header {
        index,
        timestamp: Timestamp(timestamp),
        data: merkle_root::<Entry>(&[]),
        previous_hash: Hash::ZERO,
        nonce: 42,
    };
    let mut text = String::new();
    let both = [header(7, 170), header(71, 70)];
    for Header {
        index,
        timestamp,
        data,
        previous_hash,
        nonce,
    } in both
    {
        let decimal = format!("{index}{}{data}{previous_hash}{nonce}", timestamp.0);
        let hash = sha256(decimal.as_bytes());
        let _ = writeln!(
            text,
            "index {index:>2}, time {:>3}, as decimal text  {hash}",
            timestamp.0
        );
    }
    for header in both {
        let (index, time, hash) = (header.index, header.timestamp.0, header.hash());
        let _ = writeln!(
            text,
            "index {index:>2}, time {time:>3}, as 88 bytes      {hash}"
        );
    }
    text
}

fn merkle() -> String {
    let lists: [&[&str]; 4] = [
        &[],
        &["hello"],
        &["hello", "world"],
        &["hello", "world", "!"],
    ];
    let mut text = String::new();
    for list in lists {
        let _ = writeln!(text, "{:<24} {}", format!("{list:?}"), merkle_root(list));
    }
    let proof = InclusionProof::of(lists[3], 1).unwrap();
    assert_eq!(proof.verify(b"world", &merkle_root(lists[3])), Ok(()));
    let _ = writeln!(text, "\nentry {} of {}, path:", proof.index, proof.count);
    for hash in proof.path {
        let _ = writeln!(text, "{:<24} {hash}", "");
    }
    text
}

fn targets() -> String {
    let mut text = String::new();
    for bits in [0, 1, 16, 20, 255] {
        let target = Target::from_zero_bits(bits).unwrap();
        let name = format!("{bits} zero bits");
        let _ = writeln!(text, "{name:<13}  {target}  {}", target.work().0);
    }
    text
}

fn compact() -> String {
    let mut text = String::new();
    for bits in [
        0x1d00_ffff,
        0x1b04_04cb,
        0x0300_0080,
        0x0200_8000,
        0x0180_3456,
        0x0492_3456,
        0x2300_0001,
    ] {
        let _ = match Target::from_compact(bits) {
            Ok(target) => {
                writeln!(text, "{bits:08x}  {target}  {:08x}", target.to_compact())
            }
            Err(error) => writeln!(text, "{bits:08x}  {error}"),
        };
    }
    text
}

fn bitcoin_example() -> String {
    let previous = Target::from_zero_bits(20).unwrap();
    let limit = Target::from_zero_bits(18).unwrap();
    let mut text = format!("previous         {previous}\n");
    for timespan in [1_209_600, 604_800, 100, 2_419_200, 1_000_000_000] {
        let next = bitcoin::next_target(previous, timespan, 1_209_600, 4, limit);
        let _ = writeln!(text, "{timespan:>10} s     {next}");
    }
    text
}

fn asert_example() -> String {
    let anchor = Target::from_zero_bits(20).unwrap();
    let mut text = format!("on schedule      {anchor}\n");
    for late in [172_800, 3_600, 1, -1, -3_600, -172_800] {
        // The tenth block after the anchor's: due after eleven intervals.
        let time_diff = 11 * 600 + late;
        let next = asert::next_target(anchor, time_diff, 10, 600, 172_800, Target::MAX);
        let _ = writeln!(text, "{late:>9} s late {next}");
    }
    text
}

fn lwma_example() -> String {
    let target = Target::from_zero_bits(20).unwrap();
    let mut text = format!("all targets      {target}\n");
    for times in [
        [0, 10, 20, 30],
        [0, 20, 30, 40],
        [0, 10, 20, 40],
        [0, 30, 20, 40],
        [0, 1, 2, 999],
    ] {
        let blocks = times.map(|time| (Timestamp(time * 1_000), target));
        let next = lwma::next_target(&blocks, 10_000, Target::MAX);
        let _ = writeln!(text, "{:<16} {next}", format!("{times:?}"));
    }
    text
}

fn encode(message: Message<Wire>) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    assert_eq!(bytes.len(), message.encoded_len());
    assert_eq!(Message::decode(&bytes), Ok(message));
    bytes
}

fn new_block(block: &Block) -> String {
    let bytes = encode(Message::NewBlock(Arc::new(block.clone())));
    let header = block.header.to_bytes();
    let fields: [(&str, &[u8]); 7] = [
        ("kind", &[1]),
        ("header", &header),
        ("count", &[0, 0, 0, 2]),
        ("length", &[0, 0, 0, 5]),
        ("entry", b"hello"),
        ("length", &[0, 0, 0, 5]),
        ("entry", b"world"),
    ];
    assert_eq!(fields.map(|(_, bytes)| bytes).concat(), bytes);
    pieces(&fields)
}

fn compact_message(block: &Block) -> Message<Wire> {
    let key = ShortIdKey::new(&block.header, COMPACT_NONCE);
    let names = block.entries.iter().map(|entry| key.id(&sha256(entry)));
    Message::CompactBlock {
        header: block.header,
        nonce: COMPACT_NONCE,
        short_ids: names.collect(),
    }
}

/// A compact block, piece by piece.
fn compact_block(block: &Block) -> String {
    let message = compact_message(block);
    let Message::CompactBlock { short_ids, .. } = &message else {
        unreachable!();
    };
    let (header, nonce) = (block.header.to_bytes(), COMPACT_NONCE.to_be_bytes());
    let fields: [(&str, &[u8]); 6] = [
        ("kind", &[12]),
        ("header", &header),
        ("nonce", &nonce),
        ("count", &[0, 0, 0, 2]),
        ("short id", &short_ids[0].0),
        ("short id", &short_ids[1].0),
    ];
    assert_eq!(
        fields.map(|(_, bytes)| bytes).concat(),
        encode(message.clone())
    );
    pieces(&fields)
}

fn messages(block: &Block) -> String {
    let header = block.header;
    let hash = header.hash();
    let locator = vec![hash, header.previous_hash];
    let block = Arc::new(block.clone());
    let messages = [
        Message::NewBlock(Arc::clone(&block)),
        Message::Announce(header),
        Message::RequestBlock(hash),
        Message::Block(Arc::clone(&block)),
        Message::NotFound(hash),
        Message::RequestHeaders(locator.clone()),
        Message::Headers {
            headers: vec![header],
            more: true,
        },
        Message::RequestChain(Vec::new()),
        Message::RequestChain(locator),
        Message::Chain {
            blocks: vec![Arc::clone(&block)],
            more: false,
        },
        Message::NewData(Arc::clone(&block.entries[0])),
        Message::RequestCompact(hash),
        compact_message(&block),
        Message::RequestEntries {
            block: hash,
            indices: vec![1],
        },
        Message::Entries {
            block: hash,
            entries: vec![Arc::clone(&block.entries[1])],
        },
    ];
    for kind in MessageKind::ALL {
        assert!(messages.iter().any(|message| message.kind() == kind));
    }
    let mut text = String::new();
    for message in messages {
        let kind = format!("{:?}", message.kind());
        let _ = writeln!(text, "{kind:<14} {}", const_hex::encode(encode(message)));
    }
    text
}
