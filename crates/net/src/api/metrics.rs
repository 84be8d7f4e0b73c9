//! What is counted, for Prometheus.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::api::{Api, render};

type Labels = [(&'static str, &'static str); 1];
type CallLabels = [(&'static str, &'static str); 2];

/// The counters and gauges of one node. Labels are names of the code, never of the network, so
/// there is a bounded number of them.
pub(super) struct Metrics {
    registry: Registry,
    calls: Family<Vec<(&'static str, &'static str)>, Counter>,
    events: Family<Vec<(&'static str, &'static str)>, Counter>,
    peers: Family<Vec<(&'static str, &'static str)>, Gauge>,
    disconnected: Counter,
    height: Gauge,
    blocks: Gauge,
    pool_entries: Gauge,
    pool_bytes: Gauge,
    streams: Gauge,
    difficulty: Gauge<f64, AtomicU64>,
    uptime: Gauge<f64, AtomicU64>,
}

impl Metrics {
    pub fn new() -> Self {
        let mut metrics = Metrics {
            registry: Registry::default(),
            calls: Family::default(),
            events: Family::default(),
            peers: Family::default(),
            disconnected: Counter::default(),
            height: Gauge::default(),
            blocks: Gauge::default(),
            pool_entries: Gauge::default(),
            pool_bytes: Gauge::default(),
            streams: Gauge::default(),
            difficulty: Gauge::default(),
            uptime: Gauge::default(),
        };
        let to = metrics.registry.sub_registry_with_prefix("forkful");
        to.register(
            "rpc_calls",
            "Calls, by method and outcome",
            metrics.calls.clone(),
        );
        to.register(
            "events",
            "What happened in the node, by kind",
            metrics.events.clone(),
        );
        to.register("peers", "Connections, by direction", metrics.peers.clone());
        let text = "Blocks that reorgs took off the active chain";
        to.register("blocks_disconnected", text, metrics.disconnected.clone());
        to.register("height", "The height of the tip", metrics.height.clone());
        let text = "Blocks and headers that are known, all branches";
        to.register("blocks_known", text, metrics.blocks.clone());
        to.register(
            "pool_entries",
            "Entries that wait to be mined",
            metrics.pool_entries.clone(),
        );
        to.register(
            "pool_bytes",
            "Bytes that wait to be mined",
            metrics.pool_bytes.clone(),
        );
        to.register(
            "event_streams",
            "Open streams of events",
            metrics.streams.clone(),
        );
        to.register(
            "difficulty",
            "Of the next block, as Bitcoin counts it",
            metrics.difficulty.clone(),
        );
        to.register(
            "uptime_seconds",
            "How long the node has been running",
            metrics.uptime.clone(),
        );
        metrics
    }

    /// A method was called.
    pub fn called(&self, method: &'static str, ok: bool) {
        let labels: CallLabels = [
            ("method", method),
            ("outcome", if ok { "ok" } else { "error" }),
        ];
        self.calls.get_or_create(&labels.to_vec()).inc();
    }

    /// Something happened.
    pub fn happened(&self, kind: &'static str) {
        let labels: Labels = [("kind", kind)];
        self.events.get_or_create(&labels.to_vec()).inc();
    }

    /// A reorg took so many blocks off the active chain.
    pub fn disconnected(&self, blocks: u32) {
        self.disconnected.inc_by(u64::from(blocks));
    }

    /// All of it as text, as it is now.
    pub fn encode(&self, api: &Api) -> String {
        self.look(api);
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    fn look(&self, api: &Api) {
        let set = |gauge: &Gauge, value: usize| {
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        {
            let participant = api.handle.shared.lock();
            let (tree, node) = (&participant.tree, &participant.node);
            let height = tree.height(node.tip());
            self.height.set(i64::try_from(height).unwrap_or(i64::MAX));
            set(&self.blocks, tree.len());
            set(&self.pool_entries, node.pool().len());
            set(&self.pool_bytes, node.pool().bytes());
            let target = tree.child_target(node.tip());
            self.difficulty.set(render::difficulty(target));
        }
        let peers = api.handle.peers.peers();
        let inbound = peers.iter().filter(|peer| peer.inbound).count();
        for (direction, count) in [("in", inbound), ("out", peers.len() - inbound)] {
            let labels: Labels = [("direction", direction)];
            set(&self.peers.get_or_create(&labels.to_vec()), count);
        }
        let streams = crate::api::limits::STREAMS_MAX - api.streams.available_permits();
        set(&self.streams, streams);
        let uptime = api.handle.about.started.elapsed();
        self.uptime.set(uptime.as_secs_f64());
    }
}
