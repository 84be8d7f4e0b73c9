//! Mining: by this node now, or by a miner of one's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use forkful_core::{Block, BlockId, RuleError, Template};
use forkful_pow::{Kernel, Outcome, Prepared, scan};
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use crate::actor::{Command, Participant, Taken};
use crate::api::error::{RpcError, code};
use crate::api::methods::wait;
use crate::api::params::Args;
use crate::api::table::{Answer, Kind, Method, Run, optional, required};
use crate::api::{Api, limits, render};

/// Tries of a search before it looks at the clock and the tip: a fraction of a second.
const TURN: u64 = 1 << 20;

/// Blocks over which `getmininginfo` estimates the hash rate, as Core's `getnetworkhashps`.
const RATE_BLOCKS: u64 = 120;

/// This file's part of the table.
pub const METHODS: &[Method] = &[
    Method {
        name: "generate",
        section: "Mining",
        params: &[required("nblocks", Kind::Number, "From 1 to 1000.")],
        about: "Mines blocks now, as fast as this machine can, whether the node mines or not. Ends early after 25 s. Where the difficulty follows the times of blocks, many at once make the next ones hard to find for everybody.",
        result: "an array of the hashes of the new blocks",
        changes: true,
        waits: false,
        run: Run::Later(|api, args| Box::pin(generate(api, args))),
    },
    Method {
        name: "generatetoaddress",
        section: "Mining",
        params: &[
            required("nblocks", Kind::Number, "From 1 to 1000."),
            required("address", Kind::Text, "Ignored: nobody is paid here."),
            optional("maxtries", Kind::Number, "1000000", "Ignored."),
        ],
        about: "The same as generate, for scripts that were written for Bitcoin Core's regtest.",
        result: "an array of the hashes of the new blocks",
        changes: true,
        waits: false,
        run: Run::Later(|api, args| Box::pin(generate(api, args))),
    },
    Method {
        name: "getblocktemplate",
        section: "Mining",
        params: &[optional(
            "template_request",
            Kind::Object,
            "{}",
            "As in BIP 22; only mode template there is. With the longpollid of an earlier answer, the answer comes when the tip is another one or, looked at every five seconds, the data is; after ten minutes at the latest.",
        )],
        about: "A block that lacks nothing but its proof of work.",
        result: "an object: longpollid, header (88 bytes as hex, its nonce zero), previousblockhash, merkleroot, transactions (objects of data and txid), target, bits, height, curtime, curtime_ms, mintime, mintime_ms, noncerange, sizelimit, mutable, capabilities",
        changes: false,
        waits: true,
        run: Run::Later(|api, args| Box::pin(block_template(api, args))),
    },
    Method {
        name: "getmininginfo",
        section: "Mining",
        params: &[],
        about: "How mining stands.",
        result: "an object: blocks, bits, target, difficulty, networkhashps, pooledtx, chain, generate, next (height, bits, target, difficulty), warnings",
        changes: false,
        waits: false,
        run: Run::Now(mining_info),
    },
    Method {
        name: "getnetworkhashps",
        section: "Mining",
        params: &[
            optional(
                "nblocks",
                Kind::Number,
                "120",
                "Over so many of the last blocks.",
            ),
            optional(
                "height",
                Kind::Number,
                "-1",
                "Up to this height; -1 is the tip's.",
            ),
        ],
        about: "An estimate of the network's hash rate, from the work of its blocks and their timestamps.",
        result: "tries a second",
        changes: false,
        waits: false,
        run: Run::Now(network_hash_rate),
    },
    Method {
        name: "submitblock",
        section: "Mining",
        params: &[
            required(
                "hexdata",
                Kind::Hex,
                "The block's bytes: header, number of entries, entries.",
            ),
            optional("dummy", Kind::Text, "\"\"", "Ignored, as in BIP 22."),
        ],
        about: "Gives the node a block that somebody found.",
        result: "null if it is on the active chain now, or the word for what it is: duplicate, duplicate-invalid, inconclusive (another branch, or its parent's body is missing), prev-blk-not-found, bad-prevblk, bad-height, high-hash, time-too-old, time-too-new, bad-txnmrklroot, bad-blk-length, bad-chainwork",
        changes: true,
        waits: false,
        run: Run::Later(|api, args| Box::pin(submit_block(api, args))),
    },
];

/// The word of Bitcoin Core for a broken rule (validation.cpp), or one in its manner where
/// Core has no such rule. `None` where the fault is ours.
fn word(rule: &RuleError) -> Option<&'static str> {
    Some(match rule {
        RuleError::UnknownParent(_) => "prev-blk-not-found",
        RuleError::InvalidAncestor => "bad-prevblk",
        RuleError::WrongIndex { .. } => "bad-height",
        RuleError::WorkNotDone { .. } => "high-hash",
        RuleError::TimestampTooOld { .. } => "time-too-old",
        RuleError::TimestampTooNew { .. } => "time-too-new",
        RuleError::BodyMismatch => "bad-txnmrklroot",
        RuleError::TooManyEntries { .. } | RuleError::BodyTooLarge { .. } => "bad-blk-length",
        RuleError::WorkOverflow => "bad-chainwork",
        RuleError::TreeFull => return None,
    })
}

async fn submit_block(api: Arc<Api>, args: Args) -> Answer {
    let no_block = || RpcError::new(code::DESERIALIZATION, "Block decode failed");
    let hex = args.hex(0, code::DESERIALIZATION);
    let bytes = hex.map_err(|_| no_block())?;
    let block = Block::from_bytes(&bytes).map_err(|_| no_block())?;
    match give(&api, Arc::new(block)).await? {
        Ok(Taken::Active) => Ok(Value::Null),
        Ok(Taken::Branch | Taken::Unconnected) => Ok("inconclusive".into()),
        Ok(Taken::Known) => Ok("duplicate".into()),
        Ok(Taken::KnownInvalid) => Ok("duplicate-invalid".into()),
        Err(rule) => match word(&rule) {
            Some(word) => Ok(word.into()),
            None => Err(RpcError::new(code::MISC, rule.to_string())),
        },
    }
}

/// Gives the actor a block, and waits for what it makes of it.
async fn give(api: &Api, block: Arc<Block>) -> Result<Result<Taken, RuleError>, RpcError> {
    let (done, taken) = oneshot::channel();
    let command = Command::SubmitBlock(block, done);
    let given = api.handle.commands.send(command).await;
    given.map_err(|_| RpcError::ended())?;
    taken.await.map_err(|_| RpcError::ended())
}

async fn generate(api: Arc<Api>, args: Args) -> Answer {
    let count = args.count(0)?.unwrap_or(0);
    if !(1..=limits::GENERATE_MAX).contains(&count) {
        let most = limits::GENERATE_MAX;
        return Err(RpcError::invalid(format!(
            "nblocks must be from 1 to {most}"
        )));
    }
    let Ok(_permit) = api.generating.try_acquire() else {
        return Err(RpcError::new(code::MISC, "another generate is under way"));
    };
    let deadline = Instant::now() + limits::GENERATE_TIME;
    let mut hashes: Vec<Value> = Vec::new();
    while (hashes.len() as u64) < count {
        let Some(block) = search(&api, deadline).await? else {
            break;
        };
        let hash = block.header.hash();
        match give(&api, Arc::new(block)).await? {
            Ok(Taken::Active | Taken::Branch) => hashes.push(hash.to_string().into()),
            // Its parent is refused since, or somebody was given the same block.
            Ok(Taken::Known | Taken::KnownInvalid | Taken::Unconnected) => {}
            Err(rule) => return Err(RpcError::new(code::MISC, rule.to_string())),
        }
    }
    Ok(hashes.into())
}

/// Gives the word to stop when the request that asked for the search is given up.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Searches for one block on a blocking thread; `None` when the time is over.
async fn search(api: &Arc<Api>, deadline: Instant) -> Result<Option<Block>, RpcError> {
    let stop = Arc::new(AtomicBool::new(false));
    let _stop_on_drop = StopOnDrop(Arc::clone(&stop));
    let searching = {
        let api = Arc::clone(api);
        tokio::task::spawn_blocking(move || search_now(&api, deadline, &stop))
    };
    tokio::select! {
        () = api.handle.shutdown.cancelled() => Err(RpcError::ended()),
        found = searching => found.map_err(|_| RpcError::ended()),
    }
}

fn search_now(api: &Api, deadline: Instant, stop: &AtomicBool) -> Option<Block> {
    // Somewhere else than the node's own miner, and than the last search.
    let mut nonce = getrandom::u64().unwrap_or(1 << 62) >> 1;
    let kernel = Kernel::best();
    while Instant::now() < deadline && !stop.load(Ordering::Relaxed) {
        // Anew for every turn: the tip, the data and the time may be others.
        let template = template(api);
        let header = template.header.to_bytes();
        let prepared = Prepared::new(&header, &template.target.to_be_bytes());
        let last = nonce.saturating_add(TURN - 1);
        match scan(kernel, &prepared, nonce..=last, stop).outcome {
            Outcome::Found { nonce, .. } => {
                let timestamp = template.header.timestamp;
                return Some(template.into_block(timestamp, nonce));
            }
            Outcome::Exhausted => nonce = last.wrapping_add(1),
            Outcome::Stopped => return None,
        }
    }
    None
}

fn template(api: &Api) -> Template {
    let now = api.handle.clock.now();
    let participant = api.handle.shared.lock();
    participant.node.template(now, &participant.tree)
}

/// What tells one template from another: what it builds on, and its data. Not the time, which always
/// changes.
fn long_poll_id(template: &Template) -> String {
    let header = &template.header;
    format!("{}{}", header.previous_hash, header.data)
}

async fn block_template(api: Arc<Api>, args: Args) -> Answer {
    let request = |key: &str| args.get(0).and_then(|request| request.get(key));
    let mode = request("mode");
    if mode.is_some_and(|mode| mode.as_str() != Some("template")) {
        return Err(RpcError::invalid("Invalid mode"));
    }
    match request("longpollid").map(Value::as_str) {
        None => {}
        Some(Some(known)) => {
            // No id is longer, and what else was asked is not kept while this waits.
            let known: String = known.chars().take(129).collect();
            drop(args);
            let (tip, _) = known.split_at_checked(64).unwrap_or((&known, ""));
            let is_new = || long_poll_id(&template(&api)) != known;
            wait::for_template(&api, tip, is_new).await?;
        }
        Some(None) => {
            let text = "JSON value for longpollid is not of expected type string";
            return Err(RpcError::new(code::TYPE, text));
        }
    }
    Ok(block_template_now(&api))
}

fn block_template_now(api: &Api) -> Value {
    let now = api.handle.clock.now();
    let (template, median, most) = {
        let participant = api.handle.shared.lock();
        let Participant { tree, node, .. } = &*participant;
        let template = node.template(now, tree);
        let median = tree.median_time(template.parent);
        (template, median, tree.consensus().body_bytes_max)
    };
    let header = template.header;
    let entry = |entry: &forkful_core::Entry| {
        json!({
            "data": const_hex::encode(entry),
            "txid": forkful_core::sha256(entry).to_string(),
        })
    };
    let earliest = median.0.saturating_add(1);
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
    put("longpollid", long_poll_id(&template).into());
    put("header", const_hex::encode(header.to_bytes()).into());
    put("previousblockhash", header.previous_hash.to_string().into());
    put("merkleroot", header.data.to_string().into());
    put("transactions", template.entries.iter().map(entry).collect());
    put("height", header.index.into());
    put("curtime", (header.timestamp.0 / 1_000).into());
    put("curtime_ms", header.timestamp.0.into());
    put("mintime", earliest.div_ceil(1_000).into());
    put("mintime_ms", earliest.into());
    put("noncerange", "0000000000000000ffffffffffffffff".into());
    put("sizelimit", most.into());
    put("mutable", json!(["time", "transactions"]));
    put("capabilities", json!(["longpoll"]));
    put("target", template.target.to_string().into());
    put("bits", render::bits(template.target).into());
    map.into()
}

fn mining_info(api: &Api, _: &Args) -> Answer {
    let participant = api.handle.shared.lock();
    let Participant { tree, node, .. } = &*participant;
    let tip = node.tip();
    let height = tree.height(tip);
    let mut next = Map::new();
    next.insert("height".to_owned(), (height + 1).into());
    render::put_target(&mut next, tree.child_target(tip));
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
    put("blocks", height.into());
    put(
        "networkhashps",
        hash_rate(&participant, tip, RATE_BLOCKS).into(),
    );
    put("pooledtx", node.pool().len().into());
    put("chain", api.handle.about.network.clone().into());
    put("generate", api.handle.about.mines.into());
    put("next", next.into());
    put("warnings", Value::Array(Vec::new()));
    render::put_target(&mut map, tree.target(tip));
    Ok(map.into())
}

fn network_hash_rate(api: &Api, args: &Args) -> Answer {
    let blocks = match args.number(0)? {
        // In Bitcoin since the difficulty changed last; here it may change with every block.
        None | Some(-1) => RATE_BLOCKS,
        Some(number) => u64::try_from(number)
            .ok()
            .filter(|blocks| *blocks > 0)
            .ok_or_else(|| RpcError::invalid("nblocks must be above 0"))?,
    };
    let participant = api.handle.shared.lock();
    let tip = participant.node.tip();
    let end = match args.number(1)? {
        None | Some(-1) => Some(tip),
        Some(height) => u64::try_from(height)
            .ok()
            .and_then(|height| participant.tree.ancestor(tip, height)),
    };
    let end = end.ok_or_else(|| RpcError::invalid("Block does not exist at specified height"))?;
    Ok(hash_rate(&participant, end, blocks).into())
}

/// The work of the last blocks up to this one by the time that they took, in hashes a second; 0 when
/// that cannot be said.
fn hash_rate(participant: &Participant, end: BlockId, blocks: u64) -> f64 {
    let tree = &participant.tree;
    // Genesis has a time of its own making, so it is left out.
    let from = tree.height(end).saturating_sub(blocks).max(1);
    let Some(first) = tree.ancestor(end, from) else {
        return 0.0;
    };
    let work = tree.total_work(end).to_f64() - tree.total_work(first).to_f64();
    let (last, first) = (tree.header(end).timestamp, tree.header(first).timestamp);
    match last.0.saturating_sub(first.0) {
        0 => 0.0,
        millis => work * 1_000.0 / millis as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forkful_core::Hash;

    #[test]
    fn every_rule_has_a_word_but_our_own_limit() {
        assert_eq!(
            word(&RuleError::UnknownParent(Hash::ZERO)),
            Some("prev-blk-not-found")
        );
        assert_eq!(word(&RuleError::BodyMismatch), Some("bad-txnmrklroot"));
        assert_eq!(word(&RuleError::TreeFull), None);
    }
}
