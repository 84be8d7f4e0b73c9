//! How a node ends: by a signal, in two seconds, with everything stored.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Fault, Home, NETWORK, Node, alone, text, until};

/// What the issue asks of the end.
const END_MAX: Duration = Duration::from_secs(2);

/// Sends the signal, and says how long the end took and how it was.
fn end_by(node: &mut Node, signal: &str) -> (Duration, ExitStatus) {
    let asked = Instant::now();
    node.signal(signal);
    let status = node.ended();
    (asked.elapsed(), status)
}

/// Clients of all kinds that a node has when it is told to end, none of which lets go by itself.
struct Crowd {
    _streams: Vec<Box<dyn Send>>,
}

impl Crowd {
    fn around(node: &Node) -> Crowd {
        let client = node.client();
        let mut streams: Vec<Box<dyn Send>> = Vec::new();
        for _ in 0..3 {
            streams.push(Box::new(client.events()));
        }
        let post = |body: &str, length: usize| {
            format!(
                "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n{}\
                 Content-Length: {length}\r\n\r\n{body}",
                client.api,
                client.authorization(),
            )
        };
        let waits =
            r#"{"jsonrpc":"2.0","id":1,"method":"waitforblockheight","params":[1000000000]}"#;
        let generates = r#"{"jsonrpc":"2.0","id":1,"method":"generate","params":[1000]}"#;
        let said = [
            post(waits, waits.len()),
            post(waits, waits.len()),
            post(generates, generates.len()),
            // Half a body, half a head, nothing.
            post("{\"jsonrpc\"", 1_000),
            "GET /events HTTP/1.1\r\nHost: loc".to_owned(),
            String::new(),
        ];
        for said in said {
            let stream = client.open(&said).expect("the API");
            streams.push(Box::new(stream));
        }
        // Peers that say nothing.
        for _ in 0..3 {
            streams.push(Box::new(TcpStream::connect(&node.peers).unwrap()));
        }
        Crowd { _streams: streams }
    }
}

#[test]
fn a_signal_ends_a_busy_node_within_two_seconds_and_nothing_is_lost() {
    let _alone = alone();
    let home = Home::new();
    let full = home.start("full", &[]);
    full.generate(1_200);
    for (round, signal) in ["INT", "TERM", "INT", "TERM"].into_iter().enumerate() {
        // Mining, syncing, and asked for much at the same time.
        let peers = full.peers.clone();
        let flags = ["--mine", "--hash-rate", "50", "--peer", &peers];
        let mut node = home.start("node", &flags[..if round < 2 { 3 } else { 5 }]);
        let crowd = Crowd::around(&node);
        let entry = node.submit(&format!("round {round}"));
        let height = node.height();
        let (took, status) = end_by(&mut node, signal);
        drop(crowd);
        assert!(status.success(), "{signal}: {status}");
        assert!(took < END_MAX, "{signal}: {took:?}");
        assert!(
            !node.directory.join(".cookie").exists(),
            "the cookie is left"
        );
        node.logs(&["ended; everything is stored"]);

        let node = home.start("node", &[]);
        assert!(node.height() >= height);
        let mined = node.entries_above(0);
        let is_there = mined.iter().any(|(other, _)| *other == entry);
        assert!(
            is_there || node.waiting().contains(&entry),
            "{entry} is lost"
        );
        node.terminate();
    }
    home.verify("node");
}

#[test]
fn the_api_ends_a_node_as_a_signal_does() {
    let _alone = alone();
    let home = Home::new();
    let mut node = home.start("node", &[]);
    let hashes = node.generate(2);
    let asked = Instant::now();
    assert_eq!(node.rpc("stop", json!([])), "forkful stopping");
    assert!(node.ended().success());
    assert!(asked.elapsed() < END_MAX, "{:?}", asked.elapsed());
    let node = home.start("node", &[]);
    assert_eq!(node.tip(), hashes[1]);
}

#[test]
fn a_search_that_takes_for_ever_does_not_delay_the_end() {
    let _alone = alone();
    let home = Home::of(&NETWORK.replace("zero_bits = 0", "zero_bits = 200"));
    for flags in [
        &["--mine", "--hash-rate", "unlimited", "--threads", "2"][..],
        &["--mine", "--hash-rate", "0.001"],
    ] {
        let mut node = home.start("node", flags);
        // One of two searches, and the other is told that there is one.
        let (told, answers) = std::sync::mpsc::channel();
        for _ in 0..2 {
            let (client, told) = (node.client(), told.clone());
            std::thread::spawn(move || told.send(client.call("generate", json!([1]))));
        }
        let busy = answers.recv().unwrap();
        assert!(
            matches!(&busy, Err(Fault::Error(-1, text)) if text.contains("under way")),
            "{busy:?}"
        );
        let (took, status) = end_by(&mut node, "TERM");
        assert!(status.success() && took < END_MAX, "{status} {took:?}");
    }
}

#[test]
fn a_second_signal_ends_a_node_at_once() {
    let _alone = alone();
    let home = Home::new();
    let mut node = home.start("node", &[]);
    let hashes = node.generate(3);
    // Half a request keeps the first end waiting for a second.
    let body = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{{",
        node.api
    );
    let mut stream = node.client().open(&body).expect("the API");
    // It is being read: the node answers whoever came after it.
    assert_eq!(node.height(), 3);
    node.signal("TERM");
    node.logs(&["ending"]);
    let (took, status) = end_by(&mut node, "INT");
    assert_eq!(status.code(), Some(130), "after {took:?}: {}", node.log());
    assert!(took < END_MAX, "{took:?}");
    let _ = stream.write_all(b"}");
    let _ = stream.read(&mut [0; 100]);

    let node = home.start("node", &[]);
    assert_eq!(node.tip(), hashes[2]);
}

/// Its start takes as long as checking all of the chain; nobody should have to wait for that.
#[test]
fn a_signal_during_the_start_ends_it() {
    let _alone = alone();
    let home = Home::new();
    let node = home.start("node", &[]);
    let tip = node.generate(300).pop();
    node.terminate();
    for after in [1, 5, 20, 40, 80] {
        let mut command = home.command("node", &[]);
        command.stdout(std::process::Stdio::null());
        command.stderr(std::process::Stdio::null());
        let mut process = command.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(after));
        let id = process.id().to_string();
        let kill = std::process::Command::new("kill")
            .args(["-TERM", &id])
            .status();
        assert!(kill.unwrap().success());
        let asked = Instant::now();
        let status = until("its end", || process.try_wait().unwrap());
        assert!(asked.elapsed() < END_MAX, "{:?}", asked.elapsed());
        // By the signal before it listens to it, by its own code after, cleanly when it runs.
        use std::os::unix::process::ExitStatusExt as _;
        let expected = [Some(130), Some(0), None];
        assert!(expected.contains(&status.code()), "{status}");
        assert!(
            status.code().is_some() || status.signal() == Some(15),
            "{status}"
        );
    }
    let node = home.start("node", &[]);
    assert_eq!(Some(text(&node.rpc("getbestblockhash", json!([])))), tip);
}

/// As with `2>&1 | head`, or when whoever collects the log dies.
#[test]
fn a_node_whose_log_nobody_reads_any_more_works_on_and_ends_when_it_is_told_to() {
    let _alone = alone();
    let home = Home::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let command = home.command("node", &["--log", "debug"]);
    let mut node = home.launch_to(command, "node", writer.into()).unwrap();
    assert_eq!(node.generate(3).len(), 3);
    let (took, status) = end_by(&mut node, "TERM");
    assert!(
        status.success() && took < END_MAX,
        "{status} after {took:?}"
    );
}
