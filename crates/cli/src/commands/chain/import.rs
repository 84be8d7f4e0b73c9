//! `forkful chain import`: a chain file into a data directory.
//!
//! A file is read twice. The first time its blocks are held against every rule and let go; only if all
//! of them pass, anything is stored. The second time each goes the way of a block that a miner
//! submits: through the tree's rules to the node, which says what is to be stored and which chain is
//! the active one. So many blocks are one commit, and a commit is whole or not at all.

use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use forkful_core::{Block, Config, Effects, Hash, Honest, Input, rules};
use forkful_net::clock::Clock;
use forkful_net::node::NodeError;
use forkful_net::participant::Participant;
use forkful_net::store::{DiskStore, FILE_NAME, Store as _, StoreError};
use indicatif::ProgressBar;

use crate::chain_file::{self, Line, ReadError};
use crate::commands::chain::ImportArgs;
use crate::commands::chain::network::{self, Network};
use crate::commands::verify::{self, Chain};
use crate::failure::Failure;
use crate::node_args::NodeArgs;
use crate::show::Screen;
use crate::show::live::{bar_style, hide_unless_seen};
use crate::show::style::{GOOD, count, number, paint, plain_line};

/// Blocks of one commit, as in the longest message of a peer, and bytes from which on it has no more.
const BATCH_BLOCKS: usize = 500;
const BATCH_BYTES: usize = 4 << 20;

pub fn run(args: &ImportArgs) -> Result<ExitCode, Failure> {
    let asked = Network::if_named(args.network.as_deref())?;
    let (store, network) = match args.data_dir.join(FILE_NAME).exists() {
        true => {
            network::open(&args.data_dir, asked).map(|(store, network)| (Some(store), network))?
        }
        false => (
            None,
            asked.map_or_else(|| Network::named(NodeArgs::NETWORK), Ok)?,
        ),
    };
    let name = match args.file.as_str() {
        "-" => "standard input".to_owned(),
        name => name.to_owned(),
    };
    let failed = |error| failure(&name, error);
    // What is no file can be read only once.
    let is_file = std::fs::metadata(&args.file).is_ok_and(|file| file.is_file());
    let checked = match is_file {
        true => Some(check(&network, verify::open(&args.file)?).map_err(failed)?),
        false => None,
    };
    let store = store.map_or_else(|| create(&args.data_dir, &network), Ok)?;
    let import = Import::begin(store, &network, checked)?;
    let import = match args.file.as_str() {
        "-" => import.all(&network, BufReader::new(io::stdin())),
        file => import.all(&network, verify::open(file)?),
    };
    let (import, ended) = import;
    if let Some(error) = import.failed {
        return Err(Failure::Node(Box::new(error)));
    }
    let line = import.line(&args.data_dir);
    ended.map_err(|error| {
        if import.taken > 0 {
            // If standard error is gone too, there is nobody left to tell.
            let _ = Screen::stderr().line(&line);
        }
        failed(error)
    })?;
    let line = format!("{} {line}", paint(GOOD, "✓"));
    Screen::stdout().line(&line).map_err(Failure::stdout)?;
    Ok(ExitCode::SUCCESS)
}

fn failure(name: &str, error: ReadError) -> Failure {
    let name = name.to_owned();
    match error {
        ReadError::Io(error) => Failure::Input { name, error },
        ReadError::Fault(fault) => Failure::Chain { name, fault },
    }
}

fn create(data_dir: &Path, network: &Network) -> Result<DiskStore, Failure> {
    std::fs::create_dir_all(data_dir).map_err(Failure::output(data_dir.display().to_string()))?;
    let store = DiskStore::open(data_dir, &network.consensus);
    store.map_err(|error| Failure::Node(Box::new(error.into())))
}

/// Genesis, which has to be this network's.
fn genesis(network: &Network, line: Line) -> Result<(), ReadError> {
    let theirs = verify::genesis(line)?.genesis().header.hash();
    let ours = network.genesis();
    if theirs == ours {
        return Ok(());
    }
    let problem = format!(
        "the file is of {}, and the data directory of the network {} (genesis {ours}). \
         Name the file's network with --network, and a directory of its own",
        network::described(&theirs),
        network.name,
    );
    Err(ReadError::fault(1, "", problem))
}

/// Holds a file against every rule. Answers how many blocks it has.
fn check(network: &Network, reader: impl BufRead + Send + 'static) -> Result<u64, ReadError> {
    let bar = ProgressBar::new_spinner().with_message("checking the file");
    hide_unless_seen(&bar, None);
    let mut chain = Chain::new(network.consensus.clone());
    let mut blocks = 0;
    chain_file::each_line(reader, |number, line| {
        blocks = number;
        bar.set_position(number);
        match number {
            1 => genesis(network, line),
            _ => chain.extend(number, line).map(drop),
        }
    })?;
    bar.finish_and_clear();
    match blocks {
        0 => Err(empty()),
        blocks => Ok(blocks),
    }
}

fn empty() -> ReadError {
    let problem = "there is no block; a chain begins with genesis";
    ReadError::fault(1, "", problem.to_owned())
}

/// An import under way: a node without peers, and its store.
struct Import {
    participant: Participant,
    store: DiskStore,
    clock: Clock,
    effects: Effects,
    /// Blocks and bytes that wait for the next commit.
    batch: (usize, usize),
    /// Blocks that were stored, and that were here already.
    taken: u64,
    known: u64,
    /// The hash of the line before.
    last: Hash,
    bar: ProgressBar,
    /// The store took no more.
    failed: Option<NodeError>,
}

impl Import {
    fn begin(
        mut store: DiskStore,
        network: &Network,
        blocks: Option<u64>,
    ) -> Result<Self, Failure> {
        let clock = Clock::start();
        let participant = Participant::restore(
            network.consensus.clone(),
            Config::default(),
            Box::new(Honest),
            0,
            &mut store,
            clock.now().clock,
        )
        .map_err(|error| Failure::Node(Box::new(error.into())))?;
        let bar = blocks.map_or_else(ProgressBar::new_spinner, |blocks| {
            ProgressBar::new(blocks).with_style(bar_style())
        });
        hide_unless_seen(&bar, None);
        Ok(Import {
            participant,
            store,
            clock,
            effects: Effects::new(),
            batch: (0, 0),
            taken: 0,
            known: 0,
            last: network.genesis(),
            bar,
            failed: None,
        })
    }

    /// Takes in every line until one is wrong, and everything before that.
    fn all(
        mut self,
        network: &Network,
        reader: impl BufRead + Send + 'static,
    ) -> (Self, Result<(), ReadError>) {
        let mut lines = 0;
        let mut ended = chain_file::each_line(reader, |number, line| {
            lines = number;
            self.bar.set_position(number);
            self.bar.set_prefix(format!("block {number}"));
            match number {
                1 => genesis(network, line),
                _ => self.take(number, line),
            }
        });
        if lines == 0 && ended.is_ok() {
            ended = Err(empty());
        }
        if self.failed.is_none()
            && let Err(error) = self.commit()
        {
            self.failed = Some(error.into());
        }
        self.bar.finish_and_clear();
        (self, ended)
    }

    fn take(&mut self, number: u64, line: Line) -> Result<(), ReadError> {
        let fault = |field, problem| Err(ReadError::fault(number, field, problem));
        let claimed = line.hash;
        let block = line.into_block();
        let hash = block.header.hash();
        if claimed != hash {
            return fault("hash", verify::wrong_hash(&hash));
        }
        if block.header.previous_hash != self.last {
            let problem = format!(
                "does not continue the line before, whose hash is {}",
                self.last
            );
            return fault("previous_hash", problem);
        }
        self.last = hash;
        let Participant { tree, node, .. } = &mut self.participant;
        if let Some(id) = tree.find(&hash)
            && node.view().is_connected(id)
        {
            self.known += 1;
            // The header is known to be valid; these entries might be others.
            let checked = rules::check_body(tree.consensus(), &block);
            return checked.or_else(|rule| fault(verify::field_of(&rule), verify::broken(&rule)));
        }
        let bytes = block.body_bytes() + forkful_core::Header::LEN;
        if let Err(rule) = self.adopt(block) {
            return fault(verify::field_of(&rule), verify::broken(&rule));
        }
        self.taken += 1;
        self.batch = (self.batch.0 + 1, self.batch.1 + bytes);
        if self.batch.0 >= BATCH_BLOCKS || self.batch.1 >= BATCH_BYTES {
            self.commit().map_err(|error| {
                self.failed = Some(error.into());
                ReadError::Io(io::Error::other("the store takes no more"))
            })?;
        }
        Ok(())
    }

    /// The way of a block that a miner submits.
    fn adopt(&mut self, block: Block) -> Result<(), forkful_core::RuleError> {
        let now = self.clock.now();
        let Participant { tree, node, .. } = &mut self.participant;
        let id = tree.insert_block(Arc::new(block), now.clock)?;
        node.handle(now, Input::Mined(id), tree, &mut self.effects);
        self.participant.keep(&self.effects, &mut self.store);
        self.effects.clear();
        Ok(())
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        self.batch = (0, 0);
        self.store.commit()?;
        self.participant.durable();
        Ok(())
    }

    /// What came of it, in words.
    fn line(&self, data_dir: &Path) -> String {
        let tip = self.participant.tip();
        format!(
            "{}: {} taken, {} here already; the tip is #{} {}",
            plain_line(&data_dir.display().to_string()),
            count(self.taken, "block", "blocks"),
            number(self.known),
            tip.height,
            tip.hash,
        )
    }
}
