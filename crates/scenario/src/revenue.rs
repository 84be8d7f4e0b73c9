//! What the nodes of each strategy earn together.

use crate::report::{AttemptReport, NodeReport, RevenueReport};
use crate::strategy::StrategyKind;

/// A row for each strategy, in the order of the first node that plays it, but the honest
/// first. `strategies` is of every node; without it all are honest.
pub(crate) fn revenue(
    strategies: Option<&[StrategyKind]>,
    nodes: &[NodeReport],
    blocks_on_chain: u64,
) -> Vec<RevenueReport> {
    let honest = StrategyKind::Honest.name();
    let mut rows = vec![row(honest)];
    for (place, node) in nodes.iter().enumerate() {
        let strategy = strategies.and_then(|of| of.get(place));
        let strategy = strategy.map_or(honest, |strategy| strategy.name());
        let place = rows.iter().position(|row| row.strategy == strategy);
        let place = place.unwrap_or_else(|| {
            rows.push(row(strategy));
            rows.len() - 1
        });
        let row = &mut rows[place];
        row.nodes += 1;
        row.hash_share += node.hash_share;
        row.blocks_mined += node.blocks_mined;
        row.blocks_on_chain += node.blocks_on_chain;
    }
    rows.retain(|row| row.nodes > 0);
    for row in &mut rows {
        row.revenue_share = ratio(row.blocks_on_chain, blocks_on_chain);
        let stale = row.blocks_mined.saturating_sub(row.blocks_on_chain);
        row.stale_rate = ratio(stale, row.blocks_mined);
    }
    rows
}

impl AttemptReport {
    /// None yet.
    pub(crate) const NONE: AttemptReport = AttemptReport {
        ended: 0,
        won: 0,
        success_rate: None,
    };

    /// One more ended.
    pub(crate) fn add(&mut self, won: bool) {
        self.ended += 1;
        self.won += u64::from(won);
        self.success_rate = ratio(self.won, self.ended);
    }
}

fn row(strategy: &str) -> RevenueReport {
    RevenueReport {
        strategy: strategy.to_owned(),
        nodes: 0,
        hash_share: 0.0,
        blocks_mined: 0,
        blocks_on_chain: 0,
        revenue_share: None,
        stale_rate: None,
    }
}

/// A part of a whole; `None` if there is nothing.
#[allow(clippy::cast_precision_loss, reason = "a rate, for people to read")]
pub(crate) fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
