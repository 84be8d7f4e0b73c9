//! `forkful chain verify`: every rule again, for a data directory or a chain file.

use std::path::Path;
use std::process::ExitCode;

use forkful_core::rules;
use forkful_net::node::NodeError;
use forkful_net::participant::{RestoreError, clock_for_stored};
use forkful_net::store::DiskStore;

use crate::commands::chain::ChainVerifyArgs;
use crate::commands::chain::network::{self, Network};
use crate::commands::verify::{self, Chain};
use crate::failure::Failure;
use crate::show::Screen;
use crate::show::style::{GOOD, count, number, paint, plain_line};

pub fn run(args: &ChainVerifyArgs) -> Result<ExitCode, Failure> {
    let path = Path::new(&args.what);
    if !path.is_dir() {
        if args.network.network.is_some() {
            let text = "--network is for data directories: a chain file says its network itself";
            return Err(Failure::Usage(text.to_owned()));
        }
        return verify::file(&args.what);
    }
    let asked = Network::if_named(args.network.network.as_deref())?;
    let (store, network) = network::open(path, asked)?;
    directory(path, &store, &network.consensus)
}

/// Checks every block of a store anew, and says how it went.
pub fn directory(
    path: &Path,
    store: &DiskStore,
    consensus: &forkful_core::Consensus,
) -> Result<ExitCode, Failure> {
    let checked = || -> Result<(u64, u64), NodeError> {
        let height = store.check()?;
        let (tree, blocks) = headers(store, consensus)?;
        debug_assert_eq!(tree.len() as u64, blocks + 1);
        Ok((blocks, height))
    };
    let (blocks, height) = checked().map_err(|error| Failure::Node(Box::new(error)))?;
    let line = format!(
        "{} {}: {}, every rule holds; the chain has height {}",
        paint(GOOD, "✓"),
        plain_line(&path.display().to_string()),
        count(blocks, "block", "blocks"),
        number(height),
    );
    Screen::stdout().line(&line).map_err(Failure::stdout)?;
    Ok(ExitCode::SUCCESS)
}

type Headers = forkful_core::BlockTree<forkful_core::Sha256Pow>;

/// Holds every stored block against every rule. Answers the tree of their headers, and how many
/// blocks there are; the bodies are not kept.
pub fn headers(
    store: &DiskStore,
    consensus: &forkful_core::Consensus,
) -> Result<(Headers, u64), NodeError> {
    let mut tree = Chain::new(consensus.clone()).tree;
    let clock = clock_for_stored(verify::clock());
    let mut blocks = 0;
    store.each_block(|place, block| {
        blocks += 1;
        let inserted = tree.insert_header(block.header, clock);
        let checked = inserted.and_then(|_| rules::check_body(tree.consensus(), &block));
        checked.map_err(|rule| {
            let place = usize::try_from(place).unwrap_or(usize::MAX);
            NodeError::from(RestoreError::of_rule(place, rule))
        })
    })?;
    Ok((tree, blocks))
}
