//! The presets are what they say they are.

use forkful_core::{ForkChoice, NodeId};
use forkful_scenario::{
    HashRate, NETWORKS, Overrides, PRESETS, RegionTable, Scenario, StrategyKind, World, preset,
};

fn load(name: &str) -> Scenario {
    Scenario::from_toml(preset(name).unwrap().toml).unwrap()
}

#[test]
fn every_preset_plays_under_its_own_name_in_every_world_or_in_that_it_names() {
    for preset in PRESETS {
        let scenario = Scenario::from_toml(preset.toml).unwrap_or_else(|error| {
            panic!("{}: {error}", preset.name);
        });
        assert_eq!(scenario.name, preset.name);
        assert_eq!(scenario.about.as_deref(), Some(preset.about));
        scenario.check_world(scenario.world).unwrap();
        if scenario.world == World::Mesh {
            for world in World::ALL {
                scenario.check_world(world).unwrap();
            }
        }
    }
}

#[test]
fn every_preset_leaves_a_laptop_idle() {
    for preset in PRESETS {
        if load(preset.name).world == World::Sim {
            continue;
        }
        match load(preset.name).mining.hash_rate {
            HashRate::PerSecond(rate) => assert!(rate <= 400_000.0, "{}", preset.name),
            HashRate::Unlimited => panic!("{} would use the whole machine", preset.name),
        }
    }
}

#[test]
fn longest_differs_from_most_work_in_the_fork_choice_and_what_is_expected() {
    let lesson = |name: &str| {
        let toml = preset(name).unwrap().toml;
        let from = toml.find("[network]").unwrap();
        let to = toml.find("[expect]").unwrap();
        toml[from..to].to_owned()
    };
    let longest = lesson("longest");
    assert_eq!(
        lesson("most-work").replace("\"most-work\"", "\"longest\""),
        longest
    );
    assert_eq!(load("longest").rules.fork_choice, ForkChoice::Longest);
}

#[test]
fn in_hashpower_half_of_the_tries_are_the_first_miners() {
    let nodes = load("hashpower").nodes();
    let rates: Vec<HashRate> = nodes.iter().map(|node| node.hash_rate).collect();
    let expected = [32_000.0, 16_000.0, 8_000.0, 8_000.0, 0.0].map(HashRate::PerSecond);
    assert_eq!(rates, expected);
}

#[test]
fn in_lossy_the_link_that_differs_is_there() {
    let lossy = load("lossy");
    let ends = (NodeId(0), NodeId(1));
    for seed in 0..20 {
        let overrides = Overrides {
            seed: Some(seed),
            ..Overrides::default()
        };
        assert!(lossy.with(&overrides).unwrap().links().contains(&ends));
    }
    assert_eq!(lossy.link(NodeId(1), NodeId(0)).loss, 0.9);
    assert_eq!(lossy.link(NodeId(1), NodeId(2)).loss, 0.2);
}

#[test]
fn every_region_table_is_one_under_its_own_name() {
    for file in NETWORKS {
        let table = RegionTable::from_toml(file.toml, file.name).unwrap();
        assert_eq!(table.names.len(), 6);
        assert!((table.shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        for key in [
            format!("name = {:?}", file.name),
            format!("about = {:?}", file.about),
        ] {
            assert!(file.toml.lines().any(|line| line == key), "{key}");
        }
        assert!(file.toml.contains("\nsource = "), "{}", file.name);
    }
}

#[test]
fn in_simblock_2019_nodes_have_the_published_neighbours_and_blocks_their_weight() {
    let simblock = load("simblock-2019");
    let overrides = Overrides {
        nodes: Some(6_000),
        ..Overrides::default()
    };
    let big = simblock.with(&overrides).unwrap();
    let neighbours = 2.0 * big.links().len() as f64 / 6_000.0;
    assert!((neighbours - 17.32).abs() < 0.2, "{neighbours}");
    let europeans = big
        .nodes()
        .iter()
        .filter(|node| node.region == Some(1))
        .count();
    assert_eq!(europeans, 2_999);
    let any = forkful_core::sha256(b"any");
    assert_eq!(simblock.network.block_bytes.of(&any), 535_000);
}

#[test]
fn in_gervais_2016_miners_have_their_links_and_the_others_theirs() {
    let gervais = load("gervais-2016");
    let mut degrees = vec![0_u32; 6_000];
    for (a, b) in gervais.links() {
        degrees[a.0 as usize] += 1;
        degrees[b.0 as usize] += 1;
    }
    let (miners, others) = degrees.split_at(16);
    assert!(
        miners.iter().all(|degree| (700..=800).contains(degree)),
        "{miners:?}"
    );
    assert!(others.iter().all(|degree| (1..=131).contains(degree)));
    let rates: Vec<_> = gervais
        .nodes()
        .iter()
        .map(|node| node.hash_rate.mines())
        .collect();
    assert_eq!(rates.iter().filter(|mines| **mines).count(), 16);
    // The mean size of a block is the source's.
    let bytes = &gervais.network.block_bytes;
    let sum: u64 = (0..20_000_u32)
        .map(|k| bytes.of(&forkful_core::sha256(&k.to_le_bytes())))
        .sum();
    let mean = sum as f64 / 20_000.0;
    assert!((mean - 531_000.0).abs() < 10_000.0, "{mean}");
}

#[test]
fn in_bitcoin_year_the_largest_pool_has_its_share() {
    let nodes = load("bitcoin-year").nodes();
    let rate = |node: usize| match nodes[node].hash_rate {
        HashRate::PerSecond(rate) => rate,
        HashRate::Unlimited => 0.0,
    };
    let all: f64 = (0..100).map(rate).sum();
    assert!((rate(0) / all - 15_884.0 / 52_828.0).abs() < 1e-9);
    // A block every ten minutes at 16 zero bits.
    assert!((all - 65_536.0 / 600.0).abs() < 1e-9, "{all}");
}

#[test]
fn in_selfish_the_attacker_has_its_share_and_its_links() {
    let selfish = load("selfish");
    let nodes = selfish.nodes();
    let all: f64 = nodes.iter().map(|node| node.hash_share).sum();
    assert!((nodes[0].hash_share / all - 0.35).abs() < 1e-4);
    assert_eq!(nodes[0].strategy, StrategyKind::Selfish);
    let links_of_the_first = |scenario: &Scenario| {
        let links = scenario.links();
        let own = links.iter().filter(|(low, _)| low.0 == 0).count();
        (own, links.len() - own)
    };
    assert_eq!(links_of_the_first(&selfish).0, 100);
    // The three networks of its comment, from gamma 0 to gamma 1.
    let with = |keys: &[&str]| {
        let overrides = Overrides {
            set: keys.iter().map(|key| (*key).to_owned()).collect(),
            ..Overrides::default()
        };
        links_of_the_first(&selfish.with(&overrides).unwrap())
    };
    assert_eq!(with(&["nodes[0].degree={min=1,max=1}"]).0, 1);
    let star = with(&[
        "network.topology.min_links=1",
        "network.topology.max_links=1",
        "nodes[0].degree={min=199,max=199}",
    ]);
    assert_eq!(star, (199, 0), "nobody but the attacker passes anything on");
}
