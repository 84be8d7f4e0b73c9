//! `forkful rpc` as a user types it, against a server that says what the test wants.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

/// Runs the command against a server that gives one answer. Also answers what was asked.
fn ask(status: &str, body: &str, args: &[&str]) -> (Output, String) {
    ask_with(status, body, args, b"")
}

/// The same with this on standard input.
fn ask_with(status: &str, body: &str, args: &[&str], input: &[u8]) -> (Output, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        // All of these requests end with the brace of their JSON.
        while !request.ends_with(b"}") {
            let mut some = [0; 4_096];
            let count = stream.read(&mut some).unwrap();
            assert!(count > 0, "the request ends early");
            request.extend_from_slice(&some[..count]);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(request).unwrap()
    });
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(".cookie"), "__cookie__:abc").unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_forkful"))
        .args(["rpc", "--url", &format!("http://{address}/"), "--data-dir"])
        .arg(dir.path())
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Who does not read it may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    (output, server.join().unwrap())
}

fn answered(result: &str) -> Output {
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
    let (output, _) = ask("200 OK", &body, &["getblockcount"]);
    assert!(output.status.success(), "{output:?}");
    output
}

#[test]
fn results_are_printed_as_bitcoin_cli_prints_them() {
    assert_eq!(answered("7").stdout, b"7\n");
    assert_eq!(answered(r#""two\nlines""#).stdout, b"two\nlines\n");
    assert_eq!(answered("null").stdout, b"");
    assert_eq!(
        answered(r#"{"a":[1]}"#).stdout,
        b"{\n  \"a\": [\n    1\n  ]\n}\n"
    );
}

#[test]
fn the_request_has_the_cookie_and_the_arguments() {
    let body = r#"{"jsonrpc":"2.0","id":1,"result":null}"#;
    let (_, request) = ask("200 OK", body, &["addnode", "1.2.3.4:5", "onetry"]);
    let request = request.to_lowercase();
    assert!(
        request.contains("authorization: basic x19jb29rawvfxzphymm="),
        "{request}"
    );
    assert!(
        request.contains("content-type: application/json"),
        "{request}"
    );
    assert!(
        request.contains(r#""method":"addnode","params":["1.2.3.4:5","onetry"]"#),
        "{request}"
    );
}

#[test]
fn what_one_call_printed_can_be_the_argument_of_the_next() {
    let proof = r#"{"jsonrpc":"2.0","id":1,"result":{"index":0,"path":["ab","cd"]}}"#;
    let (printed, _) = ask("200 OK", proof, &["getproof", "aa", "bb"]);
    assert!(printed.stdout.iter().filter(|byte| **byte == b'\n').count() > 2);
    let args = ["--stdin", "verifyproof"];
    let (_, request) = ask_with("200 OK", proof, &args, &printed.stdout);
    let params = r#""method":"verifyproof","params":[{"index":0,"path":["ab","cd"]}]"#;
    assert!(request.contains(params), "{request}");

    let (_, request) = ask_with("200 OK", proof, &["--stdin", "getproof", "aa"], b"bb\n");
    assert!(request.contains(r#""params":["aa","bb"]"#), "{request}");
}

#[test]
fn errors_go_to_standard_error_with_their_code() {
    let body =
        r#"{"jsonrpc":"2.0","id":1,"error":{"code":-8,"message":"Block height out of range"}}"#;
    let (output, _) = ask("200 OK", body, &["getblockhash", "9"]);
    assert_eq!(output.status.code(), Some(8));
    assert_eq!(output.stdout, b"");
    let told = "error code: -8\nerror message:\nBlock height out of range\n";
    assert_eq!(String::from_utf8_lossy(&output.stderr), told);
}

#[test]
fn what_is_no_answer_is_told_in_a_sentence() {
    let (output, _) = ask("401 Unauthorized", "", &["stop"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("Authorization failed"), "{told}");
    let (output, _) = ask("200 OK", "<html>", &["uptime"]);
    assert_eq!(output.status.code(), Some(1));
    // Bound, so that nobody else is given the port, and nobody listens.
    let nobody = tokio::net::TcpSocket::new_v4().unwrap();
    nobody.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let at = nobody.local_addr().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_forkful"))
        .args(["rpc", "--url", &format!("http://{at}/"), "uptime"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("Does the node run?"), "{told}");
}
