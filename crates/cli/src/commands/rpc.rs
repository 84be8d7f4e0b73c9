//! `forkful rpc`: one call to a node's API, printed as `bitcoin-cli` prints it.

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use forkful_net::api::table::{self, Kind, Param};
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::running::Running;
use crate::show::style::plain;

/// The longest answer that is read, in bytes: a block as hex and much around it.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Longer than the longest wait of the API.
const TIME_MAX: Duration = Duration::from_secs(660);

/// The longest standard input that is read, in bytes: a block as hex and more.
const STDIN_BYTES_MAX: u64 = 16 << 20;

/// What `forkful rpc` is told.
#[derive(Debug, clap::Args)]
pub struct RpcArgs {
    /// Where the node's API listens [default: where the node of the data directory says]
    #[arg(long, value_name = "URL", env = "FORKFUL_URL")]
    pub url: Option<String>,

    /// The node's data directory, where its cookie is [default: that of the node that runs]
    ///
    /// Nodes are sought in the directories of ~/.forkful.
    #[arg(long, value_name = "DIR", env = "FORKFUL_DATA_DIR")]
    pub data_dir: Option<PathBuf>,

    /// Arguments are NAME=VALUE; those without a = go by position, and come first.
    #[arg(long)]
    pub named: bool,

    /// Read more arguments from standard input, one a line; JSON in brackets may take several.
    #[arg(long)]
    pub stdin: bool,

    /// What is called; `help` lists all methods.
    pub method: String,

    /// Its arguments: JSON, or text where the method takes text.
    #[arg(allow_hyphen_values = true)]
    pub args: Vec<String>,
}

/// Calls the method.
pub fn run(args: &RpcArgs) -> Result<ExitCode, Failure> {
    let mut words = args.args.clone();
    if args.stdin {
        words.extend(lines(&stdin()?, args.named));
    }
    let params = params(&args.method, args.named, &words)?;
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": args.method, "params": params });
    let node = Running::choose(args.url.as_deref(), args.data_dir.as_deref())?;
    let (status, text) = post(&node, &request.to_string())?;
    match status {
        200 => {}
        401 => return Err(Failure::Rpc(unauthorized(&node))),
        _ => {
            let text = format!("the server answered {status}: {}", text.trim());
            return Err(Failure::Rpc(text));
        }
    }
    let answer: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::Rpc(format!("the server's answer is no JSON: {error}")))?;
    match answer.get("error") {
        None | Some(Value::Null) => print(answer.get("result").unwrap_or(&Value::Null)),
        Some(error) => tell(error),
    }
}

fn unauthorized(node: &Running) -> String {
    let what = match &node.cookie {
        Some(_) => "the cookie there is of another node, or of an earlier run",
        None => "there is no cookie",
    };
    let place = match &node.directory {
        Some(directory) => directory.display().to_string(),
        None => "no directory".to_owned(),
    };
    format!(
        "Authorization failed at {}: {what} (looked in {place}). Name the data directory of this node with --data-dir",
        node.url
    )
}

fn stdin() -> Result<String, Failure> {
    let failed = |error| Failure::Input {
        name: "standard input".to_owned(),
        error,
    };
    let mut text = String::new();
    let read = io::stdin()
        .take(STDIN_BYTES_MAX + 1)
        .read_to_string(&mut text);
    if read.map_err(failed)? as u64 > STDIN_BYTES_MAX {
        let text = format!("standard input has more than {STDIN_BYTES_MAX} bytes");
        return Err(Failure::Usage(text));
    }
    Ok(text)
}

/// The arguments in a text: one a line, but JSON that begins with a bracket goes on until it is
/// complete.
fn lines(mut text: &str, is_named: bool) -> Vec<String> {
    let mut words = Vec::new();
    while !text.is_empty() {
        let line = text.lines().next().unwrap_or_default();
        let name = match line.split_once('=') {
            Some((name, _)) if is_named => name.len() + 1,
            _ => 0,
        };
        let word = json_line(text, name).unwrap_or(line);
        words.push(word.to_owned());
        text = &text[word.len()..];
        let end = text.strip_prefix("\r\n").or(text.strip_prefix('\n'));
        text = end.unwrap_or(text);
    }
    words
}

/// What stands before and in the JSON at this place, if it is in brackets and the line ends with it.
fn json_line(text: &str, at: usize) -> Option<&str> {
    let value = text.get(at..)?;
    if !value
        .trim_start_matches([' ', '\t'])
        .starts_with(['{', '['])
    {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(value).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    let end = at + values.byte_offset();
    let rest = text[end..].lines().next().unwrap_or_default();
    let is_end = rest.trim_end().is_empty();
    is_end.then(|| &text[..end + rest.len()])
}

/// A string bare, nothing for null, everything else as JSON.
fn print(result: &Value) -> Result<ExitCode, Failure> {
    let mut out = io::stdout().lock();
    let printed = match result {
        Value::Null => Ok(()),
        Value::String(text) => writeln!(out, "{text}"),
        other => writeln!(out, "{other:#}"),
    };
    printed
        .and_then(|()| out.flush())
        .map_err(Failure::stdout)?;
    Ok(ExitCode::SUCCESS)
}

/// The exit code is that of `bitcoin-cli`: the error's without its sign, as far as a process
/// can have it.
fn tell(error: &Value) -> Result<ExitCode, Failure> {
    let code = error.get("code").and_then(Value::as_i64).unwrap_or(-1);
    let message = error.get("message").and_then(Value::as_str);
    let message = plain(message.unwrap_or_default());
    // If standard error is gone too, there is nobody left to tell.
    let _ = writeln!(
        anstream::stderr(),
        "error code: {code}\nerror message:\n{message}"
    );
    let code = u8::try_from(code.unsigned_abs() & 0xff).unwrap_or(1);
    Ok(ExitCode::from(code.max(1)))
}

fn post(node: &Running, body: &str) -> Result<(u16, String), Failure> {
    let agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        // Never by way of somebody else.
        .proxy(None)
        .timeout_connect(Some(Duration::from_secs(10)))
        .timeout_global(Some(TIME_MAX))
        .build()
        .new_agent();
    let mut request = agent
        .post(&node.url)
        .header("Content-Type", "application/json");
    if let Some(cookie) = &node.cookie {
        use base64::Engine as _;
        let secret = base64::engine::general_purpose::STANDARD.encode(cookie);
        request = request.header("Authorization", format!("Basic {secret}"));
    }
    let url = &node.url;
    let failed = |error: ureq::Error| Failure::Rpc(format!("{url}: {error}. Does the node run?"));
    let mut response = request.send(body).map_err(failed)?;
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX);
    let text = body.read_to_string();
    let broken = |error| Failure::Rpc(format!("{url}: the answer ends early: {error}"));
    Ok((status, text.map_err(broken)?))
}

/// As `bitcoin-cli` does, by the table of methods: what is text stays text, whatever it looks
/// like; anything else is JSON.
fn params(method: &str, is_named: bool, words: &[String]) -> Result<Value, Failure> {
    let params = table::find(method).map_or(&[][..], |method| method.params);
    let by_position = |words: &[&String]| -> Vec<Value> {
        let values = words.iter().enumerate();
        values
            .map(|(at, text)| value(params.get(at), text))
            .collect()
    };
    if !is_named {
        return Ok(by_position(&words.iter().collect::<Vec<_>>()).into());
    }
    let mut named = Map::new();
    let mut first = Vec::new();
    for word in words {
        let Some((name, text)) = word.split_once('=') else {
            first.push(word);
            continue;
        };
        let param = params.iter().find(|param| param.name == name);
        if named.insert(name.to_owned(), value(param, text)).is_some() {
            return Err(Failure::Usage(format!("{name} is given twice")));
        }
    }
    if !first.is_empty() {
        named.insert("args".to_owned(), by_position(&first).into());
    }
    Ok(named.into())
}

fn value(param: Option<&Param>, text: &str) -> Value {
    let is_text = matches!(
        param.map(|param| param.kind),
        Some(Kind::Text | Kind::Hash | Kind::Hex)
    );
    match serde_json::from_str(text) {
        Ok(value) if !is_text => value,
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(method: &str, named: bool, args: &[&str]) -> Value {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        params(method, named, &args).unwrap()
    }

    #[test]
    fn standard_input_has_one_argument_a_line_and_json_goes_on_until_it_is_complete() {
        for (text, words) in [
            ("", &[][..]),
            ("one\ntwo words\n", &["one", "two words"]),
            ("one\r\n\nthree", &["one", "", "three"]),
            (
                "{\n  \"a\": [\n    1 ]\n}\n2\n",
                &["{\n  \"a\": [\n    1 ]\n}", "2"],
            ),
            (" [1,\n2] \r\nx", &[" [1,\n2] ", "x"]),
            ("[1] x\n{\n[\n", &["[1] x", "{", "["]),
            ("{a\n}\n", &["{a", "}"]),
            ("a=[1,\n2]", &["a=[1,", "2]"]),
        ] {
            assert_eq!(lines(text, false), words, "{text:?}");
        }
        assert_eq!(lines("a=[1,\n2]\nb=x=[\n", true), ["a=[1,\n2]", "b=x=["]);
    }

    #[test]
    fn arguments_are_json_but_where_text_is_wanted() {
        assert_eq!(parsed("getblockhash", false, &["7"]), json!([7]));
        assert_eq!(
            parsed("submitdata", false, &["7", "hex"]),
            json!(["7", "hex"])
        );
        assert_eq!(
            parsed("getblock", false, &["12e4", "2"]),
            json!(["12e4", 2])
        );
        assert_eq!(
            parsed("no_such", false, &["12e4", "x", "[1]"]),
            json!([120_000.0, "x", [1]])
        );
        let named = parsed("getblock", true, &["blockhash=1", "verbosity=0"]);
        assert_eq!(named, json!({ "blockhash": "1", "verbosity": 0 }));
        let mixed = parsed("getblock", true, &["1", "verbosity=0"]);
        assert_eq!(mixed, json!({ "args": ["1"], "verbosity": 0 }));
    }
}
