//! No room on the disk, and a directory that goes away: the node ends and says why.

use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::{Fault, Home, Node, beside_others, errors, forkful, text, until};

/// A node whose files may have so many KiB.
fn limited(home: &Home, kib: u64) -> Command {
    let mut command = Command::new("bash");
    let limit = format!("ulimit -f {kib} && exec \"$@\"");
    command.args(["-c", &limit, "bash", env!("CARGO_BIN_EXE_forkful")]);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FORKFUL_")) {
        command.env_remove(name);
    }
    home.by(command, "node", &[])
}

/// Gives the node data and blocks until it is gone: what it acknowledged.
fn fill(node: &Node, name: &str) -> (Vec<String>, Vec<String>) {
    let (mut entries, mut blocks) = (Vec::new(), Vec::new());
    for number in 0..10_000 {
        let data = format!("{name}{number:05}").repeat(4_000);
        match node.call("submitdata", json!([data])) {
            Ok(taken) => entries.push(text(&taken["entry"])),
            Err(fault) => {
                assert!(
                    matches!(fault, Fault::Gone | Fault::Error(-32603, _)),
                    "{fault:?}"
                );
                return (entries, blocks);
            }
        }
        match node.call("generate", json!([1])) {
            Ok(hashes) => blocks.push(text(&hashes[0])),
            Err(_) => return (entries, blocks),
        }
    }
    panic!("there is room for everything");
}

#[test]
fn a_full_disk_ends_the_node_with_a_sentence_and_nothing_is_lost() {
    let _others = beside_others();
    let home = Home::new();
    let mut node = home.launch(limited(&home, 4_096), "node").unwrap();
    let (entries, blocks) = fill(&node, "first");
    let status = node.ended();
    let log = node.log();
    assert_eq!(status.code(), Some(1), "{status}: {log}");
    let line = log
        .lines()
        .find(|line| line.contains("error:"))
        .expect(&log);
    for words in [
        "forkful.redb cannot be",
        "File too large",
        "the disk's room",
    ] {
        assert!(line.contains(words), "no {words:?} in {line}");
    }
    assert!(!log.contains("panicked"), "{log}");

    // Still full: it may read, but it acknowledges nothing.
    let mut still = home.launch(limited(&home, 16), "node").unwrap();
    let (more, _) = fill(&still, "again");
    assert_eq!((more.len(), still.ended().code()), (0, Some(1)));
    drop(still);

    // There is room again.
    let node = home.start("node", &[]);
    let mined = node.entries_above(0);
    let waiting = node.waiting();
    assert!(blocks.len() > 20, "{} blocks", blocks.len());
    for hash in blocks {
        node.rpc("getblock", json!([hash, 0]));
    }
    for entry in entries {
        let is_mined = mined.iter().any(|(other, _)| *other == entry);
        assert!(is_mined || waiting.contains(&entry), "{entry} is lost");
    }
    node.generate(1);
    node.terminate();
    home.verify("node");
}

/// What is written to a file without a name is kept for nobody.
#[test]
fn a_node_whose_directory_is_removed_acknowledges_nothing_more() {
    let _others = beside_others();
    let home = Home::new();
    let mut node = home.start("node", &[]);
    node.generate(2);
    let client = node.client();
    // Its cookie goes with the directory.
    let aside = home.path("aside");
    std::fs::rename(&node.directory, &aside).unwrap();
    let cookie = aside.join(".cookie");
    let client = crate::support::Client { cookie, ..client };
    let answer = client.call("generate", json!([1]));
    assert!(answer.is_err(), "{answer:?}");
    let status = node.ended();
    let log = node.log();
    assert_eq!(status.code(), Some(1), "{status}: {log}");
    assert!(
        log.contains("was moved or removed while the node ran"),
        "{log}"
    );
    // Put back, it is as it was, or one block longer.
    std::fs::rename(&aside, &node.directory).unwrap();
    let again = home.start("node", &[]);
    assert!(again.height() >= 2);
}

/// The id of whoever runs this, by what they make.
#[cfg(unix)]
fn own_id(home: &Home) -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(home.network()).unwrap().uid()
}

#[cfg(unix)]
#[test]
fn a_directory_without_permission_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::process::CommandExt as _;

    const NOBODY: u32 = 65_534;
    let _others = beside_others();
    let home = Home::new();
    home.start("node", &[]).terminate();
    let mode = |path: &std::path::Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let mut command = home.command("node", &[]);
    let id = own_id(&home);
    if id == 0 {
        // Root may do everything, so somebody else does it, with a command in a place they reach.
        let copy = home.path("forkful");
        std::fs::copy(forkful().get_program(), &copy).unwrap();
        mode(home.path("test.toml").parent().unwrap(), 0o755);
        mode(&copy, 0o755);
        command = home.by(Command::new(copy), "node", &[]);
        command.uid(NOBODY).current_dir("/");
    }
    let directory = home.path("node");
    for name in ["forkful.lock", "forkful.redb"] {
        mode(&directory.join(name), 0o444);
    }
    mode(&directory, 0o555);
    let output = command.stdout(Stdio::null()).output().unwrap();
    let said = errors(&output);
    mode(&directory, 0o755);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("Permission denied"), "{said}");
    assert!(said.contains(&directory.display().to_string()), "{said}");
    for name in ["forkful.lock", "forkful.redb"] {
        mode(&directory.join(name), 0o644);
    }
    let node = home.start("node", &[]);
    until("it", || Some(node.height()));
}
