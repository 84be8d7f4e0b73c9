//! A miner of one's own, and what becomes of blocks that are not as they should be.

use std::sync::Arc;

use forkful_core::{Block, Consensus, Entry, Hash, Header, Target, Timestamp};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::support::{PATIENCE, TestNode};

/// What an outside miner makes of a template: a nonce that meets the target.
fn mine(template: &Value) -> Block {
    let bytes = const_hex::decode(template["header"].as_str().unwrap()).unwrap();
    let header = Header::from_bytes(&bytes.try_into().unwrap());
    let entries = template["transactions"].as_array().unwrap().iter();
    let entry =
        |entry: &Value| Entry::from(const_hex::decode(entry["data"].as_str().unwrap()).unwrap());
    let target: Target = template["target"].as_str().unwrap().parse().unwrap();
    prove(header, entries.map(entry).collect(), target)
}

fn prove(mut header: Header, entries: Vec<Entry>, target: Target) -> Block {
    while !target.is_met_by(&header.hash()) {
        header.nonce += 1;
    }
    Block { header, entries }
}

async fn submit(node: &TestNode, block: &Block) -> Value {
    let hex = const_hex::encode(block.to_bytes());
    node.call("submitblock", json!([hex])).await.unwrap()
}

#[tokio::test]
async fn an_outside_miner_works_from_template_to_chain() {
    let node = TestNode::start().await;
    node.call("submitdata", json!(["by a miner of my own"]))
        .await
        .unwrap();
    let template = node.call("getblocktemplate", json!([])).await.unwrap();
    let block = mine(&template);
    assert_eq!(submit(&node, &block).await, Value::Null);
    let tip = node.call("getbestblockhash", json!([])).await.unwrap();
    assert_eq!(tip, block.header.hash().to_string());
    assert_eq!(submit(&node, &block).await, "duplicate");
}

#[tokio::test]
async fn a_block_that_the_operator_refuses_is_submitted_in_vain_and_so_is_its_child() {
    let node = TestNode::start().await;
    let info = node.call("getblockchaininfo", json!([])).await.unwrap();
    assert_eq!(info["initialblockdownload"], true, "genesis is old");
    let mut blocks = Vec::new();
    for _ in 0..2 {
        let template = node.call("getblocktemplate", json!([])).await.unwrap();
        blocks.push(mine(&template));
        if blocks.len() == 1 {
            submit(&node, &blocks[0]).await;
        }
    }
    let hash = blocks[0].header.hash().to_string();
    node.call("invalidateblock", json!([hash])).await.unwrap();
    assert_eq!(submit(&node, &blocks[0]).await, "duplicate-invalid");
    assert_eq!(submit(&node, &blocks[1]).await, "bad-prevblk");
    node.call("reconsiderblock", json!([hash])).await.unwrap();
    assert_eq!(submit(&node, &blocks[1]).await, Value::Null);
}

#[tokio::test]
async fn a_second_branch_is_taken_and_shown_but_not_followed() {
    let node = TestNode::start().await;
    let template = node.call("getblocktemplate", json!([])).await.unwrap();
    let block = mine(&template);
    node.generate(1).await;
    assert_eq!(submit(&node, &block).await, "inconclusive");
    let tips = node.call("getchaintips", json!([])).await.unwrap();
    let fork = tips
        .as_array()
        .unwrap()
        .iter()
        .find(|tip| tip["status"] == "valid-fork");
    assert_eq!(fork.unwrap()["hash"], block.header.hash().to_string());
    assert_eq!(fork.unwrap()["branchlen"], 1);
    let hash = block.header.hash().to_string();
    let header = node.call("getblockheader", json!([hash])).await.unwrap();
    assert_eq!(header["confirmations"], -1);
    assert!(header.get("nextblockhash").is_none());
}

/// One block for each rule, and the word that it is refused with.
#[tokio::test]
async fn a_block_that_breaks_a_rule_is_refused_with_its_word() {
    let target = Target::from_zero_bits(4).unwrap();
    let consensus = Consensus {
        entries_max: 2,
        ..Consensus::fixed(target)
    };
    let node = TestNode::with_consensus(consensus).await;
    let template = node.call("getblocktemplate", json!([])).await.unwrap();
    let good = mine(&template);
    let header = good.header;
    let with = |change: &dyn Fn(&mut Header)| {
        let mut header = header;
        change(&mut header);
        prove(header, Vec::new(), target)
    };
    let unproved = {
        let mut header = header;
        while target.is_met_by(&header.hash()) {
            header.nonce += 1;
        }
        Block {
            header,
            entries: Vec::new(),
        }
    };
    let entries: Vec<Entry> = (0..3_u8).map(|n| Entry::from(vec![n])).collect();
    let root = forkful_core::merkle::merkle_root(&entries);
    let full = prove(
        Header {
            data: root,
            ..header
        },
        entries.clone(),
        target,
    );
    let mutated = Block { header, entries };
    let child = with(&|child| {
        child.index = 2;
        child.previous_hash = full.header.hash();
    });
    let far = header.timestamp.0 + 3 * 3_600_000;
    let cases = [
        (
            with(&|header| header.previous_hash = Hash([9; 32])),
            "prev-blk-not-found",
        ),
        (with(&|header| header.index = 7), "bad-height"),
        (unproved, "high-hash"),
        (
            with(&|header| header.timestamp = Timestamp(1)),
            "time-too-old",
        ),
        (
            with(&|header| header.timestamp = Timestamp(far)),
            "time-too-new",
        ),
        (mutated, "bad-txnmrklroot"),
        (full.clone(), "bad-blk-length"),
        (full, "duplicate-invalid"),
        (child, "bad-prevblk"),
    ];
    for (block, word) in cases {
        assert_eq!(submit(&node, &block).await, word);
    }
    // None of it was held against the good one.
    assert_eq!(submit(&node, &good).await, Value::Null);
}

#[tokio::test]
async fn a_search_that_finds_nothing_ends_with_its_node() {
    let node =
        TestNode::with_consensus(Consensus::fixed(Target::from_zero_bits(255).unwrap())).await;
    let node = Arc::new(node);
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"generate","params":[1]}"#;
    let searching = tokio::spawn({
        let node = node.clone();
        async move { node.post_trusted(request).await }
    });
    // The second one is refused once the first one searches.
    while node.call("generate", json!([0])).await == Err(-8) {
        let busy = tokio::time::timeout(
            std::time::Duration::from_millis(50),
            node.call("generate", json!([1])),
        );
        if busy.await == Ok(Err(-1)) {
            break;
        }
    }
    node.handle.shutdown.cancel();
    let answer = searching.await.unwrap();
    assert_eq!(answer.json()["error"]["code"], -32603);
}

#[tokio::test]
async fn a_template_that_is_waited_for_comes_with_the_tip_and_with_new_data() {
    let node = TestNode::start().await;
    let first = node.call("getblocktemplate", json!([])).await.unwrap();
    let after = |template: &Value| json!([{ "longpollid": template["longpollid"] }]);
    let waits = async |template: &Value| {
        let answer = node.call("getblocktemplate", after(template));
        timeout(PATIENCE, answer).await.unwrap().unwrap()
    };
    let (second, _) = tokio::join!(waits(&first), node.generate(1));
    assert_eq!(second["height"], 2);
    let data = node.call("submitdata", json!(["paid 5 to Ada"]));
    let (third, _) = tokio::join!(waits(&second), data);
    assert_eq!(third["height"], 2);
    assert_eq!(
        third["transactions"][0]["data"],
        const_hex::encode("paid 5 to Ada")
    );
    // What is no longer so is answered at once; what is no text is refused.
    assert_eq!(waits(&first).await["height"], 2);
    let wrong = node.call("getblocktemplate", json!([{ "longpollid": 7 }]));
    assert_eq!(wrong.await, Err(-3));
    node.stop().await;
}
