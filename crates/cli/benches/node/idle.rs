//! A node that has nothing to do, and what the command weighs.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::Client;
use crate::process::{self, Node};

const TIME: Duration = Duration::from_secs(30);
const TIME_QUICK: Duration = Duration::from_secs(2);

pub fn run(quick: bool) {
    let time = if quick { TIME_QUICK } else { TIME };
    let home = tempfile::tempdir().expect("a directory for temporary files");
    let (network, _) = process::network(home.path(), 20, "announce");
    let first = Node::start(&network, &home.path().join("first"), &[]);
    let peer = first.peers.to_string();
    let second = Node::start(&network, &home.path().join("second"), &["--peer", &peer]);
    let mut client = Client::connect(second.api, None);
    while client.call("getconnectioncount", json!([])) != 1 {
        thread::sleep(Duration::from_millis(10));
    }
    let (before, begun) = (second.processor_seconds(), Instant::now());
    thread::sleep(time);
    let used = second.processor_seconds() - before;
    let (now, most) = second.memory_mib();
    println!(
        "with one peer and a store, over {} s: {:.2} % of a processor, {now:.1} MiB resident, {most:.1} MiB at most",
        time.as_secs(),
        100.0 * used / begun.elapsed().as_secs_f64()
    );
    sizes(home.path());
}

/// Bytes of the command, as it is built and without its symbols.
fn sizes(directory: &std::path::Path) {
    let built = env!("CARGO_BIN_EXE_forkful");
    let bytes = |path: &std::path::Path| {
        let metadata = std::fs::metadata(path);
        metadata.map_or(f64::NAN, |metadata| metadata.len() as f64 / 1e6)
    };
    let stripped = directory.join("stripped");
    let strip = std::process::Command::new("strip")
        .arg("-o")
        .arg(&stripped)
        .arg(built)
        .status();
    let size = bytes(std::path::Path::new(built));
    match strip {
        Ok(status) if status.success() => {
            println!(
                "the command: {size:.1} MB, {:.1} MB stripped",
                bytes(&stripped)
            );
        }
        _ => println!("the command: {size:.1} MB; there is no strip"),
    }
}
