//! `forkful chain info`: what a data directory holds.

use std::process::ExitCode;

use forkful_core::BlockId;
use forkful_net::node::NodeError;
use forkful_net::store::{StoreError, Summary};
use forkful_net::tcp::bans_blob;
use forkful_net::tcp::book::Book;
use serde_json::json;

use crate::commands::chain::network::{self, Network};
use crate::commands::chain::{InfoArgs, verify};
use crate::commands::json::print_json;
use crate::commands::verify::clock;
use crate::failure::Failure;
use crate::show::Screen;
use crate::show::style::{DIM, bytes, count, number, paint, plain_line};

/// What there is to say.
struct Info {
    network: Network,
    summary: Summary,
    tip: forkful_core::Hash,
    total_work: forkful_core::Work,
    branches: u64,
}

pub fn run(args: &InfoArgs) -> Result<ExitCode, Failure> {
    let asked = Network::if_named(args.network.network.as_deref())?;
    let (store, network) = network::open(&args.data_dir, asked)?;
    let failed = |error: NodeError| Failure::Node(Box::new(error));
    let (tree, _) = verify::headers(&store, &network.consensus).map_err(failed)?;
    let mut tip = network.genesis();
    let on_chain = store.each_on_chain(|_, block| {
        tip = block.header.hash();
        Ok::<_, StoreError>(())
    });
    on_chain.map_err(|error| failed(error.into()))?;
    let summary = store.summary().map_err(|error| failed(error.into()))?;
    let mut is_parent = vec![false; tree.len()];
    for id in tree.ids().filter(|id| *id != BlockId::GENESIS) {
        is_parent[tree.parent(id).index()] = true;
    }
    let info = Info {
        total_work: tree.total_work(tree.find(&tip).unwrap_or(BlockId::GENESIS)),
        branches: is_parent.iter().filter(|is_parent| !**is_parent).count() as u64,
        network,
        summary,
        tip,
    };
    let directory = args.data_dir.display().to_string();
    match args.json {
        true => print_json(&info.json(&directory)),
        false => Screen::stdout().lines(&info.lines(&directory)),
    }
    .map_err(Failure::stdout)?;
    Ok(ExitCode::SUCCESS)
}

impl Info {
    fn json(&self, directory: &str) -> serde_json::Value {
        let summary = &self.summary;
        let (addresses, bans) = (addresses(summary), bans(summary));
        json!({
            "data_dir": directory,
            "network": self.network.name,
            "genesis": self.network.genesis().to_string(),
            "height": summary.height,
            "tip": self.tip.to_string(),
            "total_work": self.total_work.to_string(),
            "blocks": summary.blocks + 1,
            "branches": self.branches,
            "waiting": { "entries": summary.waiting, "bytes": summary.waiting_bytes },
            "withheld": summary.withheld,
            "addresses": addresses.ok(),
            "bans": bans.ok(),
            "size_bytes": summary.file_bytes,
            "format": summary.format,
            "created_by": summary.created_by,
            "rules": self.network.consensus.canonical_text(),
        })
    }

    fn lines(&self, directory: &str) -> Vec<String> {
        let summary = &self.summary;
        let mut lines = vec![plain_line(directory)];
        let mut add = |label: &str, text: String| {
            let label = paint(DIM, format_args!("{label:<11}"));
            lines.push(format!("  {label} {}", plain_line(&text)));
        };
        add("network", self.network.name.clone());
        add("genesis", self.network.genesis().to_string());
        add("height", number(summary.height));
        add("tip", self.tip.to_string());
        let work = self.total_work;
        add(
            "total work",
            format!("{} hashes expected, {:e}", work.0, work.to_f64()),
        );
        let blocks = count(summary.blocks + 1, "block", "blocks");
        let branches = count(self.branches, "branch", "branches");
        add("blocks", format!("{blocks} on {branches}"));
        let waiting = count(summary.waiting, "entry", "entries");
        add(
            "waiting",
            format!("{waiting}, {}", bytes(summary.waiting_bytes)),
        );
        if summary.withheld > 0 {
            add("withheld", count(summary.withheld, "block", "blocks"));
        }
        // What cannot be read costs a node nothing but finding its peers anew.
        let counted = |count: Result<usize, String>| match count {
            Ok(count) => number(count as u64),
            Err(why) => format!("not readable: {why}"),
        };
        add("addresses", counted(addresses(summary)));
        add("bans", counted(bans(summary)));
        add("on disk", bytes(summary.file_bytes));
        let (format, version) = (summary.format, &summary.created_by);
        add("format", format!("{format}, made by {version}"));
        for (place, rule) in (self.network.consensus.canonical_text().lines())
            .skip(1)
            .enumerate()
        {
            add(if place == 0 { "rules" } else { "" }, rule.to_owned());
        }
        lines
    }
}

/// How many addresses of other nodes are kept.
fn addresses(summary: &Summary) -> Result<usize, String> {
    let Some(bytes) = &summary.addresses else {
        return Ok(0);
    };
    let book = Book::decode(bytes).map_err(|error| error.to_string());
    book.map(|(book, _)| book.entries().count())
}

/// How many bans are kept that are not over.
fn bans(summary: &Summary) -> Result<usize, String> {
    let Some(bytes) = &summary.bans else {
        return Ok(0);
    };
    let now = clock().0 / 1_000;
    let bans = bans_blob::decode(bytes, now).map_err(|error| error.to_string());
    bans.map(|bans| bans.len())
}
