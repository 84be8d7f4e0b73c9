//! Whether a scenario can be simulated at all, and the call that does it.

use forkful_scenario::{Action, HashRate, Outcome, Scenario, ScenarioError, World};

use crate::run::{Options, START, Sim};

/// Why a scenario cannot be simulated.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// It asks for what the simulator cannot do.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// It mines as fast as the machine can, and in virtual time there is no machine.
    #[error("hash_rate: \"unlimited\" has no meaning in virtual time: give tries per second")]
    Unlimited,
    /// The run would find more blocks than memory holds.
    #[error(
        "{key}: until stop.time_limit about {blocks:.1e} blocks would be found, and a run has at most \
         {BLOCKS_MAX:.0e}: give a lower hash rate, a higher difficulty or an earlier end"
    )]
    TooManyBlocks {
        /// What sets the hash rate.
        key: &'static str,
        /// How many are expected.
        blocks: f64,
    },
}

/// The most blocks that a run may be expected to find until its time limit, where they come so fast
/// that nodes may never agree and so never stop before: some gigabytes of tree.
const BLOCKS_MAX: f64 = 2e7;

/// How fast that is, in seconds: faster than any message. Slower networks agree and stop where they
/// are told to, however far away their time limit is.
const INTERVAL_MIN: f64 = 1e-3;

/// Whether a scenario can be played: cheap, and takes no memory.
///
/// # Errors
/// It asks for what the simulator cannot do.
pub fn check(scenario: &Scenario) -> Result<(), PlayError> {
    scenario.check_world(World::Sim)?;
    check_rates(scenario)
}

/// Plays a scenario in virtual time, until it is over.
///
/// # Errors
/// The scenario asks for what the simulator cannot do.
pub fn play(scenario: &Scenario, options: Options) -> Result<Outcome, PlayError> {
    check(scenario)?;
    let mut sim = Sim::new(scenario, options);
    sim.start();
    let end = sim.until_over();
    Ok(sim.finish(end))
}

/// Refuses hash rates that have no meaning in virtual time, and those at which a fixed target
/// lets blocks be found without end. A target that adapts catches up by itself.
fn check_rates(scenario: &Scenario) -> Result<(), PlayError> {
    let difficulty = scenario.consensus(START).difficulty;
    let is_fixed = difficulty.interval_ms().is_none();
    let tries = difficulty.initial().work().to_f64();
    let seconds = scenario.stop.time_limit.as_secs_f64();
    let events = scenario
        .events
        .iter()
        .filter_map(|event| match event.action {
            Action::SetHashRate { hash_rate, .. } => Some(("hash_rate of an event", hash_rate)),
            _ => None,
        });
    let own = [("mining.hash_rate", scenario.mining.hash_rate)];
    for (key, rate) in own.into_iter().chain(events) {
        let HashRate::PerSecond(rate) = rate else {
            return Err(PlayError::Unlimited);
        };
        let blocks = rate / tries * seconds;
        if is_fixed && tries / rate < INTERVAL_MIN && blocks > BLOCKS_MAX {
            return Err(PlayError::TooManyBlocks { key, blocks });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_that_finds_blocks_without_end_is_refused() {
        for (toml, told) in [
            (
                "mining.hash_rate = 1e24",
                "mining.hash_rate: until stop.time_limit about ",
            ),
            (
                "events = [{ at = '1s', do = 'hash-rate', node = 0, hash_rate = 1e24 }]",
                "hash_rate of an event: until stop.time_limit about ",
            ),
            (
                "mining.hash_rate = 'unlimited'",
                "hash_rate: \"unlimited\" has no meaning",
            ),
        ] {
            let scenario = Scenario::from_toml(toml).unwrap();
            let error = play(&scenario, Options::default()).unwrap_err();
            assert!(error.to_string().starts_with(told), "{error}");
        }
    }
}
