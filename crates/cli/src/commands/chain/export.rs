//! `forkful chain export`: the active chain of a data directory, as lines.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use forkful_core::rules;
use forkful_net::node::NodeError;
use forkful_net::participant::{RestoreError, clock_for_stored};
use forkful_net::store::{DiskStore, StoreError};

use crate::chain_file;
use crate::commands::chain::ExportArgs;
use crate::commands::chain::network::{self, Network};
use crate::commands::verify::{self, Chain};
use crate::failure::Failure;
use crate::show::Screen;
use crate::show::style::{GOOD, count, paint, plain_line};

/// Bytes that are written at once.
const BUFFER: usize = 1 << 18;

pub fn run(args: &ExportArgs) -> Result<ExitCode, Failure> {
    let asked = Network::if_named(args.network.network.as_deref())?;
    if args.file != "-" {
        refuse_existing(&args.file)?;
    }
    let (store, network) = network::open(&args.data_dir, asked)?;
    if args.file == "-" {
        let out = BufWriter::with_capacity(BUFFER, io::stdout().lock());
        write(&store, &network, out, "to standard output")?;
        return Ok(ExitCode::SUCCESS);
    }
    let blocks = to_file(&store, &network, &args.file)?;
    let line = format!(
        "{} {}: {} of {}",
        paint(GOOD, "✓"),
        plain_line(&args.file),
        count(blocks, "block", "blocks"),
        plain_line(&args.data_dir.display().to_string()),
    );
    Screen::stdout().line(&line).map_err(Failure::stdout)?;
    Ok(ExitCode::SUCCESS)
}

fn refuse_existing(name: &str) -> Result<(), Failure> {
    match std::fs::symlink_metadata(name) {
        Ok(_) => {
            let there = "there is a file of this name, and it is not overwritten";
            let error = io::Error::new(io::ErrorKind::AlreadyExists, there);
            Err(Failure::output(name)(error))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::output(name)(error)),
    }
}

/// Under a name of its own until it is whole and durable, so that nobody reads half a chain.
fn to_file(store: &DiskStore, network: &Network, name: &str) -> Result<u64, Failure> {
    let failed = || Failure::output(name);
    let path = Path::new(name);
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let mut builder = tempfile::Builder::new();
    builder.prefix(".forkful-export");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // As for any new file: what the user's mask leaves of it.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let file = builder
        .tempfile_in(directory.unwrap_or(Path::new(".")))
        .map_err(failed())?;
    let blocks = {
        let out: BufWriter<&File> = BufWriter::with_capacity(BUFFER, file.as_file());
        write(store, network, out, name)?
    };
    file.as_file().sync_all().map_err(failed())?;
    file.persist_noclobber(path)
        .map_err(|error| failed()(error.error))?;
    Ok(blocks)
}

/// Why the chain is not written.
enum Stop {
    Node(NodeError),
    Io(io::Error),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Stop::Node(error.into())
    }
}

/// Writes genesis and every block of the active chain, each checked again, and says how many.
fn write(
    store: &DiskStore,
    network: &Network,
    mut out: impl Write,
    name: &str,
) -> Result<u64, Failure> {
    let mut tree = Chain::new(network.consensus.clone()).tree;
    let clock = clock_for_stored(verify::clock());
    let mut blocks = 1;
    let mut write = || -> Result<(), Stop> {
        chain_file::write_line(&mut out, &network.consensus.genesis()).map_err(Stop::Io)?;
        store.each_on_chain(|height, block| {
            let place = usize::try_from(height).unwrap_or(usize::MAX);
            let inserted = tree.insert_header(block.header, clock);
            let checked = inserted.and_then(|_| rules::check_body(tree.consensus(), &block));
            checked.map_err(|rule| Stop::Node(RestoreError::of_rule(place, rule).into()))?;
            blocks += 1;
            chain_file::write_line(&mut out, &block).map_err(Stop::Io)
        })?;
        out.flush().map_err(Stop::Io)
    };
    match write() {
        Ok(()) => Ok(blocks),
        Err(Stop::Node(error)) => Err(Failure::Node(Box::new(error))),
        Err(Stop::Io(error)) => Err(Failure::output(name)(error)),
    }
}
