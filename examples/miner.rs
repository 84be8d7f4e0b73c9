//! A miner that has nothing of a node but its API: it asks for templates, searches, and submits. In a clone:
//! `cargo run --release --example miner -- DATA_DIR [BLOCKS]`, where a node runs on DATA_DIR.

use std::sync::atomic::{AtomicBool, Ordering};
use std::{env, error::Error, fs, thread};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use forkful_pow::{Kernel, Outcome, Prepared, scan};
use serde_json::{Value, json};

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn call(dir: &str, method: &str, params: Value) -> Fallible<Value> {
    let cookie = STANDARD.encode(fs::read_to_string(format!("{dir}/.cookie"))?);
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let mut answer = ureq::post(fs::read_to_string(format!("{dir}/.api"))?)
        .header("Content-Type", "application/json")
        .header("Authorization", format!("Basic {cookie}"))
        .send(request.to_string())?;
    let answer: Value = serde_json::from_str(&answer.body_mut().read_to_string()?)?;
    let error = answer.get("error").map(|error| error.to_string().into());
    error.map_or_else(|| Ok(answer["result"].clone()), Err)
}

/// The bytes of the block, or nothing if it is told to stop.
fn search(template: &Value, stop: &AtomicBool) -> Fallible<Option<Vec<u8>>> {
    let bytes = |hex: &Value| const_hex::decode(hex.as_str().unwrap_or("-")).map_err(|_| "no hex");
    let header = bytes(&template["header"])?
        .try_into()
        .map_err(|_| "88 bytes")?;
    let target = bytes(&template["target"])?
        .try_into()
        .map_err(|_| "32 bytes")?;
    let prepared = Prepared::new(&header, &target);
    // Somewhere else than who searches for the same block.
    let nonces = u64::from(std::process::id()) << 40..=u64::MAX;
    let found = scan(Kernel::best(), &prepared, nonces, stop).outcome;
    let Outcome::Found { nonce, .. } = found else {
        return Ok(None);
    };
    let entries = template["transactions"].as_array().ok_or("no list")?;
    let mut block = [&header[..80], &nonce.to_be_bytes()].concat();
    block.extend(u32::try_from(entries.len())?.to_be_bytes());
    for entry in entries {
        let entry = bytes(&entry["data"])?;
        block.extend(u32::try_from(entry.len())?.to_be_bytes());
        block.extend(entry);
    }
    Ok(Some(block))
}

fn main() -> Fallible<()> {
    let args: Vec<String> = env::args().collect();
    let dir = args.get(1).ok_or("usage: miner DATA_DIR [BLOCKS]")?;
    let mut left = args.get(2).map_or(Ok(u64::MAX), |blocks| blocks.parse())?;
    let mut template = call(dir, "getblocktemplate", json!([]))?;
    while left > 0 {
        let stop = AtomicBool::new(false);
        let known = json!([{ "longpollid": template["longpollid"] }]);
        template = thread::scope(|scope| {
            // Answered when there is something else to search for, be it because of us.
            let next = scope.spawn(|| {
                let next = call(dir, "getblocktemplate", known);
                stop.store(true, Ordering::Relaxed);
                next
            });
            if let Some(block) = search(&template, &stop)? {
                let answer = call(dir, "submitblock", json!([const_hex::encode(block)]))?;
                println!("{} {answer}", template["height"]);
                left -= u64::from(answer.is_null());
            }
            next.join()
                .map_err(|_| "the thread that waits has panicked")?
        })?;
    }
    Ok(())
}
