//! What keeps a node from starting, and what it is told by whom.

use std::net::TcpListener;

use serde_json::json;

use crate::support::{Home, NETWORK, beside_others, errors, forkful};

/// It ends with this code, and says this.
fn refuses(home: &Home, name: &str, flags: &[&str], code: i32, told: &[&str]) {
    let output = home.run(name, flags);
    let said = errors(&output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for words in told {
        assert!(said.contains(words), "no {words:?} in {said}");
    }
    assert_eq!(said.lines().count(), 1, "one sentence: {said}");
}

#[test]
fn a_directory_of_another_network_is_refused_with_a_sentence() {
    let _others = beside_others();
    let home = Home::new();
    home.start("node", &[]).terminate();
    let output = forkful()
        .args(["node", "--network", "playground", "--data-dir"])
        .arg(home.path("node"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = errors(&output);
    assert!(said.contains("belongs to another network"), "{said}");
}

#[test]
fn two_nodes_do_not_share_a_directory() {
    let _others = beside_others();
    let home = Home::new();
    let node = home.start("node", &[]);
    refuses(&home, "node", &[], 1, &["is in use: another node runs"]);
    // It has left the first one's cookie alone.
    node.generate(1);
}

#[test]
fn a_port_that_is_taken_is_named() {
    let _others = beside_others();
    let home = Home::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let for_peers = format!("cannot listen on {at} for peers: ");
    let for_api = format!("cannot listen on {at} for the API: ");
    refuses(
        &home,
        "a",
        &["--listen", &at],
        1,
        &[&for_peers, "another address or port"],
    );
    refuses(
        &home,
        "b",
        &["--api", &at],
        1,
        &[&for_api, "another address or port"],
    );
    // What it has made so far is good for the next start.
    home.start("a", &[]);
    home.start("b", &[]);
}

#[test]
fn a_directory_that_cannot_be_written_is_named() {
    let _others = beside_others();
    let home = Home::new();
    std::fs::write(home.path("file"), "no directory").unwrap();
    let path = home.path("file/node").display().to_string();
    refuses(
        &home,
        "file/node",
        &[],
        1,
        &["the data directory", &path, "Name another"],
    );
    // Nobody can make anything there, root included.
    let output = forkful()
        .args(["node", "--data-dir", "/proc/forkful"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = errors(&output);
    assert!(said.contains("the data directory /proc/forkful"), "{said}");
}

#[test]
fn a_wrong_configuration_is_told_with_its_file_key_and_line() {
    let _others = beside_others();
    let home = Home::new();
    std::fs::create_dir(home.path("node")).unwrap();
    let path = home.path("node/forkful.toml");
    for (text, told) in [
        ("mine = true\nhash-rat = 5\n", ["line 2", "hash-rat"]),
        ("\n\nthreads = 'two'\n", ["line 3", "threads"]),
        ("relay = 'gossip'\n", ["line 1", "relay"]),
        ("log = 'loud'\n", ["line 1", "log"]),
        ("mine = \n", ["line 1", "mine"]),
    ] {
        std::fs::write(&path, text).unwrap();
        let output = home.run("node", &[]);
        let said = errors(&output);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(&path.display().to_string()), "{said}");
        assert!(
            told.iter().all(|words| said.contains(words)),
            "{told:?}: {said}"
        );
    }
    std::fs::write(&path, "api = 'somewhere'\n").unwrap();
    let mut command = forkful();
    command.arg("node").arg("--network").arg(home.network());
    command.arg("--data-dir").arg(home.path("node"));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(errors(&output).contains("expected an address and a port"));
}

#[test]
fn a_flag_counts_before_the_environment_and_that_before_the_file() {
    let _others = beside_others();
    let home = Home::new();
    for name in ["file", "environment", "flag"] {
        let network = NETWORK.replace("'test'", &format!("'by-{name}'"));
        std::fs::write(home.path(&format!("{name}.toml")), network).unwrap();
    }
    let network = |name: &str| home.path(&format!("{name}.toml"));
    let config = home.path("config.toml");
    let text = format!(
        "network = '{}'\nmine = true\napi = '127.0.0.1:0'\n",
        network("file").display()
    );
    std::fs::write(&config, text).unwrap();
    for (by_environment, by_flag, expected) in [
        (false, false, "by-file"),
        (true, false, "by-environment"),
        (true, true, "by-flag"),
        (false, true, "by-flag"),
    ] {
        let mut command = forkful();
        command.args(["node", "--listen", "127.0.0.1:0", "--hash-rate", "1"]);
        command.arg("--config").arg(&config);
        command.arg("--data-dir").arg(home.path(expected));
        if by_environment {
            command.env("FORKFUL_NETWORK", network("environment"));
            command.env("FORKFUL_MINE", "false");
        }
        if by_flag {
            command.arg("--network").arg(network("flag"));
            command.args(["--mine", "true"]);
        }
        let node = home.launch(command, expected).unwrap();
        assert_eq!(node.rpc("getblockchaininfo", json!([]))["chain"], expected);
        let mines = node.rpc("getmininginfo", json!([]))["generate"].clone();
        assert_eq!(mines, expected != "by-environment", "{expected}");
    }
}
