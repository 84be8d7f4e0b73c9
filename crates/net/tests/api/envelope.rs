//! The rules of JSON-RPC 2.0, and bodies of people who mean no good.

use serde_json::{Value, json};

use crate::support::TestNode;

async fn code(node: &TestNode, body: &str) -> Value {
    let response = node.post(body).await.json();
    assert_eq!(response["id"], Value::Null, "{body}");
    response["error"]["code"].clone()
}

#[tokio::test]
async fn the_id_comes_back_as_it_went() {
    let node = TestNode::start().await;
    for id in [
        r#""a\u0041""#,
        "7",
        "-1.50",
        "null",
        "123456789012345678901234567890",
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"uptime"}}"#);
        let answer = node.post(&body).await;
        assert!(
            answer.body.ends_with(&format!(r#""id":{id}}}"#)),
            "{answer:?}"
        );
        assert!(answer.json().get("error").is_none());
    }
}

#[tokio::test]
async fn a_notification_is_not_answered_even_when_it_is_wrong() {
    let node = TestNode::start().await;
    for method in ["uptime", "no_such_method"] {
        let answer = node
            .post(&format!(r#"{{"jsonrpc":"2.0","method":"{method}"}}"#))
            .await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    }
    let answer = node.post(r#"[{"jsonrpc":"2.0","method":"uptime"}]"#).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
}

#[tokio::test]
async fn a_batch_is_answered_call_by_call_in_its_order() {
    let node = TestNode::start().await;
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"getblockcount"}, 5,
        {"jsonrpc":"2.0","method":"uptime"}, {"jsonrpc":"2.0","id":"x","method":"no_such_method"}, [],
        {"jsonrpc":"2.0","id":2,"method":"getblockhash","params":{"height":0}}]"#;
    let answers = node.post(batch).await.json();
    let answers = answers.as_array().unwrap();
    let short = |answer: &Value| (answer["id"].clone(), answer["error"]["code"].clone());
    let expected = [
        (json!(1), Value::Null),
        (Value::Null, json!(-32600)),
        (json!("x"), json!(-32601)),
        (Value::Null, json!(-32600)),
        (json!(2), Value::Null),
    ];
    assert_eq!(answers.iter().map(short).collect::<Vec<_>>(), expected);
    assert_eq!(code(&node, "[]").await, -32600);
}

#[tokio::test]
async fn fifty_calls_are_a_batch_and_one_more_is_none() {
    let node = TestNode::start().await;
    let batch = |count| {
        let calls: Vec<Value> = (0..count)
            .map(|id| json!({ "jsonrpc": "2.0", "id": id, "method": "uptime" }))
            .collect();
        Value::from(calls).to_string()
    };
    let answers = node.post(&batch(50)).await.json();
    assert_eq!(answers.as_array().unwrap().len(), 50);
    assert_eq!(code(&node, &batch(51)).await, -32600);
    let many = format!("[{}1]", "1,".repeat(500_000));
    assert_eq!(code(&node, &many).await, -32600);
}

#[tokio::test]
async fn who_names_no_version_is_answered_as_bitcoin_core_did_of_old() {
    let node = TestNode::start().await;
    let ask = |method: &str| format!(r#"{{"id":4,"method":"{method}","params":[]}}"#);
    let good = node.post(&ask("getblockcount")).await;
    assert_eq!(good.status, 200);
    assert_eq!(good.json(), json!({ "result": 0, "error": null, "id": 4 }));
    let unknown = node.post(&ask("no_such_method")).await;
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.json()["error"]["code"], -32601);
    assert_eq!(node.post(&ask("getblockhash")).await.status, 500);
    let old = node.post(r#"{"jsonrpc":"1.0","id":4,"method":7}"#).await;
    assert_eq!(
        (old.status, &old.json()["error"]["code"]),
        (400, &json!(-32600))
    );
}

#[tokio::test]
async fn what_is_no_request_is_told_so() {
    let node = TestNode::start().await;
    for body in [
        "",
        "{",
        "nonsense",
        r#"{"a":1}}"#,
        "\u{feff}{}",
        "[1,",
        "1e",
        r#"{"id":"\ud800"#,
    ] {
        assert_eq!(code(&node, body).await, -32700, "{body}");
    }
    for body in [
        "1",
        "null",
        r#""text""#,
        r#"{"jsonrpc":"2.0","id":{},"method":"uptime"}"#,
        r#"{"jsonrpc":"2.0","id":true,"method":"uptime"}"#,
        r#"{"jsonrpc":"3.0","id":1,"method":"uptime"}"#,
        r#"{"jsonrpc":2.0,"id":1,"method":"uptime"}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"uptime","params":1}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":null}"#,
        r#"{"jsonrpc":"2.0","id":null}"#,
        r#"{"jsonrpc":"2.0","id":null,"method":"uptime","method":"stop"}"#,
    ] {
        assert_eq!(code(&node, body).await, -32600, "{body}");
    }
    for params in [
        r#"{"hight":1}"#,
        r#"{"args":[1],"height":1}"#,
        r#"{"args":1}"#,
    ] {
        assert_eq!(
            node.call("getblockhash", serde_json::from_str(params).unwrap())
                .await,
            Err(-8)
        );
    }
    assert_eq!(
        node.call("getblockhash", json!([0, 1])).await,
        Err(-1),
        "one too many"
    );
    assert!(
        node.call("getblockhash", json!({ "args": [0] }))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn hostile_bodies_end_in_an_error_and_nothing_else() {
    let node = TestNode::start().await;
    for open in ["[", "{\"a\":", "[{\"params\":["] {
        let deep = open.repeat(300_000 / open.len());
        assert_eq!(code(&node, &deep).await, -32700);
    }
    let nested = format!("{}{}", "[".repeat(31), "]".repeat(31));
    let within = format!(r#"{{"jsonrpc":"2.0","id":null,"method":"uptime","params":{nested}}}"#);
    assert_eq!(code(&node, &within).await, -1, "as deep as may be");
    let one_more = within.replace(&nested, &format!("[{nested}]"));
    assert_eq!(code(&node, &one_more).await, -32700, "one deeper");
    let huge = [
        format!("1{}", "0".repeat(500)),
        "1e999999999".to_owned(),
        "-99999999999999999999".to_owned(),
        "1.5".to_owned(),
    ];
    for number in huge {
        let body =
            format!(r#"{{"jsonrpc":"2.0","id":null,"method":"getblockhash","params":[{number}]}}"#);
        let code = code(&node, &body).await;
        assert!(code == -32602 || code == -1, "{number}: {code}");
    }
    let json = "Content-Type: application/json\r\n";
    for bytes in [
        &b"\xff\xfe"[..],
        b"{\"jsonrpc\":\"2.0\",\"id\":\"\xc3\x28\",\"method\":\"uptime\"}",
        &[0; 4_096],
    ] {
        let answer = node.post_with(json, bytes).await;
        assert_eq!(answer.json()["error"]["code"], -32700);
    }
    let name = format!(
        r#"{{"jsonrpc":"2.0","id":null,"method":"{}\u001b[31m"}}"#,
        "n".repeat(100_000)
    );
    let answer = node.post(&name).await;
    assert!(
        answer.body.len() < 400,
        "the name is not repeated: {}",
        answer.body.len()
    );
    assert!(node.call("uptime", json!([])).await.is_ok(), "still there");
}
