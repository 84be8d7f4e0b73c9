//! The envelope of JSON-RPC 2.0: requests, batches, notifications; and that of Bitcoin Core
//! before it, for clients that do not say which version they speak.
//!
//! Nothing of a request is taken apart before it was held against the bounds: its bytes, how
//! deep its brackets are, how many calls it has. A call that needs the cookie refuses the whole
//! request before any of its calls is carried out.

use std::sync::Arc;

use axum::http::StatusCode;
use serde::{Deserialize, Deserializer};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};

use crate::api::error::{RpcError, code, quoted};
use crate::api::guard::Refusal;
use crate::api::params::Args;
use crate::api::sending::Taken;
use crate::api::table::{self, Answer, Method, Run};
use crate::api::{Api, limits};

/// An answer over HTTP. Without a body there is nothing to say.
pub(super) struct Reply {
    pub status: StatusCode,
    pub body: String,
    /// What the body takes up.
    pub room: Taken,
}

/// A request as it stands in the body. A member that is there, if only as null, is `Some`.
#[derive(Deserialize)]
struct Request<'a> {
    #[serde(default, borrow, deserialize_with = "present")]
    jsonrpc: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    method: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    params: Option<&'a RawValue>,
}

/// One call, as far as it could be understood.
struct Call<'a> {
    /// As JSON; `None` for a notification.
    id: Option<&'a str>,
    /// Whether it says that it is JSON-RPC 2.0.
    is_two: bool,
    what: Result<(&'static Method, Option<&'a str>), RpcError>,
}

fn present<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// Answers a body.
///
/// # Errors
/// A call needs the cookie, and it was not shown.
pub(super) async fn answer(api: &Arc<Api>, body: &[u8], trusted: bool) -> Result<Reply, Refusal> {
    let (items, is_batch) = match split(body) {
        Ok(split) => split,
        Err((status, error)) => {
            return Ok(Reply {
                status,
                body: response(true, "null", &Err(error)),
                room: Taken::default(),
            });
        }
    };
    let calls: Vec<Call> = items.into_iter().map(understand).collect();
    for call in &calls {
        if let Ok((method, _)) = call.what
            && method.changes
            && !trusted
        {
            let text = format!("{} needs the cookie", method.name);
            return Err(Refusal::unauthorized(&text));
        }
    }
    let deadline = Instant::now() + limits::CALL_TIME;
    if is_batch {
        return Ok(batch(api, calls, deadline).await);
    }
    let Some(call) = calls.into_iter().next() else {
        return Ok(nothing());
    };
    let mut answer = carry_out(api, &call, deadline, true).await;
    let Some(id) = call.id else {
        return Ok(nothing());
    };
    let mut room = Taken::default();
    let mut body = response(call.is_two, id, &answer);
    if !api.room.extend(&mut room, body.len()) {
        answer = Err(no_room());
        body = response(call.is_two, id, &answer);
    }
    Ok(Reply {
        status: status(call.is_two, &answer),
        body,
        room,
    })
}

async fn batch(api: &Arc<Api>, calls: Vec<Call<'_>>, deadline: Instant) -> Reply {
    let mut body = String::new();
    let mut room = Taken::default();
    for call in calls {
        let answer = match body.len() > limits::BATCH_ANSWER_BYTES_MAX {
            true => Err(RpcError::new(
                code::MISC,
                "the answer to this batch is too long",
            )),
            false => carry_out(api, &call, deadline, false).await,
        };
        let Some(id) = call.id else {
            continue;
        };
        body.push(if body.is_empty() { '[' } else { ',' });
        let text = response(call.is_two, id, &answer);
        let refused = if text.len() > limits::BATCH_ANSWER_BYTES_MAX {
            let why = "the answer is too long for a batch";
            Some(RpcError::new(code::MISC, why))
        } else if !api.room.extend(&mut room, body.len() + text.len()) {
            Some(no_room())
        } else {
            None
        };
        match refused {
            Some(error) => body.push_str(&response(call.is_two, id, &Err(error))),
            None => body.push_str(&text),
        }
    }
    if body.is_empty() {
        return nothing();
    }
    body.push(']');
    Reply {
        status: StatusCode::OK,
        body,
        room,
    }
}

fn no_room() -> RpcError {
    let text = "too many bytes of answers are not read yet";
    RpcError::new(code::MISC, text)
}

/// Notifications are not answered.
fn nothing() -> Reply {
    Reply {
        status: StatusCode::NO_CONTENT,
        body: String::new(),
        room: Taken::default(),
    }
}

type Malformed = (StatusCode, RpcError);

/// The requests of a body, and whether they are a batch.
fn split(body: &[u8]) -> Result<(Vec<&RawValue>, bool), Malformed> {
    let no_json = |why: &str| {
        let text = format!("Parse error: {why}");
        (StatusCode::BAD_REQUEST, RpcError::new(code::PARSE, text))
    };
    let text = std::str::from_utf8(body).map_err(|_| no_json("not UTF-8"))?;
    if depth(text) > limits::JSON_DEPTH_MAX {
        return Err(no_json("nested too deeply"));
    }
    if !text.trim_ascii_start().starts_with('[') {
        let one = serde_json::from_str(text).map_err(|error| no_json(&error.to_string()))?;
        return Ok((vec![one], false));
    }
    let items: Vec<&RawValue> =
        serde_json::from_str(text).map_err(|error| no_json(&error.to_string()))?;
    let refused = |text: String| {
        let error = RpcError::new(code::INVALID_REQUEST, text);
        Err((StatusCode::OK, error))
    };
    match items.len() {
        0 => refused("Invalid Request: an empty batch".to_owned()),
        1..=limits::BATCH_CALLS_MAX => Ok((items, true)),
        many => {
            let most = limits::BATCH_CALLS_MAX;
            refused(format!(
                "Invalid Request: {many} calls in a batch, but {most} are allowed"
            ))
        }
    }
}

/// How deep the brackets of a text of JSON go. Does not call itself, so it cannot be made to
/// run out of stack.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn understand(item: &RawValue) -> Call<'_> {
    let invalid = |id, is_two, why: &str| Call {
        id: Some(id),
        is_two,
        what: Err(RpcError::new(
            code::INVALID_REQUEST,
            format!("Invalid Request: {why}"),
        )),
    };
    let Ok(request) = serde_json::from_str::<Request>(item.get()) else {
        return invalid("null", true, "not an object of a request's members");
    };
    let version = request.jsonrpc.map(RawValue::get);
    let is_two = match version {
        Some(r#""2.0""#) => true,
        None | Some(r#""1.0""# | r#""1.1""# | "null") => false,
        Some(_) => return invalid("null", true, "JSON-RPC version not supported"),
    };
    let id = match request.id.map(RawValue::get) {
        Some(id) if id.starts_with(['{', '[', 't', 'f']) => {
            return invalid("null", is_two, "id must be a string, a number or null");
        }
        Some(id) => Some(id),
        None if is_two => None,
        None => Some("null"),
    };
    let name = request
        .method
        .map(|name| serde_json::from_str::<String>(name.get()));
    let Some(Ok(name)) = name else {
        return invalid(id.unwrap_or("null"), is_two, "method must be a string");
    };
    let params = request.params.map(RawValue::get);
    if params.is_some_and(|params| !params.starts_with(['[', '{', 'n'])) {
        let id = id.unwrap_or("null");
        return invalid(id, is_two, "params must be an array or an object");
    }
    let unknown = || {
        let text = format!("Method not found: {}", quoted(&name));
        RpcError::new(code::METHOD_NOT_FOUND, text)
    };
    let method = table::find(&name).ok_or_else(unknown);
    Call {
        id,
        is_two,
        what: method.map(|method| (method, params)),
    }
}

async fn carry_out(api: &Arc<Api>, call: &Call<'_>, deadline: Instant, alone: bool) -> Answer {
    let (method, params) = call.what.clone()?;
    let answer = run(api, method, params, deadline, alone).await;
    api.metrics.called(method.name, answer.is_ok());
    answer
}

async fn run(
    api: &Arc<Api>,
    method: &'static Method,
    params: Option<&str>,
    deadline: Instant,
    alone: bool,
) -> Answer {
    let params = serde_json::from_str(params.unwrap_or("null"));
    let params = params.map_err(|error| {
        let text = format!("Invalid params: {error}");
        RpcError::new(code::INVALID_PARAMS, text)
    })?;
    let args = Args::new(method, params)?;
    let late = || {
        let text = "the request took too long; what it has begun may still happen";
        RpcError::new(code::INTERNAL, text)
    };
    match method.run {
        Run::Now(_) if Instant::now() >= deadline => Err(late()),
        Run::Now(run) => run(api, &args),
        Run::Later(run) if method.waits && alone => run(Arc::clone(api), args).await,
        Run::Later(run) => {
            let answering = run(Arc::clone(api), args);
            timeout_at(deadline, answering)
                .await
                .unwrap_or_else(|_| Err(late()))
        }
    }
}

/// With JSON-RPC 2.0 an error is an answer like any other. Before it, HTTP told it too.
fn status(is_two: bool, answer: &Answer) -> StatusCode {
    match answer {
        Err(error) if !is_two => match error.code {
            code::INVALID_REQUEST => StatusCode::BAD_REQUEST,
            code::METHOD_NOT_FOUND => StatusCode::NOT_FOUND,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        },
        _ => StatusCode::OK,
    }
}

/// One response. The id goes back as it came, digit for digit.
fn response(is_two: bool, id: &str, answer: &Answer) -> String {
    let version = if is_two { r#""jsonrpc":"2.0","# } else { "" };
    let members = match (answer, is_two) {
        (Ok(result), true) => format!(r#""result":{result}"#),
        (Ok(result), false) => format!(r#""result":{result},"error":null"#),
        (Err(error), true) => format!(r#""error":{}"#, error.to_json()),
        (Err(error), false) => format!(r#""result":{},"error":{}"#, json!(null), error.to_json()),
    };
    format!(r#"{{{version}{members},"id":{id}}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_of_brackets_and_not_of_strings() {
        assert_eq!(depth("{}"), 1);
        assert_eq!(depth(r#"{"a":[[1],[2]]}"#), 3);
        assert_eq!(depth(r#"{"a":"[[[[\"[["}"#), 1);
        assert_eq!(depth(&"[".repeat(100_000)), 100_000);
        assert_eq!(depth("]]]]["), 1);
    }

    #[test]
    fn an_id_goes_back_as_it_came() {
        let text = r#"{"jsonrpc":"2.0","id":123456789012345678901234567890,"method":"uptime"}"#;
        let raw: &RawValue = serde_json::from_str(text).unwrap();
        assert_eq!(understand(raw).id, Some("123456789012345678901234567890"));
    }
}
