//! Connections and routes: how long, how many, and who answers which path.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::{Extension, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::actor::Command;
use crate::api::guard::{self, Caller, Refusal};
use crate::api::{Api, envelope, events, limits, sending, table};

/// The other end of a connection.
#[derive(Clone, Debug)]
pub(super) struct Remote {
    pub address: SocketAddr,
    /// Ends the connection at once.
    pub cut: CancellationToken,
}

/// What the node tells, from before anybody could ask.
pub(super) type Told = tokio::sync::broadcast::Receiver<Arc<forkful_core::Event>>;

/// How long to wait when nothing can be accepted: all file descriptors are in use, mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until the node ends, and ends with the last of them.
pub(super) async fn run(listener: TcpListener, api: Arc<Api>, told: Told) {
    let shutdown = api.handle.shutdown.clone();
    let service = TowerToHyperService::new(router(Arc::clone(&api)));
    let room = Arc::new(Semaphore::new(limits::CONNECTIONS_MAX));
    let tasks = TaskTracker::new();
    tasks.spawn(events::pump(Arc::clone(&api), told));
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, address)) = accepted else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // One too many is closed at once, which is cheaper than anything it could ask.
        if let Ok(permit) = Arc::clone(&room).try_acquire_owned() {
            let (service, shutdown) = (service.clone(), shutdown.clone());
            tasks.spawn(async move {
                connection(stream, address, service, shutdown).await;
                drop(permit);
            });
        }
    }
    tasks.close();
    tasks.wait().await;
    if let Some(cookie) = &api.cookie {
        cookie.remove();
    }
    if let Some(place) = &api.place {
        place.remove();
    }
}

async fn connection(
    stream: TcpStream,
    address: SocketAddr,
    service: TowerToHyperService<Router>,
    shutdown: CancellationToken,
) {
    // Answers are small, and whoever asked waits for them.
    let _ = stream.set_nodelay(true);
    let cut = CancellationToken::new();
    let remote = Remote {
        address,
        cut: cut.clone(),
    };
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(remote.clone());
        service.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD_TIME)
        .max_buf_size(limits::HEAD_BYTES_MAX)
        .max_headers(limits::HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        // What went wrong with a connection is its client's to see.
        _ = connection.as_mut() => return,
        () = cut.cancelled() => return,
        () = shutdown.cancelled() => {}
        () = sleep(limits::CONNECTION_TIME) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(limits::END_TIME, connection).await;
}

fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/", post(rpc))
        .route("/events", get(events::stream))
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/openrpc.json", get(open_rpc))
        .layer(from_fn_with_state(Arc::clone(&api), guard::check))
        .with_state(api)
}

/// One JSON-RPC request, or a batch.
async fn rpc(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, Refusal> {
    guard::is_json(request.headers())?;
    let most = match caller.trusted {
        true => limits::BODY_BYTES_WITH_COOKIE_MAX,
        false => limits::BODY_BYTES_MAX,
    };
    let too_long = || {
        let text = format!("the body has more than {most} bytes, or ends too early");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, text)
    };
    if request.body().size_hint().lower() > most as u64 {
        return Err(too_long());
    }
    let body = timeout(limits::BODY_TIME, to_bytes(request.into_body(), most))
        .await
        .map_err(|_| Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body came too slowly"))?
        .map_err(|_| too_long())?;
    let reply = envelope::answer(&api, &body, caller.trusted).await?;
    if reply.body.is_empty() {
        return Ok(reply.status.into_response());
    }
    let json = [(header::CONTENT_TYPE, "application/json")];
    Ok((
        reply.status,
        json,
        Body::from(sending::with(reply.body, reply.room)),
    )
        .into_response())
}

async fn metrics(State(api): State<Arc<Api>>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], api.metrics.encode(&api)).into_response()
}

/// Whether the node does what it is told: all that was commanded before this is done then.
async fn healthz(State(api): State<Arc<Api>>) -> Response {
    let (done, is_done) = oneshot::channel();
    let asked = async {
        api.handle
            .commands
            .send(Command::Barrier(done))
            .await
            .ok()?;
        is_done.await.ok()
    };
    let unwell = |text| (StatusCode::SERVICE_UNAVAILABLE, text).into_response();
    match timeout(limits::HEALTH_TIME, asked).await {
        _ if api.handle.shutdown.is_cancelled() => unwell("ending\n"),
        Ok(Some(())) => "ok\n".into_response(),
        Ok(None) => unwell("ending\n"),
        Err(_) => unwell("the node does not do what it is told\n"),
    }
}

async fn open_rpc() -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, table::open_rpc().to_string()).into_response()
}
