//! The chain and its forks.

use std::sync::Arc;

use forkful_core::{BlockId, Hash};
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use crate::actor::{Command, Participant};
use crate::api::error::{RpcError, code};
use crate::api::params::Args;
use crate::api::table::{Answer, Answering, Kind, Method, Param, Run, optional, required};
use crate::api::{Api, limits, render};

const BLOCK: Param = required("blockhash", Kind::Hash, "The hash of the block.");

const fn judges(
    name: &'static str,
    about: &'static str,
    run: fn(Arc<Api>, Args) -> Answering,
) -> Method {
    Method {
        name,
        section: "Chain",
        params: &[BLOCK],
        about,
        result: "null",
        changes: true,
        waits: false,
        run: Run::Later(run),
    }
}

const fn reads(
    name: &'static str,
    params: &'static [Param],
    about: &'static str,
    result: &'static str,
    run: fn(&Api, &Args) -> Answer,
) -> Method {
    Method {
        name,
        section: "Chain",
        params,
        about,
        result,
        changes: false,
        waits: false,
        run: Run::Now(run),
    }
}

/// This file's part of the table.
pub const METHODS: &[Method] = &[
    reads(
        "getbestblockhash",
        &[],
        "The hash of the tip.",
        "a hash",
        best_block_hash,
    ),
    reads(
        "getblock",
        &[
            BLOCK,
            optional(
                "verbosity",
                Kind::NumberOrBool,
                "1",
                "0: the bytes as hex. 1: an object. 2: with the entries whole.",
            ),
        ],
        "A block.",
        "hex, or the header's object with tx (the SHA-256 of each entry, or objects of txid, size and hex) and size",
        block,
    ),
    reads(
        "getblockchaininfo",
        &[],
        "Where the chain stands.",
        "an object: chain, blocks, headers, bestblockhash, bits, target, difficulty, time, mediantime, verificationprogress, initialblockdownload, chainwork, pruned, warnings",
        blockchain_info,
    ),
    reads(
        "getblockcount",
        &[],
        "The height of the tip.",
        "a number",
        block_count,
    ),
    reads(
        "getblockhash",
        &[required(
            "height",
            Kind::Number,
            "From 0, which is genesis, to the tip's.",
        )],
        "The hash of the block at a height of the active chain.",
        "a hash",
        block_hash,
    ),
    reads(
        "getblockheader",
        &[
            BLOCK,
            optional("verbose", Kind::Bool, "true", "false: the 88 bytes as hex."),
        ],
        "The header of a block, on the active chain or not.",
        "hex, or an object: hash, confirmations (-1 off the active chain), height, merkleroot, time, time_ms, mediantime, nonce, bits, target, difficulty, chainwork, nTx, previousblockhash, nextblockhash",
        block_header,
    ),
    reads(
        "getchaintips",
        &[],
        "The ends of all branches, the highest first; 1,000 at most.",
        "an array of objects: height, hash, branchlen, status (active, valid-fork, headers-only, invalid)",
        chain_tips,
    ),
    reads(
        "getdifficulty",
        &[],
        "How often the work of the next block is that of Bitcoin's easiest.",
        "a number",
        difficulty,
    ),
    judges(
        "invalidateblock",
        "Refuses a block and everything built on it, until it is reconsidered; 64 blocks at most.",
        |api, args| Box::pin(invalidate_block(api, args)),
    ),
    judges(
        "reconsiderblock",
        "Refuses a block no longer, nor any of its ancestors and descendants.",
        |api, args| Box::pin(reconsider_block(api, args)),
    ),
];

fn best_block_hash(api: &Api, _: &Args) -> Answer {
    Ok(api.handle.shared.lock().tip().hash.to_string().into())
}

fn block_count(api: &Api, _: &Args) -> Answer {
    Ok(api.handle.shared.lock().tip().height.into())
}

fn difficulty(api: &Api, _: &Args) -> Answer {
    let participant = api.handle.shared.lock();
    let target = participant.tree.child_target(participant.node.tip());
    Ok(render::difficulty(target).into())
}

fn block_hash(api: &Api, args: &Args) -> Answer {
    let height = args.number(0)?;
    let participant = api.handle.shared.lock();
    let tree = &participant.tree;
    let height = height.and_then(|height| u64::try_from(height).ok());
    let id = height.and_then(|height| tree.ancestor(participant.node.tip(), height));
    let id = id.ok_or_else(|| RpcError::invalid("Block height out of range"))?;
    Ok(tree.hash(id).to_string().into())
}

fn block_header(api: &Api, args: &Args) -> Answer {
    let hash = args.hash(0)?;
    let participant = api.handle.shared.lock();
    let id = render::find(&participant, &hash)?;
    Ok(match args.bool(1) {
        Some(false) => const_hex::encode(participant.tree.header(id).to_bytes()).into(),
        _ => render::header(&participant, id).into(),
    })
}

fn block(api: &Api, args: &Args) -> Answer {
    let hash = args.hash(0)?;
    let verbosity = match args.bool(1) {
        Some(verbose) => i64::from(verbose),
        None => args.number(1)?.unwrap_or(1),
    };
    // Only what the tree alone knows is asked for under its lock.
    let (block, mut map) = {
        let participant = api.handle.shared.lock();
        let id = render::find(&participant, &hash)?;
        (
            render::body(&participant, id)?,
            render::header(&participant, id),
        )
    };
    if verbosity <= 0 {
        return Ok(const_hex::encode(block.to_bytes()).into());
    }
    render::put_entries(&mut map, &block, verbosity >= 2);
    Ok(map.into())
}

fn blockchain_info(api: &Api, _: &Args) -> Answer {
    let now = api.handle.clock.now().clock;
    let participant = api.handle.shared.lock();
    let Participant { tree, node, .. } = &*participant;
    let (tip, goal) = (node.tip(), node.goal());
    let behind = tree.is_better(goal, tip);
    let best = if behind { goal } else { tip };
    let progress = tree.total_work(tip).to_f64() / tree.total_work(best).to_f64();
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
    put("chain", api.handle.about.network.clone().into());
    put("blocks", tree.height(tip).into());
    put("headers", tree.height(best).into());
    put("bestblockhash", tree.hash(tip).to_string().into());
    put("time", (tree.header(tip).timestamp.0 / 1_000).into());
    put("mediantime", (tree.median_time(tip).0 / 1_000).into());
    put("verificationprogress", progress.into());
    let age = now.0.saturating_sub(tree.header(tip).timestamp.0);
    put(
        "initialblockdownload",
        (behind || age > limits::TIP_AGE_MAX_MS).into(),
    );
    put("chainwork", tree.total_work(tip).to_string().into());
    put("pruned", false.into());
    put("warnings", Value::Array(Vec::new()));
    render::put_target(&mut map, tree.target(tip));
    Ok(map.into())
}

async fn invalidate_block(api: Arc<Api>, args: Args) -> Answer {
    let hash = args.hash(0)?;
    let block = render::find(&api.handle.shared.lock(), &hash)?;
    let (done, refused) = oneshot::channel();
    command(&api, Command::Refuse(block, done)).await?;
    let refused = refused.await.map_err(|_| RpcError::ended())?;
    let done = refused.map(|()| Value::Null);
    done.map_err(|error| RpcError::new(code::MISC, error.to_string()))
}

async fn reconsider_block(api: Arc<Api>, args: Args) -> Answer {
    let hash = args.hash(0)?;
    let block = render::find(&api.handle.shared.lock(), &hash)?;
    let (done, reconsidered) = oneshot::channel();
    command(&api, Command::Reconsider(block, done)).await?;
    reconsidered.await.map_err(|_| RpcError::ended())?;
    Ok(Value::Null)
}

async fn command(api: &Api, command: Command) -> Result<(), RpcError> {
    let given = api.handle.commands.send(command).await;
    given.map_err(|_| RpcError::ended())
}

fn chain_tips(api: &Api, _: &Args) -> Answer {
    let participant = api.handle.shared.lock();
    let Participant { tree, node, .. } = &*participant;
    let active = node.tip();
    // Nothing is built on a tip, and parents come before their children.
    let mut has_child = vec![false; tree.len()];
    let mut tips = Vec::new();
    for id in tree.ids().rev() {
        let is_tip = !has_child[id.index()] || id == active;
        if is_tip && id != BlockId::GENESIS || id == active {
            tips.push(id);
        }
        has_child[tree.parent(id).index()] = true;
    }
    tips.sort_by_key(|id| (*id != active, std::cmp::Reverse(tree.height(*id))));
    tips.truncate(limits::TIPS_MAX);
    tips.sort_by_key(|id| std::cmp::Reverse(tree.height(*id)));
    let tip = |id: &BlockId| {
        let fork_point = tree.fork_point(*id, active);
        json!({
            "height": tree.height(*id),
            "hash": tree.hash(*id).to_string(),
            "branchlen": tree.height(*id) - tree.height(fork_point),
            "status": status(&participant, *id),
        })
    };
    Ok(tips.iter().map(tip).collect())
}

/// In the words of Bitcoin Core's `getchaintips`.
fn status(participant: &Participant, id: BlockId) -> &'static str {
    let Participant { tree, node, .. } = participant;
    match id {
        _ if id == node.tip() => "active",
        _ if tree.is_invalid(id) || node.is_refused(tree, id) => "invalid",
        _ if node.view().is_connected(id) => "valid-fork",
        // Of a branch that is all here every block is checked, so none is valid-headers.
        _ => "headers-only",
    }
}

/// What `waitforblock` and its like answer: where the tip is.
pub(super) fn tip_json(hash: Hash, height: u64) -> Value {
    json!({ "hash": hash.to_string(), "height": height })
}
