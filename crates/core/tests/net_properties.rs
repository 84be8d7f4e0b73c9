//! Whatever happens to a network, once it is whole again it agrees (safety first, then
//! liveness: THREATS L1). The checker beside each node looks on all the time.

mod support;

use std::collections::BTreeMap;

use forkful_core::Relay;
use proptest::prelude::*;
use support::{Net, plan};

const NODES: usize = 5;

#[derive(Clone, Copy, Debug)]
enum Deed {
    Mine(usize),
    Submit(usize, u8),
    Cut(usize, usize),
    Disconnect(usize, usize),
    Connect(usize, usize),
    Heal,
    Crash(usize),
    Restart(usize),
    Silence(usize, bool),
    Run(u64),
}

fn deed() -> impl Strategy<Value = Deed> {
    let node = 0..NODES;
    let pair = (0..NODES, 1..NODES).prop_map(|(a, more)| (a, (a + more) % NODES));
    prop_oneof![
        6 => node.clone().prop_map(Deed::Mine),
        4 => (node.clone(), any::<u8>()).prop_map(|(node, data)| Deed::Submit(node, data)),
        2 => pair.clone().prop_map(|(a, b)| Deed::Cut(a, b)),
        1 => pair.clone().prop_map(|(a, b)| Deed::Disconnect(a, b)),
        1 => pair.prop_map(|(a, b)| Deed::Connect(a, b)),
        1 => Just(Deed::Heal),
        1 => node.clone().prop_map(Deed::Crash),
        2 => node.clone().prop_map(Deed::Restart),
        1 => (node, any::<bool>()).prop_map(|(node, silent)| Deed::Silence(node, silent)),
        6 => (1..1_500_u64).prop_map(Deed::Run),
    ]
}

fn do_it(net: &mut Net, deed: Deed, submitted: &mut BTreeMap<Vec<u8>, ()>) {
    match deed {
        Deed::Mine(node) if net.is_up(node) => {
            net.mine(node);
        }
        Deed::Submit(node, data) if net.is_up(node) => {
            net.submit(node, &[data]);
            submitted.insert(vec![data], ());
        }
        Deed::Cut(a, b) => net.cut(a, b),
        Deed::Disconnect(a, b) => net.disconnect(a, b),
        Deed::Connect(a, b) => net.connect(a, b),
        Deed::Heal => net.heal(),
        Deed::Crash(node) => net.crash(node),
        Deed::Restart(node) => net.restart(node),
        Deed::Silence(node, silent) => net.silence(node, silent),
        Deed::Run(ms) => net.run_for(ms),
        Deed::Mine(_) | Deed::Submit(..) => {}
    }
}

fn make_whole(net: &mut Net) {
    net.heal();
    net.loss_percent(0);
    for a in 0..NODES {
        net.silence(a, false);
        net.restart(a);
        for b in 0..a {
            net.connect(a, b);
        }
    }
}

/// One miner goes on until ties are broken.
fn converge(net: &mut Net, miner: usize) -> bool {
    (0..5).any(|_| {
        net.mine(miner);
        net.converges_within(30_000)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_network_that_is_whole_again_agrees_and_loses_no_data(
        seed in 0..1_000_u64,
        loss_percent in prop_oneof![Just(0_u64), 0..40_u64],
        policies in [(); NODES].map(|()| prop::sample::select(&Relay::ALL[..])),
        deeds in prop::collection::vec(deed(), 1..120),
        miner in 0..NODES,
    ) {
        let mut plan = plan(NODES).seed(seed).loss_percent(loss_percent);
        for (node, policy) in policies.into_iter().enumerate() {
            plan = plan.relay(node, policy);
        }
        let mut net = plan.start();
        let mut submitted = BTreeMap::new();
        for deed in deeds {
            do_it(&mut net, deed, &mut submitted);
        }
        make_whole(&mut net);
        prop_assert!(converge(&mut net, miner), "{:#?}", net.tips());

        // Whoever still has data waiting mines it.
        for node in 0..NODES {
            net.mine(node);
            prop_assert!(net.converges_within(30_000), "{:#?}", net.tips());
        }
        let mut on_chain = net.data_on_chain(0);
        on_chain.sort();
        let submitted: Vec<_> = submitted.into_keys().collect();
        prop_assert_eq!(on_chain, submitted);
        // Honest nodes never fall out with each other.
        prop_assert!(net.disconnects.is_empty(), "{:?}", net.disconnects);
    }

    /// A node that holds no stored body does what one does that holds all of them.
    #[test]
    fn bodies_in_an_archive_change_nothing(
        seed in 0..1_000_u64,
        policies in [(); NODES].map(|()| prop::sample::select(&Relay::ALL[..])),
        deeds in prop::collection::vec(deed(), 1..120),
    ) {
        let run = |archives| {
            let mut plan = plan(NODES).seed(seed).loss_percent(10);
            for (node, policy) in policies.into_iter().enumerate() {
                plan = plan.relay(node, policy);
            }
            let plan = if archives { plan.archives() } else { plan };
            let mut net = plan.start();
            for deed in &deeds {
                do_it(&mut net, *deed, &mut BTreeMap::new());
            }
            make_whole(&mut net);
            converge(&mut net, 0);
            let data = net.data_on_chain(0);
            (net.sent, net.tip_changes, data)
        };
        prop_assert!(run(false) == run(true));
    }

    #[test]
    fn equal_inputs_give_equal_outputs(
        seed in 0..1_000_u64,
        deeds in prop::collection::vec(deed(), 1..60),
    ) {
        let run = || {
            let mut net = plan(NODES).announce().seed(seed).loss_percent(10).start();
            for deed in &deeds {
                do_it(&mut net, *deed, &mut BTreeMap::new());
            }
            (net.sent, net.tip_changes)
        };
        prop_assert!(run() == run());
    }
}
