//! What whoever runs a node sees of it, and what it costs when nothing happens.

use std::io::{BufRead as _, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use serde_json::json;

use crate::support::{Home, beside_others, forkful, printed};

#[test]
fn the_banner_says_where_the_node_is_and_what_to_try() {
    let _others = beside_others();
    let home = Home::new();
    // Named from where it was started, it is to be found from everywhere.
    let mut command = forkful();
    command.current_dir(home.path(""));
    command.args(["node", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"]);
    command.args(["--data-dir", "node", "--mine", "--hash-rate", "1"]);
    command.arg("--network").arg(home.network());
    let mut node = home.launch(command, "node").unwrap();
    let banner = node.rest_of_banner();
    let directory = node.directory.display().to_string();
    for words in [
        "test",
        &node.api,
        &directory,
        &format!("listens   {} for peers", node.peers),
        "mining    1 thread, 1 tries/s in all",
        "node id",
        "genesis",
    ] {
        assert!(banner.contains(words), "no {words:?} in {banner}");
    }
    for line in banner.lines() {
        assert!(line.chars().count() <= 80, "{line}\n{banner}");
    }
    // What it says to try can be typed as it stands.
    let commands = banner.split_once("Try, in another terminal:").unwrap().1;
    let commands = commands.replace("\\\n", "");
    let commands: Vec<&str> = commands
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(commands.len(), 3, "{banner}");
    for (command, expected) in
        commands
            .iter()
            .zip(["\"chain\": \"test\"", "\"entry\"", "forkful stopping"])
    {
        let path = std::path::Path::new(env!("CARGO_BIN_EXE_forkful"))
            .parent()
            .unwrap();
        let output = Command::new("sh")
            .args(["-c", command])
            .env(
                "PATH",
                format!("{}:{}", path.display(), std::env::var("PATH").unwrap()),
            )
            .output()
            .unwrap();
        assert!(printed(&output).contains(expected), "{command}: {output:?}");
    }
    assert!(node.ended().success());
}

/// CPU time in ticks of a hundredth of a second, and resident memory in KiB.
#[cfg(target_os = "linux")]
fn usage(id: u32) -> (u64, u64) {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{id}/{file}")).unwrap();
    let stat = read("stat");
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    let ticks = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    let status = read("status");
    let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let memory = memory.unwrap().trim().trim_end_matches(" kB");
    (ticks, memory.parse().unwrap())
}

#[test]
fn connections_are_told_as_events() {
    let _others = beside_others();
    let home = Home::new();
    let first = home.start("first", &[]);
    let mut stream = first.client().events();
    let mut line = String::new();
    let mut wait_for = |what: &str| {
        while !line.contains(what) {
            line.clear();
            assert!(stream.read_line(&mut line).unwrap() > 0, "no {what}");
        }
    };
    let second = home.start("second", &["--peer", &first.peers]);
    wait_for("peer_up");
    drop(second);
    wait_for("peer_down");
}

/// Full blocks are on the disk: whoever fills them does not fill the memory. Without that this node
/// has 130 MiB at the end.
#[cfg(target_os = "linux")]
#[test]
fn full_blocks_do_not_stay_in_memory() {
    let _others = beside_others();
    let home = Home::new();
    let node = home.start("node", &[]);
    for number in 0..100 {
        for half in ["a", "b"] {
            node.submit(&format!("{number:09}{half}").repeat(45_000));
        }
        node.generate(1);
    }
    let (_, memory) = usage(node.process.id());
    eprintln!("after 100 full blocks: {memory} KiB");
    assert!(memory < 96 << 10, "{memory} KiB");
    // The oldest is there all the same.
    let first = node.rpc("getblockhash", json!([1]));
    let block = node.rpc("getblock", json!([first, 1]));
    assert_eq!(block["nTx"], 2);
    assert_eq!(block["tx"].as_array().unwrap().len(), 2);
}

/// Under 1 % of one processor and 50 MiB, in a release build over half a minute:
/// `FORKFUL_IDLE_SECONDS=30 cargo test --release -p forkful --test node idle`. By default it is
/// shorter, so a tick or two are more than 1 %, and not optimised.
#[cfg(target_os = "linux")]
#[test]
fn an_idle_node_costs_next_to_nothing() {
    use crate::support::{alone, asked};
    use std::time::Duration;

    let _alone = alone();
    let home = Home::new();
    let first = home.start("first", &[]);
    let second = home.start("second", &["--peer", &first.peers]);
    first.generate(100);
    second.wait_for_tip(&first.tip());
    let _stream = first.client().events();
    let seconds = asked("FORKFUL_IDLE_SECONDS", 4);
    let before = usage(first.process.id()).0;
    std::thread::sleep(Duration::from_secs(seconds));
    let (ticks, memory) = usage(first.process.id());
    let percent = (ticks - before) as f64 / seconds as f64;
    eprintln!("idle: {percent:.2} % of a processor, {} KiB", memory);
    let most = if seconds >= 30 { 1.0 } else { 3.0 };
    assert!(percent < most, "{percent} % of a processor");
    let (debug, release) = (100, 50);
    let most = if cfg!(debug_assertions) {
        debug
    } else {
        release
    };
    assert!(memory < most * 1_024, "{memory} KiB");
}

#[test]
fn the_operator_says_under_which_names_the_api_may_be_asked() {
    let _others = beside_others();
    let home = Home::new();
    let mut command = home.command("node", &["--rpc-allow-host", "node.example"]);
    command.args(["--rpc-allow-host", "proxy"]);
    let node = home.launch(command, "node").unwrap();
    let status = |host: &str| {
        let mut stream = TcpStream::connect(&node.api).unwrap();
        let get = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        stream.write_all(get.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    for (host, expected) in [
        ("node.example", "200"),
        ("Node.Example:9332", "200"),
        ("proxy", "200"),
        ("localhost", "200"),
        ("other.example", "403"),
    ] {
        assert_eq!(status(host), expected, "{host}");
    }
    for wrong in ["node.example:9332", "http://node.example/", "*", ""] {
        let output = home.run("other", &["--rpc-allow-host", wrong]);
        assert_eq!(output.status.code(), Some(2), "{wrong}: {output:?}");
    }
}
