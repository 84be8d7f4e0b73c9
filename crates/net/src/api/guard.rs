//! Who may ask, checked before anything is read of what is asked.
//!
//! A browser on this machine will send requests wherever a web page tells it to. So the name
//! under which the API is asked must be one of ours (DNS rebinding), a page of another origin is
//! refused (CSRF), and a body must say that it is JSON, which no form can.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::api::server::Remote;
use crate::api::{Api, sending};

/// A request that is not served.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    why: String,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    /// Whether it showed the cookie.
    pub trusted: bool,
}

impl Refusal {
    /// Not served, with this status, for a reason that people can read.
    pub fn new(status: StatusCode, why: impl Into<String>) -> Self {
        Refusal {
            status,
            why: why.into(),
        }
    }

    /// The cookie is missing or wrong.
    pub fn unauthorized(why: &str) -> Self {
        Refusal::new(StatusCode::UNAUTHORIZED, why)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let text = format!("{}\n", self.why);
        let mut response = (self.status, text).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let basic = header::HeaderValue::from_static("Basic realm=\"jsonrpc\"");
            let headers = response.headers_mut();
            headers.insert(header::WWW_AUTHENTICATE, basic);
        }
        response
    }
}

/// Lets a request through, or refuses it.
pub(super) async fn check(
    State(api): State<Arc<Api>>,
    Extension(remote): Extension<Remote>,
    mut request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    let Ok(permit) = Arc::clone(&api.requests).try_acquire_owned() else {
        let text = "too many requests at one time";
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text));
    };
    let headers = request.headers();
    let host = check_host(request.uri(), headers, &api.hosts)?;
    check_origin(headers, host)?;
    let trusted = check_cookie(&api, headers)?;
    if !trusted && !remote.address.ip().to_canonical().is_loopback() {
        return Err(Refusal::unauthorized(
            "from another machine, the cookie is needed",
        ));
    }
    request.extensions_mut().insert(Caller { trusted });
    let response = next.run(request).await;
    Ok(sending::until_sent(response, permit, remote.cut).await)
}

/// A body has to say that it is JSON.
pub(super) fn is_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let text = "the Content-Type must be application/json";
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, text))
}

/// The name under which we are asked is an address, `localhost`, or one that was configured.
fn check_host<'a>(
    uri: &'a Uri,
    headers: &'a HeaderMap,
    hosts: &[String],
) -> Result<&'a str, Refusal> {
    let forbidden = |text: &str| Refusal::new(StatusCode::FORBIDDEN, text);
    let mut named = headers.get_all(header::HOST).iter();
    let host = named.next().and_then(|host| host.to_str().ok());
    let (Some(host), None) = (host, named.next()) else {
        return Err(forbidden("one Host header is needed"));
    };
    let authority = uri.authority().map(|authority| authority.as_str());
    for named in authority.into_iter().chain([host]) {
        if !is_ours(without_port(named), hosts) {
            return Err(forbidden("this Host is not served here"));
        }
    }
    Ok(host)
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        // The colons within the brackets of an IPv6 address are none of a port.
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    }
}

fn is_ours(name: &str, hosts: &[String]) -> bool {
    let v6 = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    let is_address = match v6 {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_ipv4()),
    };
    let same = |host: &str| host.eq_ignore_ascii_case(name);
    is_address || same("localhost") || hosts.iter().any(|host| same(host))
}

/// A page that asks is one of ours: there is none yet, so only a page under the same name.
fn check_origin(headers: &HeaderMap, host: &str) -> Result<(), Refusal> {
    let is_same = |origin: &header::HeaderValue| {
        let origin = origin.to_str().ok();
        let origin = origin.and_then(|origin| origin.strip_prefix("http://"));
        origin.is_some_and(|origin| origin.eq_ignore_ascii_case(host))
    };
    if headers.get_all(header::ORIGIN).iter().all(is_same) {
        return Ok(());
    }
    let text = "requests of other origins are not served";
    Err(Refusal::new(StatusCode::FORBIDDEN, text))
}

/// Whether the cookie was shown. One that is wrong is refused even where none is needed: its
/// sender believes to be somebody.
fn check_cookie(api: &Api, headers: &HeaderMap) -> Result<bool, Refusal> {
    let Some(given) = headers.get(header::AUTHORIZATION) else {
        return Ok(false);
    };
    let cookie = api.cookie.as_ref();
    if cookie.is_some_and(|cookie| cookie.is_in(given.as_bytes())) {
        return Ok(true);
    }
    Err(Refusal::unauthorized("the cookie is wrong"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_localhost_are_ours_and_other_names_must_be_configured() {
        let hosts = ["node.example".to_owned()];
        for host in [
            "127.0.0.1",
            "127.0.0.1:80",
            "[::1]:80",
            "[::1]",
            "LOCALHOST:1",
            "node.example",
        ] {
            assert!(is_ours(without_port(host), &hosts), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "127.0.0.1.evil.example",
            "[evil]",
            "::1",
            "localhost.",
            "[::1",
        ] {
            assert!(!is_ours(without_port(host), &hosts), "{host}");
        }
    }
}
