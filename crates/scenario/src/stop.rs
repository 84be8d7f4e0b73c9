//! When a run ends: one rule for every world.

use std::time::Duration;

use forkful_core::Config;

/// When a run ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stop {
    /// When a node's tip has this height, an attacker's secret one included.
    pub height: Option<u64>,
    /// When so many blocks were mined in all.
    pub blocks: Option<u64>,
    /// When so much time has passed.
    pub time: Option<Duration>,
    /// When the run is given up.
    pub time_limit: Duration,
}

/// How far a run has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Time since the run began.
    pub elapsed: Duration,
    /// The greatest height that the tip of any node has had so far.
    pub height: u64,
    /// Blocks mined so far, stale ones included.
    pub mined: u64,
    /// Events of the scenario, and entries of a workload with a `count`, still to come.
    pub events_left: u64,
    /// Whether all honest connected nodes share one tip.
    pub agreed: bool,
    /// Submitted entries that are not on the chain of that tip.
    pub data_left: u64,
}

/// What to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Go on as before.
    GoOn,
    /// The goal is reached but not everything is settled: give no more data from a
    /// workload without `count`, and mine on. A tie between two branches ends only so.
    Settle,
    /// The run is complete.
    Done,
    /// The time limit has passed first: the run did not converge.
    TimeUp,
}

impl Stop {
    /// Whether the goal is reached: any one of the clauses.
    pub fn met(&self, progress: &Progress) -> bool {
        self.height.is_some_and(|height| progress.height >= height)
            || self.blocks.is_some_and(|blocks| progress.mined >= blocks)
            || self.time.is_some_and(|time| progress.elapsed >= time)
    }

    /// Whether a run that has come so far goes on.
    pub fn verdict(&self, progress: &Progress) -> Verdict {
        let settled = progress.events_left == 0 && progress.agreed && progress.data_left == 0;
        match self.met(progress) {
            true if settled => Verdict::Done,
            _ if progress.elapsed >= self.time_limit => Verdict::TimeUp,
            true => Verdict::Settle,
            false => Verdict::GoOn,
        }
    }
}

/// How long equally high tips may stand against each other, while nobody mines, before
/// it counts as a tie: more than a block takes to everybody.
const TIE: Duration = Duration::from_millis(500);

/// How many announcements of tips may be lost before a node that is behind is given up
/// for the moment, and mining goes on.
const ANNOUNCEMENTS: u32 = 8;

/// How long no tip may change, while nobody mines, before nothing more is expected.
///
/// Level tips are tied. Who is behind is helped by the next announcement of a tip.
pub fn patience(tips_are_level: bool, relay: &Config) -> Duration {
    if tips_are_level {
        return TIE;
    }
    TIE + relay.request_timeout + ANNOUNCEMENTS * relay.tip_interval.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_when_the_goal_is_reached_and_everything_is_settled() {
        let stop = Stop {
            height: Some(10),
            blocks: Some(20),
            time: None,
            time_limit: Duration::from_secs(60),
        };
        let mut progress = Progress {
            height: 9,
            mined: 12,
            agreed: true,
            ..Progress::default()
        };
        assert_eq!(stop.verdict(&progress), Verdict::GoOn);

        progress.height = 10;
        progress.agreed = false;
        assert_eq!(stop.verdict(&progress), Verdict::Settle, "a tie stands");
        progress.agreed = true;
        progress.data_left = 1;
        assert_eq!(
            stop.verdict(&progress),
            Verdict::Settle,
            "data is still to be mined"
        );
        progress.data_left = 0;
        progress.events_left = 1;
        assert_eq!(
            stop.verdict(&progress),
            Verdict::Settle,
            "a heal is still to come"
        );
        progress.elapsed = Duration::from_secs(60);
        assert_eq!(stop.verdict(&progress), Verdict::TimeUp);
        progress.events_left = 0;
        assert_eq!(stop.verdict(&progress), Verdict::Done, "just in time");
    }

    #[test]
    fn the_first_clause_to_be_met_counts() {
        let stop = Stop {
            height: Some(10),
            blocks: Some(20),
            time: Some(Duration::from_secs(5)),
            time_limit: Duration::from_secs(60),
        };
        let nothing = Progress::default();
        assert!(!stop.met(&nothing));
        assert!(stop.met(&Progress {
            height: 10,
            ..nothing
        }));
        assert!(stop.met(&Progress {
            mined: 20,
            ..nothing
        }));
        assert!(stop.met(&Progress {
            elapsed: Duration::from_secs(5),
            ..nothing
        }));
    }
}
