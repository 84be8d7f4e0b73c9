//! Data: giving it to the node, what waits, and proofs that it is on the chain.

use std::sync::Arc;

use forkful_core::merkle::InclusionProof;
use forkful_core::node::PoolError;
use forkful_core::{Entry, Hash, limits as protocol, sha256};
use serde::Deserialize as _;
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use crate::actor::Command;
use crate::api::error::{RpcError, code};
use crate::api::params::{Args, decode_hex, parse_hash};
use crate::api::table::{Answer, Kind, Method, Run, optional, required};
use crate::api::{Api, limits, render};

const fn reads(
    name: &'static str,
    params: &'static [crate::api::table::Param],
    about: &'static str,
    result: &'static str,
    run: fn(&Api, &Args) -> Answer,
) -> Method {
    Method {
        name,
        section: "Data",
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
        "getmempoolinfo",
        &[],
        "How much data waits to be mined.",
        "an object: loaded, size (entries), bytes, maxmempool (bytes), maxentries",
        pool_info,
    ),
    reads(
        "getproof",
        &[
            required(
                "blockhash",
                Kind::Hash,
                "The block that carries the entry; the event data_mined names it.",
            ),
            required("entry", Kind::Hash, "The SHA-256 of the entry."),
        ],
        "The proof that an entry is in a block: what verifyproof takes.",
        "an object: blockhash, height, confirmations, merkleroot, entry, data (hex), index, count, path (hashes, from the entry upwards)",
        get_proof,
    ),
    reads(
        "getrawmempool",
        &[optional(
            "verbose",
            Kind::Bool,
            "false",
            "An object with the size of each.",
        )],
        "What waits to be mined, oldest first.",
        "an array of hashes, or an object of objects",
        raw_pool,
    ),
    Method {
        name: "submitdata",
        section: "Data",
        params: &[
            required("data", Kind::Text, "The data."),
            optional(
                "encoding",
                Kind::Text,
                "utf8",
                "How it is written: utf8 or hex.",
            ),
        ],
        about: "Gives the node data to get on the chain, and answers when it waits and is durable. The event data_mined tells when it is on the active chain. What no block takes in 14 days is given up. Data that waits already is told the same again. Empty data is error -8, refused data -26, or -27 when it is on the chain already.",
        result: "an object: entry (its SHA-256), bytes",
        changes: true,
        waits: false,
        run: Run::Later(|api, args| Box::pin(submit_data(api, args))),
    },
    reads(
        "verifyproof",
        &[required("proof", Kind::Object, "What getproof answered.")],
        "Checks a proof against the block that it names, which this node must know.",
        "an object: valid, reason (if it is not), height and confirmations of the block",
        verify_proof,
    ),
];

async fn submit_data(api: Arc<Api>, args: Args) -> Answer {
    let text = args.text(0).unwrap_or_default();
    let bytes = match args.text(1).unwrap_or("utf8") {
        "utf8" => text.as_bytes().to_vec(),
        "hex" => args.hex(0, code::INVALID_PARAMETER)?,
        _ => return Err(RpcError::invalid("encoding is utf8 or hex")),
    };
    if bytes.is_empty() {
        return Err(RpcError::invalid("data must not be empty"));
    }
    let most = limits::DATA_BYTES_MAX;
    if bytes.len() > most {
        return Err(RpcError::new(
            code::REJECTED,
            format!("more than {most} bytes"),
        ));
    }
    let length = bytes.len();
    let entry = Entry::from(bytes);
    let hash = sha256(&entry);
    // Before it is given away: it may be mined before the answer comes.
    api.events.watch(hash);
    let (done, taken) = oneshot::channel();
    let command = Command::Submit(entry, done);
    let given = api.handle.commands.send(command).await;
    given.map_err(|_| RpcError::ended())?;
    match taken.await.map_err(|_| RpcError::ended())? {
        // Who asks again because an answer was lost is told the same, as by Bitcoin Core.
        Ok(_) | Err(PoolError::AlreadyPending) => {
            Ok(json!({ "entry": hash.to_string(), "bytes": length }))
        }
        Err(why) => Err(RpcError::new(refused(why), why.to_string())),
    }
}

fn refused(why: PoolError) -> i64 {
    match why {
        PoolError::AlreadyOnChain => code::ON_CHAIN,
        PoolError::AlreadyPending
        | PoolError::TooLarge { .. }
        | PoolError::Full
        | PoolError::Expired => code::REJECTED,
    }
}

fn pool_info(api: &Api, _: &Args) -> Answer {
    let participant = api.handle.shared.lock();
    let pool = participant.node.pool();
    Ok(json!({
        "loaded": true,
        "size": pool.len(),
        "bytes": pool.bytes(),
        "maxmempool": protocol::POOL_BYTES_MAX,
        "maxentries": protocol::POOL_ENTRIES_MAX,
    }))
}

fn raw_pool(api: &Api, args: &Args) -> Answer {
    let waiting: Vec<(Hash, usize)> = {
        let participant = api.handle.shared.lock();
        let pool = participant.node.pool();
        pool.hashed()
            .map(|(hash, entry)| (hash, entry.len()))
            .collect()
    };
    let waiting = waiting.into_iter();
    Ok(match args.bool(0) {
        Some(true) => waiting
            .map(|(hash, bytes)| (hash.to_string(), json!({ "size": bytes })))
            .collect::<Map<_, _>>()
            .into(),
        _ => waiting
            .map(|(hash, _)| Value::from(hash.to_string()))
            .collect(),
    })
}

fn get_proof(api: &Api, args: &Args) -> Answer {
    let (block_hash, entry) = (args.hash(0)?, args.hash(1)?);
    let (block, confirmations) = {
        let participant = api.handle.shared.lock();
        let id = render::find(&participant, &block_hash)?;
        let block = render::body(&participant, id)?;
        (block, render::confirmations(&participant, id))
    };
    let place = block
        .entries
        .iter()
        .position(|other| sha256(other) == entry);
    let proof = place.and_then(|place| InclusionProof::of(&block.entries, place as u64));
    let (Some(place), Some(proof)) = (place, proof) else {
        let text = "The entry is not in this block";
        return Err(RpcError::new(code::NOT_FOUND, text));
    };
    let path: Vec<Value> = proof
        .path
        .iter()
        .map(|hash| hash.to_string().into())
        .collect();
    Ok(json!({
        "blockhash": block_hash.to_string(),
        "height": block.header.index,
        "confirmations": confirmations,
        "merkleroot": block.header.data.to_string(),
        "entry": entry.to_string(),
        "data": const_hex::encode(&block.entries[place]),
        "index": proof.index,
        "count": proof.count,
        "path": path,
    }))
}

/// The root, and where it is known the number of entries, come from our own block and not from
/// the proof: a path alone fits more than one shape of tree.
fn verify_proof(api: &Api, args: &Args) -> Answer {
    let proof = args.get(0).unwrap_or(&Value::Null);
    let text = |key: &str| {
        let text = proof.get(key).and_then(Value::as_str);
        text.ok_or_else(|| RpcError::invalid(format!("proof.{key} must be a string")))
    };
    let block_hash = parse_hash("proof.blockhash", text("blockhash")?)?;
    let data = decode_hex(text("data")?);
    let data = data.ok_or_else(|| RpcError::invalid("proof.data must be hexadecimal"))?;
    let inclusion = InclusionProof::deserialize(proof);
    let inclusion = inclusion.map_err(|error| RpcError::invalid(format!("proof: {error}")))?;
    let (header, count, confirmations) = {
        let participant = api.handle.shared.lock();
        let id = render::find(&participant, &block_hash)?;
        let tree = &participant.tree;
        let count = tree.has_body(id).then(|| tree.entries(id) as u64);
        (
            *tree.header(id),
            count,
            render::confirmations(&participant, id),
        )
    };
    let reason = if count.is_some_and(|count| count != inclusion.count) {
        Some("the block has another number of entries".to_owned())
    } else {
        let wrong = inclusion.verify(&data, &header.data).err();
        wrong.map(|error| error.to_string())
    };
    let mut answer = json!({
        "valid": reason.is_none(),
        "height": header.index,
        "confirmations": confirmations,
    });
    if let Some(reason) = reason {
        answer["reason"] = reason.into();
    }
    Ok(answer)
}
