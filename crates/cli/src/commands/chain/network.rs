//! Which network a data directory or a chain file is of.

use std::path::Path;

use forkful_core::{Consensus, Hash};
use forkful_net::store::{DiskStore, StoreError};
use forkful_scenario::{GenesisTime, PRESETS, Scenario};

use crate::commands::node;
use crate::failure::Failure;
use crate::source::{self, Source};

/// A network and what it is called.
pub struct Network {
    pub name: String,
    pub consensus: Consensus,
}

impl Network {
    /// The network that a command line names.
    pub fn named(name: &str) -> Result<Network, Failure> {
        let Source { name, scenario } = source::load(name)?;
        let consensus = node::consensus(&name, &scenario)?;
        let name = scenario.name;
        Ok(Network { name, consensus })
    }

    /// The same, if it names one.
    pub fn if_named(name: Option<&str>) -> Result<Option<Network>, Failure> {
        name.map(Network::named).transpose()
    }

    /// Its genesis.
    pub fn genesis(&self) -> Hash {
        self.consensus.genesis().header.hash()
    }
}

/// The store in a data directory, and its network. `asked` is the one that it has to be of.
pub fn open(data_dir: &Path, asked: Option<Network>) -> Result<(DiskStore, Network), Failure> {
    let rules = asked.as_ref().map(|network| &network.consensus);
    let (store, consensus) = DiskStore::open_existing(data_dir, rules)
        .map_err(|error| failure(error, asked.as_ref()))?;
    let network = asked.unwrap_or_else(|| {
        let genesis = consensus.genesis().header.hash();
        let name = name_of(&genesis).unwrap_or("one of its own").to_owned();
        Network { name, consensus }
    });
    Ok((store, network))
}

/// What was named wrong is wrong usage. Says both networks by name, where they have one.
fn failure(error: StoreError, asked: Option<&Network>) -> Failure {
    match (&error, asked) {
        (StoreError::Missing(_), _) => Failure::Usage(error.to_string()),
        (StoreError::Foreign { path, theirs, ours }, Some(asked)) => Failure::Usage(format!(
            "{} is of {}, and not of {} (genesis {ours})",
            path.display(),
            described(theirs),
            asked.name
        )),
        _ => Failure::Node(Box::new(error.into())),
    }
}

/// A network as messages name it.
pub fn described(genesis: &Hash) -> String {
    match name_of(genesis) {
        Some(name) => format!("the network {name} (genesis {genesis})"),
        None => format!("another network (genesis {genesis})"),
    }
}

/// The preset whose network has this genesis, if there is one.
pub fn name_of(genesis: &Hash) -> Option<&'static str> {
    let is_it = |toml: &str| {
        let scenario = Scenario::from_toml(toml).ok()?;
        let GenesisTime::At(moment) = scenario.rules.genesis_time else {
            return None;
        };
        let found = scenario.consensus(moment).genesis().header.hash();
        (found == *genesis).then_some(())
    };
    let found = PRESETS.iter().find(|preset| is_it(preset.toml).is_some());
    found.map(|preset| preset.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_playground_is_known_by_its_genesis() {
        let playground = Network::named("playground").unwrap();
        assert_eq!(name_of(&playground.genesis()), Some("playground"));
        assert_eq!(name_of(&Hash::ZERO), None);
    }
}
