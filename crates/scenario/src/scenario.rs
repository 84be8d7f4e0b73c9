//! A checked scenario: every number in its range, every node there is.

use std::sync::Arc;

use forkful_core::{Config, Consensus, DifficultyRule, ForkChoice, NodeId, Relay, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::action::{TimedAction, Workload};
use crate::check;
use crate::churn::Churn;
use crate::distribution::Distribution;
use crate::document::Document;
use crate::error::ScenarioError;
use crate::expect::Expect;
use crate::files::{Files, ReadFile, no_files};
use crate::locate::{locate, parse_document};
use crate::network::{Link, Network};
use crate::node_set::NodeSet;
use crate::overrides::Overrides;
use crate::quantity::HashRate;
use crate::stop::Stop;
use crate::strategy::StrategyKind;
use crate::stream::Stream;
use crate::topology::{Degrees, most_often};
use crate::world::World;

/// What a network is, what happens to it, when the run ends and what must hold then.
///
/// Made by [`from_toml`](Self::from_toml) only, so its numbers are in range, its nodes
/// exist and its parts fit together. docs/scenarios.md says what each means.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scenario {
    /// What it is called.
    pub name: String,
    /// What it shows, in one sentence.
    pub about: Option<String>,
    /// Where all chance comes from.
    pub seed: u64,
    /// Which world plays it, if nobody says otherwise.
    pub world: World,
    /// The nodes and what connects them.
    pub network: Network,
    /// The rules of the chain; [`consensus`](Self::consensus) makes them whole.
    pub rules: Rules,
    /// How blocks spread, unless a [`NodeSpec`] says otherwise.
    pub relay: Config,
    /// How fast the network searches.
    pub mining: Mining,
    /// What happens: by time, then by height; in the file's order where these are equal.
    pub events: Vec<TimedAction>,
    /// Data given to random nodes at a steady pace.
    pub workload: Option<Workload>,
    /// Nodes that leave and come back, by chance.
    pub churn: Option<Churn>,
    /// When the run ends.
    pub stop: Stop,
    /// What must hold at the end.
    pub expect: Expect,
    pub(crate) overrides: Vec<NodeOverride>,
    pub(crate) source: Source,
}

/// The rules of the chain, but for the moment of genesis where that is the run's start.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Which target a block has to meet.
    pub difficulty: DifficultyRule,
    /// Which of two valid chains is followed.
    pub fork_choice: ForkChoice,
    /// Entries that a block may carry.
    pub entries_max: u32,
    /// Bytes that the entries of a block may have in all.
    pub body_bytes_max: u32,
    /// When genesis was.
    pub genesis_time: GenesisTime,
}

/// When genesis was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GenesisTime {
    /// When the run begins.
    Start,
    /// At this moment.
    At(Timestamp),
}

/// How fast the network searches.
#[derive(Clone, Debug)]
pub struct Mining {
    /// Of all nodes together; each node's own is in its [`NodeSpec`].
    pub hash_rate: HashRate,
    /// What the nodes' shares of it are drawn from; `None` is 1 for everybody.
    pub hash_shares: Option<Distribution>,
    /// Which code searches.
    pub kernel: Kernel,
}

/// Which code searches for nonces.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kernel {
    /// The fastest that the machine has.
    #[default]
    Auto,
    /// AVX-512, 16 lanes.
    Avx512,
    /// SHA-NI, 2 streams.
    ShaNi,
    /// AVX2, 8 lanes.
    Avx2,
    /// Any machine.
    Portable,
}

/// One node, with everything that the scenario says of it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct NodeSpec {
    /// Its number.
    pub id: NodeId,
    /// Its part of the network's hash rate in relation to the other nodes'; 0 does not mine.
    pub hash_share: f64,
    /// Its own hash rate, when the run begins.
    pub hash_rate: HashRate,
    /// How it behaves.
    pub strategy: StrategyKind,
    /// How it passes blocks on and asks for them.
    pub config: Config,
    /// How far its clock is ahead of the true time, in milliseconds; negative if behind.
    pub clock_skew_ms: i64,
    /// The number of its region in [`Network::regions`].
    pub region: Option<u8>,
    /// Bits per second that it sends; `None` is unlimited.
    pub upload_bits: Option<u64>,
    /// Bits per second that it receives; `None` is unlimited.
    pub download_bits: Option<u64>,
}

/// What one `[[nodes]]` table changes.
#[derive(Clone, Debug)]
pub(crate) struct NodeOverride {
    pub nodes: NodeSet,
    pub hash_share: Option<f64>,
    pub strategy: Option<StrategyKind>,
    pub relay: Option<Relay>,
    pub compact_failure: Option<u32>,
    pub clock_skew_ms: Option<i64>,
    pub region: Option<u8>,
    pub upload_bits: Option<u64>,
    pub download_bits: Option<u64>,
    pub degree: Option<Distribution>,
}

/// The text and its parsed form, and the files that it names, kept so that [`Scenario::with`]
/// can check again.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// As it was read: the lines of faults are in this one.
    pub text: Arc<str>,
    /// With everything that was changed since; the document is read from it.
    pub changed_text: Arc<str>,
    /// The seed, if it was changed: that is not in the text, for it may be too great for a number of TOML.
    pub seed: Option<u64>,
    pub document: Arc<Document>,
    pub files: Files,
    /// Keys that the command line has set, and that are therefore not on a line of the text.
    pub set: Vec<String>,
    /// Keys that were changed by [`Overrides`] without being named.
    pub changed: Vec<&'static str>,
}

impl NodeSpec {
    /// The seed of the node's own stream of chance in a run with `seed`.
    pub fn seed(&self, seed: u64) -> u64 {
        Stream::Node(self.id).seed(seed)
    }
}

impl Scenario {
    /// The largest file that is read: 1 MiB.
    pub const TEXT_BYTES_MAX: usize = 1 << 20;

    /// Reads and checks a scenario that names no further files.
    ///
    /// # Errors
    /// The first thing that is wrong, with its key, line and column.
    pub fn from_toml(text: &str) -> Result<Scenario, ScenarioError> {
        Scenario::from_toml_with(text, &no_files)
    }

    /// Reads and checks a scenario. The files that it names are read by `read`: this crate opens
    /// none.
    ///
    /// # Errors
    /// The first thing that is wrong, with its key, line and column, and its file if it is in
    /// another one.
    pub fn from_toml_with(text: &str, read: &ReadFile<'_>) -> Result<Scenario, ScenarioError> {
        let document = parse_document(text, Self::TEXT_BYTES_MAX)?;
        let mut files = Files::default();
        let located = |fault| locate(text, fault);
        files.read(&document, read).map_err(located)?;
        let source = Source {
            document: Arc::new(document),
            text: text.into(),
            changed_text: text.into(),
            seed: None,
            files,
            set: Vec::new(),
            changed: Vec::new(),
        };
        check::scenario(source).map_err(located)
    }

    /// The same scenario with some of it changed, checked again as a whole. What was changed
    /// before stays so, unless it is changed again.
    ///
    /// # Errors
    /// As [`from_toml`](Self::from_toml); for instance an event that names a node which
    /// is not there any more. What an override itself got wrong has no line.
    pub fn with(&self, overrides: &Overrides) -> Result<Scenario, ScenarioError> {
        self.with_files(overrides, &no_files)
    }

    /// The same, where what is changed may name further files.
    ///
    /// # Errors
    /// As [`with`](Self::with).
    pub fn with_files(
        &self,
        overrides: &Overrides,
        read: &ReadFile<'_>,
    ) -> Result<Scenario, ScenarioError> {
        if *overrides == Overrides::default() {
            return Ok(self.clone());
        }
        let mut source = self.source.clone();
        overrides.change(&mut source, &self.stop)?;
        let Source {
            files, document, ..
        } = &mut source;
        if let Err(fault) = files.read(document, read) {
            return Err(source.locate(fault));
        }
        // Lists of links are long, and most changes leave them as they are.
        source
            .files
            .keep_links(&self.source.document, &self.network);
        let places = source.clone();
        check::scenario(source).map_err(|fault| places.locate(fault))
    }

    /// The scenario as a file that gives it again, with everything that was changed by
    /// [`with`](Self::with). Files that it names are still named, and not in it.
    pub fn to_toml(&self) -> String {
        let text = &self.source.changed_text;
        let Some(seed) = self.source.seed else {
            return text.to_string();
        };
        let Ok(number) = i64::try_from(seed) else {
            return format!(
                "# Play it with --seed {seed}, which is too great a number for TOML.\n{text}"
            );
        };
        // The text was read before.
        let mut table: toml::Table = text.parse().unwrap_or_default();
        table.insert("seed".to_owned(), number.into());
        table.to_string()
    }

    /// Checks what only some worlds can do: the number of nodes and of links.
    ///
    /// # Errors
    /// The key that asks for too much.
    pub fn check_world(&self, world: World) -> Result<(), ScenarioError> {
        check::world(self, world).map_err(|fault| self.source.locate(fault))
    }

    /// The consensus parameters of a run that begins at `start`.
    pub fn consensus(&self, start: Timestamp) -> Consensus {
        Consensus {
            genesis_time: match self.rules.genesis_time {
                GenesisTime::Start => start,
                GenesisTime::At(moment) => moment,
            },
            difficulty: self.rules.difficulty,
            fork_choice: self.rules.fork_choice,
            entries_max: self.rules.entries_max,
            body_bytes_max: self.rules.body_bytes_max,
        }
    }

    /// Every link, as pairs of nodes with the lower first, in order. Where chance decides, the
    /// links that `[[links]]` names are there in any case. Takes memory for all of them: check
    /// the world first.
    pub fn links(&self) -> Vec<(NodeId, NodeId)> {
        let network = &self.network;
        let own = self.overrides.iter().filter_map(|change| {
            let degree = change.degree.clone()?;
            Some((change.nodes.clone(), degree))
        });
        let degrees = Degrees::new(own.collect(), network.nodes);
        let named: Vec<_> = network.links.keys().copied().collect();
        network
            .topology
            .links_with(network.nodes, self.seed, &degrees, &named)
    }

    /// The most links that one node has for certain: those of its topology, and those that the
    /// scenario names, as if none of them were the same.
    pub(crate) fn widest(&self) -> u64 {
        let network = &self.network;
        let by_topology = network.topology.widest(network.nodes);
        if !network.topology.is_by_chance() {
            return by_topology;
        }
        let named = network.links.keys().flat_map(|(a, b)| [*a, *b]);
        by_topology + most_often(named.collect())
    }

    /// How many links there are: exact where chance has no part, else about so many. Takes no
    /// memory for them.
    pub fn link_count(&self) -> u64 {
        let network = &self.network;
        let count = network.topology.link_count(network.nodes);
        if !network.topology.is_by_chance() {
            return count;
        }
        let own = self.overrides.iter().map(|change| {
            let each = change.degree.as_ref().map_or(0.0, Distribution::mean);
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let each = each as u64;
            change.nodes.len().saturating_mul(each)
        });
        count
            .saturating_add(own.sum())
            .saturating_add(network.links.len() as u64)
    }

    /// What the link between two nodes is like, whichever is named first, but for the
    /// latency that their regions or the topology give it.
    pub fn link(&self, a: NodeId, b: NodeId) -> Link {
        let ends = (a.min(b), a.max(b));
        let special = self.network.links.get(&ends);
        special.map_or(self.network.link, |special| special.link)
    }
}
