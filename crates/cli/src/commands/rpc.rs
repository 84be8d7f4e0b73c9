//! `forkful rpc`: one call to a node's API, printed as `bitcoin-cli` prints it.

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use forkful_net::api::table::{self, Kind, Param};
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::show::style::plain;

/// The longest answer that is read, in bytes: a block as hex and much around it.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// The longest cookie that is read, in bytes.
const COOKIE_BYTES_MAX: u64 = 1_024;

/// Longer than the longest wait of the API.
const TIME_MAX: Duration = Duration::from_secs(660);

/// What `forkful rpc` is told.
#[derive(Debug, clap::Args)]
pub struct RpcArgs {
    /// Where the node's API listens.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:9332/")]
    pub url: String,

    /// The node's data directory, where its cookie is [default: ~/.forkful/playground]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Arguments are NAME=VALUE.
    #[arg(long)]
    pub named: bool,

    /// What is called; `help` lists all methods.
    pub method: String,

    /// Its arguments: JSON, or text where the method takes text.
    #[arg(allow_hyphen_values = true)]
    pub args: Vec<String>,
}

/// Calls the method.
pub fn run(args: &RpcArgs) -> Result<ExitCode, Failure> {
    let params = params(args)?;
    let request = json!({ "jsonrpc": "2.0", "id": 1, "method": args.method, "params": params });
    let (status, text) = post(args, &request.to_string())?;
    match status {
        200 => {}
        401 => {
            let text = "Authorization failed: the method needs the cookie in the node's data directory (--data-dir), and it must be that of this node";
            return Err(Failure::Rpc(text.to_owned()));
        }
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

fn post(args: &RpcArgs, body: &str) -> Result<(u16, String), Failure> {
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
        .post(&args.url)
        .header("Content-Type", "application/json");
    if let Some(cookie) = cookie(args) {
        use base64::Engine as _;
        let secret = base64::engine::general_purpose::STANDARD.encode(cookie);
        request = request.header("Authorization", format!("Basic {secret}"));
    }
    let url = &args.url;
    let failed = |error: ureq::Error| Failure::Rpc(format!("{url}: {error}. Does the node run?"));
    let mut response = request.send(body).map_err(failed)?;
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX);
    let text = body.read_to_string();
    let broken = |error| Failure::Rpc(format!("{url}: the answer ends early: {error}"));
    Ok((status, text.map_err(broken)?))
}

/// The cookie, if there is one: reads need none.
fn cookie(args: &RpcArgs) -> Option<String> {
    let dir = match &args.data_dir {
        Some(dir) => dir.clone(),
        None => std::env::home_dir()?.join(".forkful").join("playground"),
    };
    let file = std::fs::File::open(dir.join(".cookie")).ok()?;
    let mut text = String::new();
    file.take(COOKIE_BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text.trim().to_owned())
}

/// As `bitcoin-cli` does, by the table of methods: what is text stays text, whatever it looks
/// like; anything else is JSON.
fn params(args: &RpcArgs) -> Result<Value, Failure> {
    let params = table::find(&args.method).map_or(&[][..], |method| method.params);
    if !args.named {
        let values = args.args.iter().enumerate();
        return Ok(values
            .map(|(at, text)| value(params.get(at), text))
            .collect());
    }
    let mut named = Map::new();
    for arg in &args.args {
        let Some((name, text)) = arg.split_once('=') else {
            let text = format!("with --named, arguments are NAME=VALUE, not {arg:?}");
            return Err(Failure::Usage(text));
        };
        let param = params.iter().find(|param| param.name == name);
        named.insert(name.to_owned(), value(param, text));
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
        let args = RpcArgs {
            url: String::new(),
            data_dir: None,
            named,
            method: method.to_owned(),
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
        };
        params(&args).unwrap()
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
    }
}
