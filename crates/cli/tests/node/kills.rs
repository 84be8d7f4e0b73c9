//! `kill -9` at random moments: what was acknowledged is there again.
//!
//! 50 rounds; `FORKFUL_KILLS=1000 cargo test --release -p forkful --test node kills` plays so many,
//! and `FORKFUL_SEED` another course of them.
//!
//! One node is killed and comes back; a witness lives on. Acknowledged is what the API answered,
//! and what the witness has from the node. Each time the node starts without peers, so that
//! nobody can give it back what it lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::support::{Client, Fault, Home, Node, alone, asked, forkful, text, texts, until};

/// What the issue asks of a restart.
const RESTART_MAX: Duration = Duration::from_secs(2);

/// How long a life that is not killed in its first moments lasts at most, in milliseconds.
const LIFE_MAX_MS: u64 = 400;

#[derive(Debug)]
enum Acknowledged {
    Block(String),
    Data(String),
}

/// All that the node promised, and what has been seen of it on its chain.
#[derive(Default)]
struct Promises {
    blocks: BTreeSet<String>,
    data: BTreeSet<String>,
    /// Blocks that were there after the death that followed their promise.
    found: BTreeSet<String>,
    /// The node's chain as it was looked at last, and the entries in it.
    chain: Vec<String>,
    mined: BTreeMap<String, u64>,
}

impl Promises {
    fn take(&mut self, told: Receiver<Acknowledged>) {
        for told in told {
            match told {
                Acknowledged::Block(hash) => self.blocks.insert(hash),
                Acknowledged::Data(entry) => self.data.insert(entry),
            };
        }
    }

    /// Looks at the chain of the node from where it is another than last time.
    fn look(&mut self, node: &Node) {
        let height = usize::try_from(node.height()).unwrap();
        let hash_at = |height: usize| text(&node.rpc("getblockhash", json!([height])));
        let mut shared = height.min(self.chain.len());
        while shared > 0 && hash_at(shared) != self.chain[shared - 1] {
            shared -= 1;
        }
        self.chain.truncate(shared);
        self.mined.retain(|_, at| *at <= shared as u64);
        for at in shared + 1..=height {
            let hash = hash_at(at);
            for entry in texts(&node.rpc("getblock", json!([hash]))["tx"]) {
                let twice = self.mined.insert(entry.clone(), at as u64);
                assert_eq!(twice, None, "{entry} is on the chain twice");
            }
            self.chain.push(hash);
        }
    }

    /// Everything is there. All blocks are asked for now and then, those that are new each time.
    fn check(&mut self, node: &Node, all: bool) {
        self.look(node);
        for hash in &self.blocks {
            if all || !self.found.contains(hash) {
                let block = node.call("getblock", json!([hash, 0]));
                assert!(block.is_ok(), "block {hash} is lost: {block:?}");
            }
        }
        self.found.clone_from(&self.blocks);
        let waiting: BTreeSet<String> = node.waiting().into_iter().collect();
        for entry in &self.data {
            let mined = self.mined.contains_key(entry);
            assert!(mined || waiting.contains(entry), "data {entry} is lost");
            assert!(!(mined && waiting.contains(entry)), "{entry} waits still");
        }
    }
}

/// Works on the node until it is dead, and tells what it acknowledged.
fn work(client: Client, what: u64, round: u64, seed: u64, told: Sender<Acknowledged>) {
    let mut chance = Xoshiro256PlusPlus::seed_from_u64(seed);
    for number in 0.. {
        let answer = match what {
            0 => client.call("generate", json!([1 + chance.next_u64() % 4])),
            1 => client.call("submitdata", json!([format!("{round}/{number}")])),
            _ => submit_block(&client, chance.next_u64()),
        };
        let told = match answer {
            Err(Fault::Gone) => return,
            // Its API ends with the process, but the word of it may come before.
            Err(Fault::Error(..)) => Ok(()),
            Ok(Value::Array(hashes)) => hashes
                .iter()
                .try_for_each(|hash| told.send(Acknowledged::Block(text(hash)))),
            Ok(Value::String(hash)) => told.send(Acknowledged::Block(hash)),
            Ok(taken) => told.send(Acknowledged::Data(text(&taken["entry"]))),
        };
        told.expect("the test listens");
    }
}

/// Mines as an outside miner does: its hash when the node took it.
fn submit_block(client: &Client, nonce: u64) -> Result<Value, Fault> {
    let template = client.call("getblocktemplate", json!([]))?;
    let header = text(&template["header"]);
    // Every nonce is a proof here.
    let header = format!("{}{nonce:016x}", &header[..160]);
    let mut hex = header.clone();
    let entries = template["transactions"].as_array().unwrap();
    hex.push_str(&format!("{:08x}", entries.len()));
    for entry in entries {
        let data = text(&entry["data"]);
        hex.push_str(&format!("{:08x}{data}", data.len() / 2));
    }
    let bytes = const_hex::decode(&header).unwrap();
    let hash = forkful_core::sha256(&bytes).to_string();
    match client.call("submitblock", json!([hex]))? {
        Value::Null => Ok(hash.into()),
        // On another branch it is stored just as well.
        Value::String(word) if word == "inconclusive" => Ok(hash.into()),
        word => Err(Fault::Error(0, word.to_string())),
    }
}

/// The blocks of the witness that are not in `known`: down from each tip. Of a branch that it was
/// only told of it has headers alone; those are put into `bare`, and left out from then on.
fn new_blocks(
    witness: &Node,
    known: &BTreeSet<String>,
    bare: &mut BTreeSet<String>,
) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for tip in witness.rpc("getchaintips", json!([])).as_array().unwrap() {
        let mut hash = text(&tip["hash"]);
        while !known.contains(&hash) && !found.contains(&hash) && !bare.contains(&hash) {
            let header = witness.rpc("getblockheader", json!([hash]));
            match witness.call("getblock", json!([hash, 0])) {
                Ok(_) => found.insert(hash),
                Err(_) => bare.insert(hash),
            };
            hash = text(&header["previousblockhash"]);
        }
    }
    found
}

/// A life that ends while it begins, on a directory with or without a store.
fn kill_while_starting(home: &Home, name: &str, after: Duration) {
    let mut command = home.by(forkful(), name, &[]);
    command.stdout(std::process::Stdio::null());
    command.stderr(std::process::Stdio::null());
    let mut process = command.spawn().unwrap();
    std::thread::sleep(after);
    process.kill().unwrap();
    process.wait().unwrap();
}

struct Rounds {
    witness: Node,
    promises: Promises,
    chance: Xoshiro256PlusPlus,
    /// Blocks of the witness that need not be looked at again.
    known: BTreeSet<String>,
    /// Headers of the witness whose bodies it has not.
    bare: BTreeSet<String>,
    starts: Vec<Duration>,
    /// The longest start, without what other processes of a busy machine took of it.
    longest: Duration,
    /// How often each thing was done.
    done: [AtomicU64; 6],
    /// Goes last, with the logs of nodes.
    home: Home,
}

const KINDS: [&str; 6] = [
    "start",
    "first start",
    "generate",
    "submitdata",
    "submitblock",
    "sync",
];

impl Rounds {
    fn below(&mut self, most: u64) -> u64 {
        self.chance.next_u64() % most.max(1)
    }

    fn count(&self, kind: usize) {
        self.done[kind].fetch_add(1, Ordering::Relaxed);
    }

    fn start(&mut self, flags: &[&str]) -> Node {
        let node = self.home.start("node", flags);
        self.note_start(&node);
        node
    }

    fn note_start(&mut self, node: &Node) {
        self.starts.push(node.started_in);
        let own = node.started_in.saturating_sub(node.kept_waiting);
        self.longest = self.longest.max(own);
    }

    /// One life, its death, and what the next one finds.
    fn round(&mut self, round: u64) {
        if self.below(4) == 0 {
            self.in_its_first_moments(round);
        } else {
            self.at_work(round);
        }
        let seen = new_blocks(&self.witness, &self.known, &mut self.bare);
        self.known.extend(seen.iter().cloned());
        self.promises.blocks.extend(seen);
        // Nothing changes while it is looked at.
        let node = self.start(&[]);
        self.promises.check(&node, round.is_multiple_of(25));
        node.kill();
    }

    fn in_its_first_moments(&mut self, round: u64) {
        let usual = self.starts.iter().sum::<Duration>();
        let usual = usual.div_f64(self.starts.len().max(1) as f64);
        let after = usual.mul_f64(self.below(1_000) as f64 / 900.0);
        self.count(0);
        kill_while_starting(&self.home, "node", after);
        if self.below(3) == 0 {
            self.count(1);
            let name = format!("new-{round}");
            kill_while_starting(&self.home, &name, after);
            let node = self.home.start(&name, &[]);
            self.note_start(&node);
            node.kill();
            std::fs::remove_dir_all(self.home.path(&name)).unwrap();
        }
    }

    fn at_work(&mut self, round: u64) {
        let (told, acknowledged) = channel();
        let node = self.start(&["--mine", "--hash-rate", "10"]);
        // Bits of what is done; one at least.
        let what = 1 + self.below(15);
        let mut workers = Vec::new();
        for (at, kind) in (2..5).zip(0..) {
            if what & (1 << kind) != 0 {
                self.count(at);
                let (client, told, seed) = (node.client(), told.clone(), self.chance.next_u64());
                let work = move || work(client, kind, round, seed, told);
                workers.push(std::thread::spawn(work));
            }
        }
        drop(told);
        if what & 8 != 0 {
            self.count(5);
            let ahead = 1 + self.below(30);
            let mined = self.witness.generate(ahead);
            self.known.extend(mined);
        }
        self.witness.rpc("addnode", json!([node.peers, "onetry"]));
        let life = Duration::from_millis(self.below(LIFE_MAX_MS));
        std::thread::sleep(life);
        node.kill();
        for worker in workers {
            worker.join().expect("the worker");
        }
        self.promises.take(acknowledged);
        until("the witness to notice", || {
            (self.witness.peer_count() == 0).then_some(())
        });
    }
}

#[test]
fn kills_lose_nothing_that_was_acknowledged() {
    let _alone = alone();
    let home = Home::new();
    let witness = home.start("witness", &["--relay", "flood"]);
    let mut rounds = Rounds {
        witness,
        promises: Promises::default(),
        chance: Xoshiro256PlusPlus::seed_from_u64(asked("FORKFUL_SEED", 1)),
        known: BTreeSet::new(),
        bare: BTreeSet::new(),
        starts: Vec::new(),
        longest: Duration::ZERO,
        done: Default::default(),
        home,
    };
    let genesis = text(&rounds.witness.rpc("getblockhash", json!([0])));
    rounds.known.insert(genesis);
    let count = asked("FORKFUL_KILLS", 50);
    let begun = Instant::now();
    rounds.start(&[]).kill();
    for round in 1..=count {
        rounds.round(round);
        if round.is_multiple_of(100) {
            eprintln!("{round} rounds in {:?}", begun.elapsed());
        }
    }
    let blocks = rounds.home.verify("node");
    report(&mut rounds, count, blocks);
}

/// What was done and how long it took; fails on a slow restart and on a test that tests nothing.
fn report(rounds: &mut Rounds, count: u64, blocks: u64) {
    rounds.starts.sort();
    let starts = &rounds.starts;
    let (median, longest) = (starts[starts.len() / 2], starts[starts.len() - 1]);
    let promises = &rounds.promises;
    eprintln!(
        "{count} rounds, {blocks} blocks; acknowledged {} blocks and {} entries, all there; \
         {} starts, median {median:?}, longest {longest:?}, or {:?} without waiting for a processor",
        promises.blocks.len(),
        promises.data.len(),
        starts.len(),
        rounds.longest,
    );
    for (kind, done) in KINDS.iter().zip(&rounds.done) {
        let done = done.load(Ordering::Relaxed);
        eprintln!("  killed at {kind}: {done}");
        // By chance some kind may come seldom in a few rounds; none stays out in fifty.
        assert!(count < 50 || done > 0, "never killed at {kind}");
    }
    let own = rounds.longest;
    assert!(own < RESTART_MAX, "a start took {own:?}");
    assert!(promises.data.len() as u64 > count / 4 && promises.blocks.len() as u64 > count / 2);
}
