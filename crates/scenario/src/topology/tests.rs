use std::collections::BTreeSet;

use super::*;

fn degrees(links: &[(NodeId, NodeId)], nodes: u32) -> Vec<u32> {
    let mut degrees = vec![0; nodes as usize];
    for (a, b) in links {
        assert!(a < b, "the lower first");
        degrees[a.0 as usize] += 1;
        degrees[b.0 as usize] += 1;
    }
    assert!(links.is_sorted_by(|a, b| a < b), "in order, none twice");
    degrees
}

fn random(degree: f64) -> Topology {
    Topology::Random {
        degree: Distribution::Constant(degree),
        interlinked: NodeSet::default(),
    }
}

/// Nodes that node 0 has a path to, itself included.
fn reached(links: &[(NodeId, NodeId)]) -> usize {
    let mut reached = BTreeSet::from([NodeId(0)]);
    loop {
        let before = reached.len();
        for (a, b) in links {
            if reached.contains(a) || reached.contains(b) {
                reached.extend([*a, *b]);
            }
        }
        if reached.len() == before {
            return before;
        }
    }
}

#[test]
fn each_shape_has_the_links_it_is_named_for() {
    for (topology, degree_of_each) in [
        (Topology::Full, vec![4, 4, 4, 4, 4]),
        (Topology::Ring, vec![2, 2, 2, 2, 2]),
        (Topology::Line, vec![1, 2, 2, 2, 1]),
        (Topology::Star, vec![4, 1, 1, 1, 1]),
    ] {
        let links = topology.links(5, 1);
        assert_eq!(degrees(&links, 5), degree_of_each);
        assert_eq!(links.len() as u64, topology.link_count(5));
        assert!(
            links
                .iter()
                .all(|&(a, b)| topology.has_link(5, b, a) == Some(true))
        );
    }
}

#[test]
fn one_node_is_a_network_and_two_have_one_link() {
    for topology in [
        Topology::Full,
        Topology::Ring,
        Topology::Line,
        Topology::Star,
        random(4.0),
        Topology::SmallWorld {
            neighbours: 4,
            rewire: 0.5,
        },
        Topology::ScaleFree { degree: 3 },
    ] {
        assert_eq!(topology.links(1, 1), []);
        assert_eq!(topology.links(2, 1), [(NodeId(0), NodeId(1))]);
        assert_eq!(topology.link_count(2), 1);
    }
}

#[test]
fn chance_depends_on_the_seed_only_and_reaches_everybody() {
    let topology = random(3.0);
    let links = topology.links(100, 7);
    assert_eq!(links, topology.links(100, 7));
    assert_ne!(links, topology.links(100, 8));
    assert!(degrees(&links, 100).iter().all(|degree| *degree >= 3));
    assert_eq!(links.len(), 300, "each node opens three, none twice");
    // One link each leaves parts that have to be connected.
    for seed in 0..20 {
        assert_eq!(reached(&random(1.0).links(100, seed)), 100);
    }
    assert_eq!(random(99.0).links(100, 1), Topology::Full.links(100, 1));
}

#[test]
fn degrees_are_drawn_as_the_distribution_says() {
    let below = vec![0.25, 0.5, 0.5, 1.0]; // 1, 2 or 4: a mean of 2.75
    let topology = Topology::Random {
        degree: Distribution::Whole { below },
        interlinked: NodeSet::parse("0..5").unwrap(),
    };
    let links = topology.links(4_000, 3);
    let opened = links.len() as f64 / 4_000.0;
    assert!((opened - 2.75).abs() < 0.1, "{opened}");
    let among_five = links.iter().filter(|(_, high)| high.0 < 5).count();
    assert_eq!(among_five, 10);
    // A node with a degree of its own has it; a link that is named is there.
    let seven = NodeSet::parse("7").unwrap();
    let own = Degrees::new(vec![(seven, Distribution::Constant(500.0))], 4_000);
    let named = (NodeId(8), NodeId(3_999));
    let links = topology.links_with(4_000, 3, &own, &[named]);
    assert!(degrees(&links, 4_000)[7] >= 500);
    assert!(links.contains(&named));
}

#[test]
fn bounded_nodes_have_their_least_and_not_more_than_their_most() {
    let topology = Topology::Bounded {
        min_links: Distribution::Quantiles(vec![2.0, 10.0]),
        max_links: Distribution::Quantiles(vec![4.0, 12.0]),
        interlinked: NodeSet::parse("0..3").unwrap(),
    };
    let own = Distribution::Quantiles(vec![100.0, 120.0]);
    let own = Degrees::new(vec![(NodeSet::parse("0..3").unwrap(), own)], 1_000);
    let links = topology.links_with(1_000, 5, &own, &[]);
    let degrees = degrees(&links, 1_000);
    assert!(
        degrees[..3]
            .iter()
            .all(|degree| (100..=120).contains(degree))
    );
    let outside = degrees[3..]
        .iter()
        .filter(|degree| !(2..=12).contains(*degree));
    assert_eq!(outside.count(), 0);
    assert_eq!(reached(&links), 1_000);
}

#[test]
fn a_small_world_is_a_ring_that_chance_shortens() {
    let small_world = |rewire| Topology::SmallWorld {
        neighbours: 4,
        rewire,
    };
    let ring = small_world(0.0).links(50, 1);
    assert_eq!(degrees(&ring, 50), vec![4; 50]);
    let near = |(a, b): &&(NodeId, NodeId)| matches!((b.0 - a.0).min(50 + a.0 - b.0), 1 | 2);
    assert!(ring.iter().all(|link| near(&link)));
    let links = small_world(0.2).links(1_000, 1);
    assert_eq!(links.len(), 2_000);
    let kept = links
        .iter()
        .filter(|(a, b)| matches!(b.0 - a.0, 1 | 2))
        .count();
    assert!((1_500..1_700).contains(&kept), "{kept}");
}

#[test]
fn a_scale_free_network_has_hubs() {
    let links = Topology::ScaleFree { degree: 3 }.links(2_000, 1);
    let degrees = degrees(&links, 2_000);
    assert!(degrees.iter().all(|degree| *degree >= 3));
    assert!(
        *degrees.iter().max().unwrap() > 60,
        "a random one has 20 or so"
    );
    assert_eq!(reached(&links), 2_000);
}
