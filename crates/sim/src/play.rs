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
    /// So many blocks would be found at once that the run would never end.
    #[error(
        "{key}: a block would be found every {interval:.1e} s, and the simulator's least is \
         {INTERVAL_MIN:.0e} s: give a lower hash rate or a higher difficulty"
    )]
    TooFast {
        /// What sets the hash rate.
        key: &'static str,
        /// The mean time between two blocks, in seconds, at the first difficulty.
        interval: f64,
    },
}

/// The least mean time between two blocks, in seconds: a hundredth of what a message takes on
/// the fastest networks.
const INTERVAL_MIN: f64 = 1e-6;

/// Plays a scenario in virtual time, until it is over.
///
/// # Errors
/// The scenario asks for what the simulator cannot do.
pub fn play(scenario: &Scenario, options: Options) -> Result<Outcome, PlayError> {
    scenario.check_world(World::Sim)?;
    check_speed(scenario)?;
    let mut sim = Sim::new(scenario, options);
    sim.start();
    let end = sim.until_over();
    Ok(sim.finish(end))
}

/// Refuses hash rates that have no meaning in virtual time.
fn check_speed(scenario: &Scenario) -> Result<(), PlayError> {
    let consensus = scenario.consensus(START);
    let tries = consensus.difficulty.initial().work().to_f64();
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
        let interval = tries / rate;
        if interval < INTERVAL_MIN {
            return Err(PlayError::TooFast { key, interval });
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
                "mining.hash_rate: a block would be found every ",
            ),
            (
                "events = [{ at = '1s', do = 'hash-rate', node = 0, hash_rate = 1e24 }]",
                "hash_rate of an event: a block would be found every ",
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
