//! `forkful bench`: how fast this machine mines and validates.
//!
//! Rates taken one after the other do not compare, because clock frequency and neighbours
//! change from second to second. So everything is measured in turns, next to what it is
//! held against: a kernel next to the plain loop over sha2, validation next to hashing.

use std::hint::black_box;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use forkful_core::merkle::merkle_root;
use forkful_core::{
    Block, BlockTree, Consensus, Entry, Hash, Header, Sha256Pow, Target, Timestamp,
};
use forkful_pow::{Kernel, Rate, measure};
use serde::Serialize;

use crate::args::BenchArgs;
use crate::failure::Failure;
use crate::show::Screen;
use crate::show::style::{BOLD, DIM, paint, rate};
use crate::show::table::Table;

/// How long a kernel runs at a time.
const SLICE: Duration = Duration::from_millis(20);

/// Blocks that are validated at a time.
const BLOCKS: u64 = 20_000;

/// The part of the time that goes to the kernels.
const KERNELS_PART: f64 = 0.7;

/// What was measured, on one core.
#[derive(Serialize)]
struct Results {
    kernels: Vec<KernelRate>,
    validation: Validation,
}

#[derive(Serialize)]
struct KernelRate {
    kernel: &'static str,
    /// Whether a run takes it unless told otherwise.
    best: bool,
    tries_per_second: f64,
    /// How many times as fast as the loop over sha2, measured next to it.
    ratio_to_sha2: f64,
}

#[derive(Serialize)]
struct Validation {
    /// Headers per second through the tree: proof of work, rules, index.
    headers_per_second: f64,
    /// The same headers, only hashed.
    hashes_per_second: f64,
    /// How many times as long as its hash a header takes.
    ratio_to_hashing: f64,
}

/// Measures, and prints a table or one JSON object.
pub fn run(args: &BenchArgs) -> Result<ExitCode, Failure> {
    let kernels = match args.kernel {
        Some(kernel) if !kernel.is_available() => {
            return Err(Failure::Usage(format!("this machine has no {kernel}")));
        }
        Some(kernel) => vec![kernel],
        None => Kernel::ALL.to_vec(),
    };
    let results = Results {
        kernels: measure_kernels(&kernels, args.seconds * KERNELS_PART),
        validation: measure_validation(args.seconds * (1.0 - KERNELS_PART)),
    };
    if args.json {
        let mut out = io::stdout().lock();
        serde_json::to_writer_pretty(&mut out, &results)
            .map_err(io::Error::from)
            .and_then(|()| writeln!(out))
            .map_err(Failure::stdout)?;
    } else {
        Screen::stdout()
            .lines(&lines(&results))
            .map_err(Failure::stdout)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn measure_kernels(kernels: &[Kernel], seconds: f64) -> Vec<KernelRate> {
    let available = kernels
        .iter()
        .filter(|kernel| kernel.is_available())
        .count();
    // Every round runs each kernel and, next to it, the baseline.
    #[allow(clippy::cast_precision_loss, reason = "there are four kernels")]
    let round = 2.0 * SLICE.as_secs_f64() * available.max(1) as f64;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most an hour of rounds, and more than none"
    )]
    let rounds = (seconds / round).ceil() as usize;
    let result = |rate: Rate| KernelRate {
        kernel: rate.kernel.name(),
        best: rate.kernel == Kernel::best(),
        tries_per_second: rate.tries_per_second,
        ratio_to_sha2: rate.ratio,
    };
    measure(kernels, SLICE, rounds)
        .into_iter()
        .map(result)
        .collect()
}

fn measure_validation(seconds: f64) -> Validation {
    // One try per block: what is measured is validation, not mining.
    let consensus = Consensus::fixed(Target::MAX);
    let blocks = chain(&consensus);
    let clock = blocks
        .last()
        .map_or(Timestamp::default(), |block| block.header.timestamp);
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let (mut hashing, mut validating) = (Vec::new(), Vec::new());
    while hashing.is_empty() || Instant::now() < end {
        let begin = Instant::now();
        for block in &blocks {
            black_box(black_box(&block.header).hash());
        }
        hashing.push(begin.elapsed().as_secs_f64());

        let mut tree = BlockTree::new(consensus.clone(), Sha256Pow);
        let begin = Instant::now();
        for block in &blocks {
            let inserted = tree.insert_block(Arc::clone(block), clock);
            assert!(
                inserted.is_ok(),
                "the chain was made to be valid: {inserted:?}"
            );
        }
        validating.push(begin.elapsed().as_secs_f64());
    }
    let ratios = hashing
        .iter()
        .zip(&validating)
        .map(|(hashing, validating)| validating / hashing);
    let ratio = median(ratios.collect());
    #[allow(clippy::cast_precision_loss, reason = "a few thousand")]
    let count = blocks.len() as f64;
    Validation {
        headers_per_second: count / median(validating),
        hashes_per_second: count / median(hashing),
        ratio_to_hashing: ratio,
    }
}

/// Empty blocks on genesis, a millisecond apart.
fn chain(consensus: &Consensus) -> Vec<Arc<Block>> {
    let data = merkle_root::<Entry>(&[]);
    let mut previous_hash: Hash = consensus.genesis().header.hash();
    let block = |index| {
        let header = Header {
            index,
            timestamp: Timestamp(consensus.genesis_time.0 + index),
            data,
            previous_hash,
            nonce: index,
        };
        previous_hash = header.hash();
        Arc::new(Block {
            header,
            entries: Vec::new(),
        })
    };
    (1..=BLOCKS).map(block).collect()
}

/// The middle value, which disturbances do not move.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn lines(results: &Results) -> Vec<String> {
    let head = |heads: [&str; 3]| heads.map(|head| paint(DIM, head)).to_vec();
    let mut mining = Table::default();
    mining.rows.push(head(["kernel", "tries/s", "to sha2"]));
    for kernel in &results.kernels {
        let name = if kernel.best {
            paint(BOLD, kernel.kernel)
        } else {
            kernel.kernel.to_owned()
        };
        mining.rows.push(vec![
            name,
            rate(kernel.tries_per_second),
            format!("{:.2}x", kernel.ratio_to_sha2),
        ]);
    }
    let validation = &results.validation;
    let mut validating = Table::default();
    validating.rows.push(head(["work", "per second", "time"]));
    for (work, per_second, ratio) in [
        ("hash a header", validation.hashes_per_second, 1.0),
        (
            "validate it",
            validation.headers_per_second,
            validation.ratio_to_hashing,
        ),
    ] {
        validating.rows.push(vec![
            work.to_owned(),
            rate(per_second),
            format!("{ratio:.2}x"),
        ]);
    }
    let mut lines = vec![paint(BOLD, "Mining, on one core")];
    lines.extend(mining.lines(1));
    lines.push(String::new());
    lines.push(paint(BOLD, "Validation, on one core"));
    lines.extend(validating.lines(1));
    lines
}
