//! What programs and people ask of a node, over HTTP on loopback.
//!
//! ```text
//!            ┌─ guard: Host, Origin, who asks ─┐
//!  POST /  ──┤                                 ├─▶ envelope ─▶ table ─▶ methods/*  ─▶ Handle
//!  GET /events, /metrics, /healthz, /openrpc.json
//! ```
//!
//! JSON-RPC 2.0 with the names, arguments and error codes of Bitcoin Core, wherever the notion
//! is the same. [`table`] is the one list of methods; [`limits`] has every bound. A call reads
//! the participant under its lock, or gives the actor a command; nothing here decides anything.
//! docs/node/api.md is the manual.

mod cookie;
mod envelope;
mod error;
mod events;
mod guard;
pub mod limits;
mod methods;
mod metrics;
mod params;
mod render;
mod sending;
mod server;
pub mod table;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::handle::Handle;

use cookie::{Cookie, Place};
use events::Ring;
use metrics::Metrics;
use sending::Room;

/// The name of the cookie's file in a data directory.
pub const COOKIE_NAME: &str = ".cookie";

/// The name of the file beside the cookie that says where the API answers, as a URL.
pub const PLACE_NAME: &str = ".api";

/// How the API of a node is set up.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// Where it listens. Port 0 is any free one.
    pub listen: SocketAddr,
    /// Where the cookie is written; without one, nothing that changes the node is allowed,
    /// and nothing at all but from this machine.
    pub cookie: Option<PathBuf>,
    /// Names under which it may be asked, besides `localhost` and addresses written as
    /// numbers. Without a port.
    pub hosts: Vec<String>,
}

impl Default for ApiConfig {
    fn default() -> Self {
        ApiConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            cookie: None,
            hosts: Vec::new(),
        }
    }
}

/// What all requests share.
pub struct Api {
    handle: Handle,
    hosts: Vec<String>,
    cookie: Option<Cookie>,
    place: Option<Place>,
    /// Permits of requests that are worked on, calls that wait, and streams of events.
    requests: Arc<Semaphore>,
    waits: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    /// For the bytes of answers that are not sent yet.
    room: Room,
    /// Held by the one `generate` under way.
    generating: Semaphore,
    events: Arc<Ring>,
    metrics: Metrics,
}

/// Why an API is not served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It cannot listen.
    #[error(
        "cannot listen on {at} for the API: {error}. Another node may run there: take another address or port"
    )]
    Listen {
        /// Where.
        at: SocketAddr,
        /// What the system said.
        error: io::Error,
    },
    /// The cookie, or the address for `forkful rpc`, cannot be written.
    #[error("cannot write {}: {error}. Look at the disk's room and the directory's permissions", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// Serves the API of a node until the node's `shutdown`. Answers where it listens, and the
/// task, which ends when every connection has ended and the cookie is removed.
///
/// # Errors
/// The address cannot be listened on, or the cookie cannot be written.
pub async fn serve(
    handle: Handle,
    config: ApiConfig,
) -> Result<(SocketAddr, JoinHandle<()>), ServeError> {
    let at = config.listen;
    let listening = async {
        let listener = TcpListener::bind(at).await?;
        Ok((listener.local_addr()?, listener))
    };
    let (address, listener) = listening
        .await
        .map_err(|error| ServeError::Listen { at, error })?;
    let wrong = |path: &Path| {
        let path = path.to_owned();
        |error| ServeError::File { path, error }
    };
    let cookie = |path: &Path| Cookie::create(path).map_err(wrong(path));
    let cookie = config.cookie.as_deref().map(cookie).transpose()?;
    let beside = config.cookie.as_deref().and_then(|path| path.parent());
    let place = beside.map(|directory| {
        let path = directory.join(PLACE_NAME);
        Place::create(&path, address).map_err(wrong(&path))
    });
    let place = place.transpose()?;
    let told = handle.events.subscribe();
    let api = Arc::new(Api::new(handle, config.hosts, cookie, place));
    Ok((address, tokio::spawn(server::run(listener, api, told))))
}

impl Api {
    fn new(
        handle: Handle,
        hosts: Vec<String>,
        cookie: Option<Cookie>,
        place: Option<Place>,
    ) -> Self {
        Api {
            events: Arc::new(Ring::new(handle.clock.start_timestamp())),
            handle,
            hosts,
            cookie,
            place,
            requests: Arc::new(Semaphore::new(limits::REQUESTS_MAX)),
            waits: Arc::new(Semaphore::new(limits::WAITS_MAX)),
            streams: Arc::new(Semaphore::new(limits::STREAMS_MAX)),
            room: Room::new(),
            generating: Semaphore::new(1),
            metrics: Metrics::new(),
        }
    }
}

/// What the API of a node answers to the body of a request, without a connection: the status and
/// the body, or nothing if the cookie was needed. For fuzzing.
#[doc(hidden)]
pub async fn answer(handle: Handle, body: &[u8], trusted: bool) -> Option<(u16, String)> {
    let api = Arc::new(Api::new(handle, Vec::new(), None, None));
    let reply = envelope::answer(&api, body, trusted).await.ok()?;
    Some((reply.status.as_u16(), reply.body))
}
