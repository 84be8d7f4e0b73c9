//! `forkful verify`: checks a chain file from the outside, every rule of it.
//!
//! The file says by itself under which rules it is to be checked: genesis commits to
//! them. Each line goes through the same door as a block from a peer, and the first one
//! that does not pass ends the check.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use forkful_core::rules::{self, Verdict};
use forkful_core::{Block, BlockId, BlockTree, Consensus, Hash, RuleError, Sha256Pow, Timestamp};

use crate::args::VerifyArgs;
use crate::chain_file::{self, Line, ReadError};
use crate::failure::Failure;
use crate::show::Screen;
use crate::show::style::{DIM, GOOD, count, number, paint, plain_line, seconds};

/// Bytes that are read at once.
const BUFFER: usize = 1 << 18;

/// Checks a chain file; says what it holds, or the first line that is wrong.
pub fn run(args: &VerifyArgs) -> Result<ExitCode, Failure> {
    file(&args.file)
}

/// The same for a file that something else than `forkful verify` was given.
pub fn file(file: &str) -> Result<ExitCode, Failure> {
    let (name, checked) = if file == "-" {
        let reader = BufReader::with_capacity(BUFFER, io::stdin());
        ("standard input".to_owned(), check(reader))
    } else {
        let name = file.to_owned();
        let reader = open(file)?;
        (name, check(reader))
    };
    match checked {
        Ok(chain) => {
            let mut screen = Screen::stdout();
            screen.lines(&chain.lines(&name)).map_err(Failure::stdout)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(ReadError::Io(error)) => Err(Failure::Input { name, error }),
        Err(ReadError::Fault(fault)) => Err(Failure::Chain { name, fault }),
    }
}

/// A chain file, to be read once.
pub fn open(name: &str) -> Result<BufReader<File>, Failure> {
    let file = File::open(name).map_err(|error| Failure::Input {
        name: name.to_owned(),
        error,
    })?;
    Ok(BufReader::with_capacity(BUFFER, file))
}

/// A chain that keeps every rule. Of its blocks only the headers are held.
pub struct Chain {
    pub tree: BlockTree<Sha256Pow>,
    pub tip: BlockId,
    pub entries: u64,
    /// The local clock when the check began.
    clock: Timestamp,
}

fn check(reader: impl BufRead + Send + 'static) -> Result<Chain, ReadError> {
    let mut chain: Option<Chain> = None;
    chain_file::each_line(reader, |number, line| match &mut chain {
        Some(chain) => chain.extend(number, line).map(drop),
        None => {
            chain = Some(Chain::new(genesis(line)?));
            Ok(())
        }
    })?;
    chain.ok_or_else(|| {
        let problem = "there is no block; a chain begins with genesis";
        ReadError::fault(1, "", problem.to_owned())
    })
}

/// The rules that genesis commits to; genesis must be the one block that they demand.
pub fn genesis(line: Line) -> Result<Consensus, ReadError> {
    let fault = |field, problem| Err(ReadError::fault(1, field, problem));
    let claimed = line.hash;
    let block = line.into_block();
    let Some(text) = block.entries.first() else {
        return fault(
            "entries",
            "genesis has no entry; its first one is the network's rules".to_owned(),
        );
    };
    let rules = match std::str::from_utf8(text) {
        Ok(text) => Consensus::from_canonical_text(text).map_err(|error| error.to_string()),
        Err(_) => Err("this is not text, but should be the network's rules".to_owned()),
    };
    let consensus = match rules {
        Ok(consensus) => consensus,
        Err(problem) => return fault("entries[0]", problem),
    };
    let demanded = consensus.genesis();
    let (found, header) = (&block.header, &demanded.header);
    let demand = |name: &str| format!("is not what the network's rules demand: {name}");
    if block.entries.len() > 1 {
        return fault("entries", demand("one entry"));
    }
    if found.index != header.index {
        return fault("index", demand(&header.index.to_string()));
    }
    if found.timestamp != header.timestamp {
        return fault("timestamp", demand(&header.timestamp.0.to_string()));
    }
    if found.data != header.data {
        return fault("data", demand(&header.data.to_string()));
    }
    if found.previous_hash != header.previous_hash {
        return fault("previous_hash", demand(&header.previous_hash.to_string()));
    }
    if found.nonce != header.nonce {
        return fault("nonce", demand(&header.nonce.to_string()));
    }
    let hash = header.hash();
    if claimed != hash {
        return fault("hash", wrong_hash(&hash));
    }
    Ok(consensus)
}

impl Chain {
    /// The chain of genesis alone.
    pub fn new(consensus: Consensus) -> Chain {
        Chain {
            tree: BlockTree::new(consensus, Sha256Pow),
            tip: BlockId::GENESIS,
            entries: 0,
            clock: clock(),
        }
    }

    /// Takes the next block in.
    pub fn extend(&mut self, number: u64, line: Line) -> Result<Block, ReadError> {
        let claimed = line.hash;
        let block = line.into_block();
        let header = block.header;
        let fault = |field, problem| Err(ReadError::fault(number, field, problem));
        let tip = self.tree.hash(self.tip);
        if header.previous_hash != tip {
            let problem = format!("does not continue the line before, whose hash is {tip}");
            return fault("previous_hash", problem);
        }
        let entries = block.entries.len() as u64;
        let inserted = self.insert(&block);
        // The tree hashes a block when it enters: the hash is not computed twice.
        let hash = inserted.map_or_else(|_| header.hash(), |id| self.tree.hash(id));
        if claimed != hash {
            return fault("hash", wrong_hash(&hash));
        }
        match inserted {
            Ok(id) => {
                self.tip = id;
                self.entries += entries;
                Ok(block)
            }
            Err(rule) => fault(field_of(&rule), broken(&rule)),
        }
    }

    /// Holds the block against every rule. The tree keeps its header only: the body is not
    /// needed any more, and a chain may be larger than the memory.
    fn insert(&mut self, block: &Block) -> Result<BlockId, RuleError> {
        let id = self.tree.insert_header(block.header, self.clock)?;
        rules::check_body(self.tree.consensus(), block)?;
        Ok(id)
    }

    /// What the chain holds, in words.
    pub fn lines(&self, name: &str) -> Vec<String> {
        let tree = &self.tree;
        let (genesis, tip) = (tree.header(BlockId::GENESIS), tree.header(self.tip));
        let height = tree.height(self.tip);
        let mut lines = vec![format!(
            "{} {}: a valid chain of {}",
            paint(GOOD, "✓"),
            plain_line(name),
            count(height + 1, "block", "blocks"),
        )];
        let mut add = |label: &str, text: String| {
            lines.push(format!(
                "  {} {text}",
                paint(DIM, format_args!("{label:<11}"))
            ));
        };
        add("height", number(height));
        add("tip", tree.hash(self.tip).to_string());
        add("genesis", tree.hash(BlockId::GENESIS).to_string());
        let work = tree.total_work(self.tip);
        add(
            "total work",
            format!("{} hashes expected, {:e}", work.0, work.to_f64()),
        );
        add("entries", number(self.entries));
        let milliseconds = u64::try_from(tip.timestamp - genesis.timestamp).unwrap_or(0);
        let span = Duration::from_millis(milliseconds).as_secs_f64();
        add(
            "timespan",
            format!("{} by the blocks' timestamps", seconds(span)),
        );
        for (place, rule) in tree
            .consensus()
            .canonical_text()
            .lines()
            .skip(1)
            .enumerate()
        {
            add(if place == 0 { "rules" } else { "" }, rule.to_owned());
        }
        lines
    }
}

/// The local clock.
pub fn clock() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    // A clock before 1970 is no clock: everything is ahead of it.
    let millis = since.map_or(0, |since| since.as_millis());
    Timestamp(u64::try_from(millis).unwrap_or(u64::MAX))
}

pub fn wrong_hash(hash: &Hash) -> String {
    format!("is not the block's, which is {hash}")
}

/// The field that breaks a rule.
pub fn field_of(rule: &RuleError) -> &'static str {
    match rule {
        RuleError::UnknownParent(_) | RuleError::InvalidAncestor => "previous_hash",
        RuleError::WrongIndex { .. } => "index",
        RuleError::WorkNotDone { .. } | RuleError::WorkOverflow | RuleError::TreeFull => "hash",
        RuleError::TimestampTooOld { .. } | RuleError::TimestampTooNew { .. } => "timestamp",
        RuleError::BodyMismatch
        | RuleError::TooManyEntries { .. }
        | RuleError::BodyTooLarge { .. } => "entries",
    }
}

pub fn broken(rule: &RuleError) -> String {
    match rule.verdict() {
        Verdict::Undecided => format!("not valid yet, but perhaps later: {rule}"),
        Verdict::Invalid | Verdict::Mutated | Verdict::OurLimit => rule.to_string(),
    }
}
