//! Blocks and targets as Bitcoin Core's JSON shows them.
//!
//! Hashes are read from the left here and stand as they are; Core turns its own around.
//! Times are in seconds as in Core, and again in milliseconds, which is what blocks hold.

use std::sync::Arc;

use forkful_core::{Block, BlockId, Hash, Target, sha256};
use serde_json::{Map, Value, json};

use crate::actor::Participant;
use crate::api::error::{RpcError, code};

/// The work of a block of difficulty 1 as Bitcoin counts it: 2^256 / (0xffff * 2^208 + 1).
const WORK_OF_ONE: f64 = 4_295_032_833.0;

/// The block with this hash.
///
/// # Errors
/// There is none (code -5).
pub(super) fn find(participant: &Participant, hash: &Hash) -> Result<BlockId, RpcError> {
    let found = participant.tree.find(hash);
    found.ok_or_else(|| RpcError::new(code::NOT_FOUND, "Block not found"))
}

/// How often the work of a block is that of Bitcoin's easiest.
pub(super) fn difficulty(target: Target) -> f64 {
    target.work().to_f64() / WORK_OF_ONE
}

/// The target in the compact form of Bitcoin's headers: one byte of length and the first three
/// of the number, so it is rounded. Only shown here, never computed with.
pub(super) fn bits(target: Target) -> String {
    let bytes = target.to_be_bytes();
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let at = |place: usize| bytes.get(zeros + place).copied().unwrap_or(0);
    let (mut length, mut first) = (bytes.len() - zeros, [at(0), at(1), at(2)]);
    // The highest bit is a sign.
    if first[0] & 0x80 != 0 {
        first = [0, first[0], first[1]];
        length += 1;
    }
    format!("{length:02x}{}", const_hex::encode(first))
}

/// How many blocks of the active chain end with this one; -1 if it is not on it.
pub(super) fn confirmations(participant: &Participant, id: BlockId) -> i64 {
    let (tree, tip) = (&participant.tree, participant.node.tip());
    if !tree.is_ancestor(id, tip) {
        return -1;
    }
    i64::try_from(tree.height(tip) - tree.height(id) + 1).unwrap_or(i64::MAX)
}

/// The target of a block and what Core tells beside it.
pub(super) fn put_target(into: &mut Map<String, Value>, target: Target) {
    into.insert("bits".to_owned(), bits(target).into());
    into.insert("target".to_owned(), target.to_string().into());
    into.insert("difficulty".to_owned(), difficulty(target).into());
}

/// The whole block.
///
/// # Errors
/// In Bitcoin Core's words: its body is not here, or the disk does not give it, which ends the node.
pub(super) fn body(participant: &Participant, id: BlockId) -> Result<Arc<Block>, RpcError> {
    let tree = &participant.tree;
    tree.block(id).ok_or_else(|| {
        RpcError::new(
            code::MISC,
            match tree.has_body(id) {
                true => "Can't read block from disk",
                false => "Block not available (not fully downloaded)",
            },
        )
    })
}

/// A header, as `getblockheader` shows it.
pub(super) fn header(participant: &Participant, id: BlockId) -> Map<String, Value> {
    let tree = &participant.tree;
    let header = tree.header(id);
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
    put("hash", tree.hash(id).to_string().into());
    put("confirmations", confirmations(participant, id).into());
    put("height", header.index.into());
    put("merkleroot", header.data.to_string().into());
    put("time", (header.timestamp.0 / 1_000).into());
    put("time_ms", header.timestamp.0.into());
    put("mediantime", (tree.median_time(id).0 / 1_000).into());
    put("nonce", header.nonce.into());
    put("chainwork", tree.total_work(id).to_string().into());
    put("nTx", tree.entries(id).into());
    if id != BlockId::GENESIS {
        put("previousblockhash", header.previous_hash.to_string().into());
    }
    let tip = participant.node.tip();
    if tree.is_ancestor(id, tip)
        && let Some(next) = header.index.checked_add(1)
        && let Some(next) = tree.ancestor(tip, next)
    {
        put("nextblockhash", tree.hash(next).to_string().into());
    }
    put_target(&mut map, tree.target(id));
    map
}

/// What `getblock` adds to the header: the entries, by hash or whole.
pub(super) fn put_entries(map: &mut Map<String, Value>, block: &Block, whole: bool) {
    let entry = |entry: &forkful_core::Entry| {
        let hash = sha256(entry).to_string();
        match whole {
            true => json!({ "txid": hash, "size": entry.len(), "hex": const_hex::encode(entry) }),
            false => hash.into(),
        }
    };
    let entries: Vec<Value> = block.entries.iter().map(entry).collect();
    map.insert("tx".to_owned(), entries.into());
    let size = forkful_core::wire::block_len(block);
    map.insert("size".to_owned(), size.into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use ruint::aliases::U256;

    #[test]
    fn the_compact_form_is_bitcoins() {
        // The first target of Bitcoin, of its regtest, and a sign bit that has to be avoided.
        let first = Target(U256::from(0xffff_u32) << 208);
        assert_eq!(bits(first), "1d00ffff");
        assert!((difficulty(first) - 1.0).abs() < 1e-9);
        assert_eq!(bits(Target(U256::from(0x7f_ffff_u32) << 232)), "207fffff");
        assert_eq!(bits(Target(U256::from(0x80_u32))), "02008000");
        assert_eq!(bits(Target(U256::ZERO)), "00000000");
        assert_eq!(bits(Target::MAX), "2100ffff");
    }
}
