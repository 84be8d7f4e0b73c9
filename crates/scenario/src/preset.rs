//! Scenarios that come with forkful, each a lesson. Their files explain themselves.

/// A scenario that comes with forkful.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Preset {
    /// What it is called on the command line, and in its own file.
    pub name: &'static str,
    /// What it shows, in one sentence: the file's own.
    pub about: &'static str,
    /// Its file.
    pub toml: &'static str,
}

/// Every preset, the first one first to be run.
pub const PRESETS: &[Preset] = &[
    Preset {
        name: "race",
        about: "Eight miners race; blocks found at nearly the same time fork the chain, and one branch wins.",
        toml: include_str!("../presets/race.toml"),
    },
    Preset {
        name: "partition",
        about: "The network splits in two, both halves mine, and after the heal one side reorganises deeply.",
        toml: include_str!("../presets/partition.toml"),
    },
    Preset {
        name: "crash",
        about: "Nodes crash, miss blocks, restart with what they had stored, and catch up.",
        toml: include_str!("../presets/crash.toml"),
    },
    Preset {
        name: "hashpower",
        about: "Unequal miners: each finds blocks in proportion to its part of the hash rate.",
        toml: include_str!("../presets/hashpower.toml"),
    },
    Preset {
        name: "lossy",
        about: "One message in five is lost; requests that time out and tip announcements repair the view.",
        toml: include_str!("../presets/lossy.toml"),
    },
    Preset {
        name: "most-work",
        about: "The weaker half makes the longer chain at a lower difficulty, and the chain with more work wins.",
        toml: include_str!("../presets/most-work.toml"),
    },
    Preset {
        name: "longest",
        about: "As most-work, but nodes follow the longest chain: a tenth of the hash rate rewrites history.",
        toml: include_str!("../presets/longest.toml"),
    },
    Preset {
        name: "simblock-2019",
        about: "SimBlock's Bitcoin of 2019: six regions, 535 kB blocks, one upload at a time, everybody mines.",
        toml: include_str!("../presets/simblock-2019.toml"),
    },
    Preset {
        name: "simblock-2015",
        about: "SimBlock's Bitcoin of 2015: six regions, 535 kB blocks, one upload at a time, everybody mines.",
        toml: include_str!("../presets/simblock-2015.toml"),
    },
    Preset {
        name: "gervais-2016",
        about: "The network of Gervais et al. 2016: sixteen miners, slow and fast lines, blocks checked before relay.",
        toml: include_str!("../presets/gervais-2016.toml"),
    },
    Preset {
        name: "selfish",
        about: "A selfish miner with 35 % of the hash rate among 199 honest ones, and what its links are worth to it.",
        toml: include_str!("../presets/selfish.toml"),
    },
    Preset {
        name: "bitcoin-year",
        about: "A year of Bitcoin: 52,560 blocks by twenty pools with the shares of 2025, and 80 nodes that pass them on.",
        toml: include_str!("../presets/bitcoin-year.toml"),
    },
    Preset {
        name: "playground",
        about: "The network of forkful node: a block every ten seconds, whatever the hash rate.",
        toml: include_str!("../presets/playground.toml"),
    },
];

/// The preset with this name.
pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}
