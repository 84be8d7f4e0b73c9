//! What a network is and what happens to it, as data; and what came of it, as data.
//!
//! A [`Scenario`] is one TOML file that every world plays: so many nodes, linked so,
//! under these rules, mining so fast; then a split, a crash, a heal; until the chain
//! is so high; and this is what must hold in the end. docs/scenarios.md is its
//! reference.
//!
//! While a world plays it, a [`Recorder`] folds the one stream of
//! [`Event`](forkful_core::Event)s into a [`Report`], whose form is the same in every
//! world, and into a [`ForkTree`] that can be drawn.
//!
//! Nothing here reads a file, a clock or a socket. Text goes in, data comes out:
//!
//! ```
//! use forkful_scenario::Scenario;
//!
//! let scenario = Scenario::from_toml("network = { nodes = 3, topology = 'ring' }").unwrap();
//! assert_eq!(scenario.network.nodes, 3);
//!
//! let error = Scenario::from_toml("[network]\nnodes = 0").unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     "line 2, column 9: network.nodes: 0 is out of range: from 1 to 1000000"
//! );
//! ```

#![forbid(unsafe_code)]

mod action;
mod block_bytes;
mod check;
mod churn;
mod curve;
mod distribution;
mod document;
mod error;
mod expect;
mod files;
mod final_state;
mod fork_tree;
mod locate;
mod network;
mod node_set;
mod nodes;
mod outcome;
mod overrides;
mod preset;
mod quantity;
mod races;
mod reach;
mod recorder;
mod regions;
mod report;
mod revenue;
mod scenario;
mod schema;
mod set;
mod spread;
mod stop;
mod strategy;
mod stream;
mod timetable;
mod topology;
mod traffic;
mod world;

pub use action::{Action, Submission, TimedAction, When, Workload};
pub use block_bytes::BlockBytes;
pub use churn::Churn;
pub use distribution::Distribution;
pub use error::{Problem, ScenarioError};
pub use expect::{Bounds, Expect};
pub use files::{FileError, ReadFile};
pub use final_state::{FinalState, NodeFinal};
pub use fork_tree::{BlockRecord, Branch, ForkTree};
pub use network::{Jitter, JitterKind, Link, Network, Processing, SpecialLink};
pub use node_set::NodeSet;
pub use outcome::{Outcome, Sink};
pub use overrides::Overrides;
pub use preset::{PRESETS, Preset, preset};
pub use quantity::HashRate;
pub use reach::{PARTS, Reach};
pub use recorder::{Recorder, event_line};
pub use regions::{NETWORKS, NetworkFile, RegionTable, network_file};
pub use report::{
    AttemptReport, Blocks, Data, Expectation, MessageCount, NodeReport, NodeState, RaceReport,
    ReachReport, Reorgs, Report, RevenueReport, Spread,
};
pub use scenario::{GenesisTime, Kernel, Mining, NodeSpec, Rules, Scenario};
pub use schema::{report_schema, scenario_schema};
pub use stop::{Progress, Stop, Verdict, patience};
pub use strategy::StrategyKind;
pub use stream::Stream;
pub use timetable::Timetable;
pub use topology::{EdgeList, TooManyLinks, Topology};
pub use traffic::{Direction, Downlink, LinkModel, NodeLines, Parcel, Uplink};
pub use world::{UnknownWorld, World};
