//! The three worlds that can play a scenario.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What carries the messages and what the clock is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum World {
    /// Channels within one process, the real clock, real proof of work.
    #[default]
    Mesh,
    /// Encrypted TCP on loopback, the real clock, real proof of work.
    Tcp,
    /// A deterministic queue of events, virtual time, a lottery for proof of work.
    Sim,
}

/// A word that names no world.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no world {0:?}: mesh, tcp or sim")]
pub struct UnknownWorld(String);

impl World {
    /// Every world.
    pub const ALL: [World; 3] = [World::Mesh, World::Tcp, World::Sim];

    /// Its name: `mesh`, `tcp` or `sim`.
    pub fn name(self) -> &'static str {
        match self {
            World::Mesh => "mesh",
            World::Tcp => "tcp",
            World::Sim => "sim",
        }
    }

    /// The most nodes that it plays. A thread and an inbox each is what a mesh costs,
    /// sockets besides in `tcp`, a few hundred bytes in `sim`.
    pub fn nodes_max(self) -> u32 {
        match self {
            World::Mesh => 500,
            World::Tcp => 100,
            World::Sim => 1_000_000,
        }
    }

    /// The most links that it plays, counting each pair of nodes once.
    pub fn links_max(self) -> u64 {
        match self {
            World::Mesh => 124_750, // the full mesh of 500 nodes
            World::Tcp => 4_950,
            World::Sim => 20_000_000,
        }
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for World {
    type Err = UnknownWorld;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        World::ALL
            .into_iter()
            .find(|world| world.name() == text)
            .ok_or_else(|| UnknownWorld(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_world_is_called_by_its_name() {
        for world in World::ALL {
            assert_eq!(world.to_string().parse(), Ok(world));
        }
        let error = "moon".parse::<World>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no world \"moon\": mesh, tcp or sim"
        );
    }
}
