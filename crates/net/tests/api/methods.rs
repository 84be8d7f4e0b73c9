//! Every method, as somebody uses it.

use std::collections::BTreeSet;

use forkful_core::sha256;
use forkful_net::api::table;
use serde_json::{Value, json};

use crate::support::TestNode;

/// The calls of one story after the other, and which methods they were.
struct Story {
    node: TestNode,
    called: BTreeSet<String>,
}

impl Story {
    async fn ok(&mut self, method: &str, params: Value) -> Value {
        self.called.insert(method.to_owned());
        let answer = self.node.call(method, params).await;
        answer.unwrap_or_else(|code| panic!("{method}: error {code}"))
    }

    async fn code(&mut self, method: &str, params: Value) -> i64 {
        self.called.insert(method.to_owned());
        match self.node.call(method, params.clone()).await {
            Ok(result) => panic!("{method} {params}: {result}"),
            Err(code) => code,
        }
    }
}

/// Walks all methods, and then the table, so that none is forgotten.
#[tokio::test]
async fn every_method_does_what_its_name_says() {
    let node = TestNode::start().await;
    let mut story = Story {
        node,
        called: BTreeSet::new(),
    };
    chain(&mut story).await;
    refusing(&mut story).await;
    data(&mut story).await;
    mining(&mut story).await;
    addresses(&mut story).await;
    network(&mut story).await;
    bans(&mut story).await;
    waiting(&mut story).await;
    control(&mut story).await;
    let all: BTreeSet<String> = table::methods()
        .map(|method| method.name.to_owned())
        .collect();
    assert!(all.len() >= 30);
    assert_eq!(story.called, all);
}

async fn chain(story: &mut Story) {
    let genesis = story.ok("getblockhash", json!([0])).await;
    assert_eq!(story.ok("getbestblockhash", json!([])).await, genesis);
    let hashes = story.node.generate(3).await;
    story.called.insert("generate".to_owned());
    assert_eq!(story.ok("getblockcount", json!([])).await, 3);
    assert_eq!(
        story.ok("getbestblockhash", json!([])).await,
        hashes[2].as_str()
    );
    assert_eq!(
        story.ok("getblockhash", json!([2])).await,
        hashes[1].as_str()
    );
    for height in [json!(4), json!(-1), json!(i64::MAX), json!(i64::MIN)] {
        assert_eq!(story.code("getblockhash", json!([height])).await, -8);
    }
    assert_eq!(story.code("getblockhash", json!([u64::MAX])).await, -1);
    assert_eq!(story.code("getblockhash", json!(["2"])).await, -3);
    assert_eq!(story.code("getblockhash", json!([])).await, -1);

    let header = story.ok("getblockheader", json!([hashes[1]])).await;
    assert_eq!(header["height"], 2);
    assert_eq!(header["confirmations"], 2);
    assert_eq!(header["previousblockhash"], hashes[0].as_str());
    assert_eq!(header["nextblockhash"], hashes[2].as_str());
    assert_eq!(header["chainwork"].as_str().unwrap().len(), 64);
    let hex = story.ok("getblockheader", json!([hashes[1], false])).await;
    let bytes = const_hex::decode(hex.as_str().unwrap()).unwrap();
    assert_eq!(sha256(&bytes).to_string(), hashes[1]);
    assert_eq!(
        story.code("getblockheader", json!(["00".repeat(32)])).await,
        -5
    );
    assert_eq!(story.code("getblockheader", json!(["abc"])).await, -8);
    assert_eq!(
        story.code("getblockheader", json!(["é".repeat(64)])).await,
        -8
    );

    let whole = story.ok("getblock", json!([genesis, 2])).await;
    assert_eq!(whole["nTx"], 1);
    let text = const_hex::decode(whole["tx"][0]["hex"].as_str().unwrap()).unwrap();
    assert!(text.starts_with(b"forkful consensus 1\n"));
    let named = story.ok("getblock", json!([genesis])).await;
    assert_eq!(named["tx"][0], sha256(&text).to_string());
    let by_name = json!({ "blockhash": genesis, "verbosity": 0 });
    let hex = story.ok("getblock", by_name).await;
    assert_eq!(
        hex.as_str().unwrap().len() as u64,
        2 * named["size"].as_u64().unwrap()
    );

    let info = story.ok("getblockchaininfo", json!([])).await;
    assert_eq!(
        (&info["chain"], &info["blocks"]),
        (&json!("test"), &json!(3))
    );
    assert_eq!(info["initialblockdownload"], false);
    assert_eq!(info["headers"], 3);
    let tips = story.ok("getchaintips", json!([])).await;
    let tip = json!([{ "height": 3, "hash": hashes[2], "branchlen": 0, "status": "active" }]);
    assert_eq!(tips, tip);
    let difficulty = story.ok("getdifficulty", json!([])).await;
    assert!(difficulty.as_f64().unwrap() > 0.0);
}

async fn refusing(story: &mut Story) {
    let genesis = story.ok("getblockhash", json!([0])).await;
    let second = story.ok("getblockhash", json!([2])).await;
    let third = story.ok("getblockhash", json!([3])).await;
    story.ok("invalidateblock", json!([second])).await;
    assert_eq!(story.ok("getblockcount", json!([])).await, 1);
    let tips = story.ok("getchaintips", json!([])).await;
    assert_eq!(
        (&tips[0]["hash"], &tips[0]["status"]),
        (&third, &json!("invalid"))
    );
    story.ok("reconsiderblock", json!([third])).await;
    assert_eq!(story.ok("getbestblockhash", json!([])).await, third);
    assert_eq!(story.code("invalidateblock", json!([genesis])).await, -1);
    assert_eq!(
        story
            .code("reconsiderblock", json!(["00".repeat(32)]))
            .await,
        -5
    );
}

async fn data(story: &mut Story) {
    let submitted = story.ok("submitdata", json!(["hello"])).await;
    let entry = sha256(b"hello").to_string();
    assert_eq!(submitted, json!({ "entry": entry, "bytes": 5 }));
    // It waits already: whoever asks again, because an answer was lost, is told the same.
    let as_hex = json!({ "data": "68656c6c6f", "encoding": "hex" });
    for again in [json!(["hello"]), as_hex] {
        assert_eq!(story.ok("submitdata", again).await, submitted);
    }
    assert_eq!(story.code("submitdata", json!(["0x00", "hex"])).await, -8);
    assert_eq!(story.code("submitdata", json!(["a", "latin1"])).await, -8);
    assert_eq!(story.code("submitdata", json!(["", "hex"])).await, -8);
    let large = "x".repeat(1_000_001);
    assert_eq!(story.code("submitdata", json!([large])).await, -26);
    story.ok("submitdata", json!(["00ff", "hex"])).await;
    // Of three entries: then the path of the first one fits a list of four as well.
    story.ok("submitdata", json!(["third"])).await;

    assert_eq!(
        story.ok("getrawmempool", json!([])).await[0],
        entry.as_str()
    );
    let verbose = story.ok("getrawmempool", json!([true])).await;
    assert_eq!(verbose[&entry]["size"], 5);
    let info = story.ok("getmempoolinfo", json!([])).await;
    assert_eq!((&info["size"], &info["bytes"]), (&json!(3), &json!(12)));

    let block = story.node.generate(1).await.remove(0);
    assert_eq!(story.ok("getmempoolinfo", json!([])).await["size"], 0);
    assert_eq!(
        story.code("submitdata", json!(["hello"])).await,
        -27,
        "it is on the chain"
    );
    let proof = story.ok("getproof", json!([block, entry])).await;
    assert_eq!(proof["confirmations"], 1);
    let verified = story.ok("verifyproof", json!([proof])).await;
    assert_eq!(
        verified,
        json!({ "valid": true, "height": 4, "confirmations": 1 })
    );
    for (key, value) in [
        ("data", json!("68656c6c70")),
        ("count", json!(4)),
        ("index", json!(1)),
        ("path", json!([])),
    ] {
        let mut wrong = proof.clone();
        wrong[key] = value;
        let verified = story.ok("verifyproof", json!([wrong])).await;
        assert_eq!(verified["valid"], false, "{key}");
        assert!(verified["reason"].is_string());
    }
    let stranger = "11".repeat(32);
    assert_eq!(story.code("getproof", json!([block, stranger])).await, -5);
    assert_eq!(story.code("getproof", json!([stranger, entry])).await, -5);
    assert_eq!(story.code("verifyproof", json!([{}])).await, -8);
}

async fn mining(story: &mut Story) {
    assert_eq!(story.code("generate", json!([0])).await, -8);
    let nobody = json!([0, "bcrt1q"]);
    assert_eq!(story.code("generatetoaddress", nobody).await, -8);
    assert_eq!(story.code("generate", json!([1001])).await, -8);
    assert_eq!(story.code("generate", json!([-1])).await, -8);
    let info = story.ok("getmininginfo", json!([])).await;
    assert_eq!(info["next"]["height"], info["blocks"].as_u64().unwrap() + 1);
    let rate = story.ok("getnetworkhashps", json!([])).await;
    assert_eq!(rate, info["networkhashps"]);
    assert_eq!(story.ok("getnetworkhashps", json!([1, 0])).await, 0.0);
    assert_eq!(story.code("getnetworkhashps", json!([0])).await, -8);
    assert_eq!(
        story.code("getnetworkhashps", json!([120, 9_999])).await,
        -8
    );
    let template = story.ok("getblocktemplate", json!([{ "rules": [] }])).await;
    assert_eq!(template["header"].as_str().unwrap().len(), 176);
    let proposal = json!([{ "mode": "proposal" }]);
    assert_eq!(story.code("getblocktemplate", proposal).await, -8);
    for hex in ["", "00", "zz", "000"] {
        assert_eq!(story.code("submitblock", json!([hex])).await, -22, "{hex}");
    }
}

async fn addresses(story: &mut Story) {
    let one = story.ok("getnodeaddresses", json!([])).await;
    assert_eq!(one.as_array().unwrap().len(), 1);
    let all = story.ok("getnodeaddresses", json!([0])).await;
    assert_eq!(all.as_array().unwrap().len(), 3);
    let six = story.ok("getnodeaddresses", json!([0, "ipv6"])).await;
    assert_eq!(
        six,
        json!([{ "time": 1_767_225_600, "address": "2001:db8::1", "port": 4000, "network": "ipv6", "tried": false }])
    );
    assert_eq!(
        story.code("getnodeaddresses", json!([0, "onion"])).await,
        -8
    );
    let book = story.ok("getaddrmaninfo", json!([])).await;
    assert_eq!(book["ipv4"], json!({ "new": 1, "tried": 1, "total": 2 }));
    assert_eq!(book["all_networks"]["total"], 3);
}

async fn network(story: &mut Story) {
    assert_eq!(story.ok("getconnectioncount", json!([])).await, 1);
    let peers = story.ok("getpeerinfo", json!([])).await;
    assert_eq!(peers[0]["connection_type"], "inbound");
    assert_eq!(peers[0]["addr_rate_limited"], 1);
    assert_eq!(peers[0]["addr"], "192.0.2.1:4000");
    assert_eq!(peers[0]["pingtime"], 0.25);
    let info = story.ok("getnetworkinfo", json!([])).await;
    assert_eq!(
        (&info["connections_in"], &info["connections_out"]),
        (&json!(1), &json!(0))
    );

    let to = "192.0.2.9:4000";
    story.ok("addnode", json!([to, "add"])).await;
    assert_eq!(story.code("addnode", json!([to, "add"])).await, -23);
    story.ok("addnode", json!([to, "remove"])).await;
    assert_eq!(story.code("addnode", json!([to, "remove"])).await, -24);
    for _ in 0..2 {
        story.ok("addnode", json!([to, "onetry"])).await;
    }
    assert_eq!(story.code("addnode", json!([to, "onetry"])).await, -34);
    assert_eq!(story.code("addnode", json!([to, "dance"])).await, -8);
    assert_eq!(story.code("addnode", json!(["x:99999", "add"])).await, -8);

    assert_eq!(story.ok("setnetworkactive", json!([false])).await, false);
    assert_eq!(story.ok("setnetworkactive", json!([true])).await, true);
    assert_eq!(story.code("disconnectnode", json!([])).await, -32602);
    assert_eq!(story.code("disconnectnode", json!([to, 3])).await, -32602);
    assert_eq!(story.code("disconnectnode", json!([to])).await, -29);
    assert_eq!(
        story.code("disconnectnode", json!({ "nodeid": -1 })).await,
        -29
    );
    story.ok("disconnectnode", json!(["192.0.2.1:4000"])).await;
    assert_eq!(story.code("disconnectnode", json!(["", 3])).await, -29);
}

async fn bans(story: &mut Story) {
    story.ok("setban", json!(["192.0.2.7/32", "add"])).await;
    let bans = story.ok("listbanned", json!([])).await;
    assert_eq!(bans[0]["address"], "192.0.2.7");
    let add = |address| json!([address, "add"]);
    for (params, code) in [
        (add("::ffff:192.0.2.7"), -23),
        (add("192.0.2.0/24"), -30),
        (add("localhost"), -30),
        (json!(["192.0.2.8", "remove"]), -30),
        (json!(["192.0.2.8", "add", -1]), -8),
        (json!(["192.0.2.8", "add", 1, true]), -8),
    ] {
        let told = story.code("setban", params.clone()).await;
        assert_eq!(told, code, "{params}");
    }
    story.ok("setban", json!(["192.0.2.7", "remove"])).await;
    assert_eq!(story.ok("listbanned", json!([])).await, json!([]));
    let far = json!(["192.0.2.8", "add", i64::MAX]);
    story.ok("setban", far).await;
    story.ok("clearbanned", json!([])).await;
    assert_eq!(story.ok("listbanned", json!([])).await, json!([]));
}

async fn waiting(story: &mut Story) {
    let tip = story.ok("getbestblockhash", json!([])).await;
    let height = story.ok("getblockcount", json!([])).await.as_u64().unwrap();
    let here = json!({ "hash": tip, "height": height });
    assert_eq!(story.ok("waitforblock", json!([tip])).await, here);
    assert_eq!(story.ok("waitforblockheight", json!([height])).await, here);
    // What does not come is answered with what there is.
    assert_eq!(
        story.ok("waitforblock", json!(["00".repeat(32), 1])).await,
        here
    );
    assert_eq!(
        story.ok("waitforblockheight", json!([height + 1, 1])).await,
        here
    );
    assert_eq!(story.ok("waitfornewblock", json!([1])).await, here);
    assert_eq!(
        story.code("waitforblockheight", json!([height, -1])).await,
        -8
    );
}

async fn control(story: &mut Story) {
    assert!(story.ok("uptime", json!([])).await.is_u64());
    let help = story.ok("help", json!([])).await;
    for method in table::methods() {
        assert!(
            help.as_str().unwrap().contains(&method.usage()),
            "{}",
            method.name
        );
        let manual = story.ok("help", json!([method.name])).await;
        assert!(manual.as_str().unwrap().contains(method.about));
    }
    let unknown = story.ok("help", json!(["dance"])).await;
    assert_eq!(unknown, "help: unknown command: dance");
    let document = story.ok("rpc.discover", json!([])).await;
    assert_eq!(
        document["methods"].as_array().unwrap().len(),
        table::methods().count()
    );
    assert_eq!(story.node.get("/openrpc.json").await.json(), document);

    assert_eq!(story.ok("stop", json!([])).await, "forkful stopping");
    assert!(story.node.handle.shutdown.is_cancelled());
}

#[tokio::test]
async fn a_wait_ends_with_the_block_and_so_many_wait_at_most() {
    let node = std::sync::Arc::new(TestNode::start().await);
    let params = json!([2, 0]);
    let request =
        json!({ "jsonrpc": "2.0", "id": 1, "method": "waitforblockheight", "params": params });
    let request = request.to_string();
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..forkful_net::api::limits::WAITS_MAX + 1 {
        let (node, request) = (node.clone(), request.clone());
        waiting.spawn(async move { node.post(&request).await.json() });
    }
    // One of them is too many; nothing ends the others yet.
    let refused = waiting.join_next().await.unwrap().unwrap();
    assert_eq!(refused["error"]["code"], -1);
    node.generate(2).await;
    while let Some(answer) = waiting.join_next().await {
        assert_eq!(answer.unwrap()["result"]["height"], 2);
    }
}

#[test]
fn the_manual_holds_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/node/api.md");
    let manual = std::fs::read_to_string(path).unwrap();
    let reference = table::reference();
    assert!(
        manual.contains(&reference),
        "docs/node/api.md should hold this:\n\n{reference}"
    );
}
