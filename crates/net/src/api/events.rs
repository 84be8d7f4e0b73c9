//! Events, as they happen: Server-Sent Events, with ids from which a client goes on.
//!
//! There is one bounded ring of events and no queue per client. A stream has only its place in
//! the ring; one that reads too slowly, or comes back too late, is told how many events it
//! missed, and costs no memory.

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::sse::{Event as Sse, KeepAlive};
use axum::response::{IntoResponse, Response};
use forkful_core::event::What;
use forkful_core::{Block, BlockRef, Event, Hash, NodeId, Time, Timestamp, sha256};
use futures_util::stream;
use serde::Serialize;
use serde_json::json;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::{OwnedSemaphorePermit, watch};

use crate::actor::Participant;
use crate::api::guard::Refusal;
use crate::api::{Api, limits};

/// The kinds that a stream may ask for.
pub const KINDS: [&str; 14] = [
    "attempt_ended",
    "data_disconnected",
    "data_mined",
    "hash_rate",
    "mined",
    "peer_down",
    "peer_up",
    "published",
    "received",
    "refused",
    "rejected",
    "submitted",
    "tip_changed",
    "unconnected",
];

/// Kinds that a peer can cause as often as it likes, for little or nothing. They must not push out of
/// the ring what people look for.
const OF_PEERS: [&str; 4] = ["peer_down", "peer_up", "rejected", "unconnected"];

/// How many events a stream takes from the ring at one time.
const AT_ONCE: usize = 64;

/// One event, as it is told.
#[derive(Debug)]
struct Told {
    number: u64,
    kind: &'static str,
    json: String,
}

/// Data got on the active chain, or off it: in the form of the event that moved it.
#[derive(Serialize)]
struct DataMoved {
    time: Time,
    node: Option<NodeId>,
    event: &'static str,
    entry: Hash,
    block: BlockRef,
}

/// The latest events.
pub(super) struct Ring {
    /// What ids begin with: those of another run of the node are none of ours.
    run: u64,
    /// A std mutex, held for one event or one look and never across an await.
    inner: Mutex<Inner>,
    last: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    told: VecDeque<Arc<Told>>,
    /// The number of the last event; the first is 1.
    last: u64,
    /// Data whose way onto the chain is told, and the order in which it came.
    watched: BTreeSet<Hash>,
    order: VecDeque<Hash>,
    /// Of each kind that peers cause, since when it is counted, and how often it came: so a flood of
    /// one hides no other.
    of_peers: [(Time, usize); OF_PEERS.len()],
}

impl Ring {
    /// The ring of a node that was started then.
    pub fn new(started: Timestamp) -> Self {
        Ring {
            run: started.0,
            inner: Mutex::default(),
            last: watch::Sender::new(0),
        }
    }

    /// Tells from now on when this data gets on the active chain, or off it.
    pub fn watch(&self, entry: Hash) {
        let mut inner = self.lock();
        if inner.watched.insert(entry) {
            inner.order.push_back(entry);
        }
        if inner.order.len() > limits::DATA_WATCHED_MAX
            && let Some(oldest) = inner.order.pop_front()
        {
            inner.watched.remove(&oldest);
        }
    }

    fn push(&self, kind: &'static str, time: Time, json: String) {
        let last = {
            let mut inner = self.lock();
            if !inner.lets(kind, time) {
                return;
            }
            inner.last += 1;
            let number = inner.last;
            if inner.told.len() >= limits::EVENTS_KEPT {
                inner.told.pop_front();
            }
            inner.told.push_back(Arc::new(Told { number, kind, json }));
            number
        };
        self.last.send_replace(last);
    }

    /// So many events were lost before they came here.
    fn skip(&self, count: u64) {
        let mut inner = self.lock();
        inner.last = inner.last.saturating_add(count);
    }

    /// Some events after this number, and how many before them are gone.
    fn after(&self, number: u64) -> (Vec<Arc<Told>>, u64) {
        let inner = self.lock();
        let from = inner.told.partition_point(|told| told.number <= number);
        let mut events = Vec::new();
        let mut expected = number + 1;
        let mut missed = 0;
        for told in inner.told.iter().skip(from).take(AT_ONCE) {
            if told.number != expected {
                if !events.is_empty() {
                    break;
                }
                missed = told.number - expected;
            }
            expected = told.number + 1;
            events.push(Arc::clone(told));
        }
        (events, missed)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Whether one more event of this kind has a place now.
    fn lets(&mut self, kind: &str, time: Time) -> bool {
        let Some(place) = OF_PEERS.iter().position(|of_peers| *of_peers == kind) else {
            return true;
        };
        let (since, count) = &mut self.of_peers[place];
        if time.since(*since) > limits::EVENTS_OF_PEERS_WINDOW {
            (*since, *count) = (time, 0);
        }
        *count += 1;
        *count <= limits::EVENTS_OF_PEERS_MAX
    }
}

/// Takes in what the node tells, until it ends.
pub(super) async fn pump(api: Arc<Api>, mut events: Receiver<Arc<Event>>) {
    loop {
        let event = tokio::select! {
            () = api.handle.shutdown.cancelled() => return,
            event = events.recv() => event,
        };
        match event {
            Ok(event) => note(&api, &event),
            Err(RecvError::Lagged(missed)) => api.events.skip(missed),
            Err(RecvError::Closed) => return,
        }
    }
}

fn note(api: &Api, event: &Event) {
    let kind = event.what.name();
    api.metrics.happened(kind);
    if let What::TipChanged { disconnected, .. } = event.what {
        api.metrics.disconnected(disconnected);
    }
    // Every message would push out of the ring what people look for.
    if !KINDS.contains(&kind) {
        return;
    }
    if let Ok(json) = serde_json::to_string(event) {
        api.events.push(kind, event.time, json);
    }
    if let What::TipChanged { old, new, .. } = event.what {
        note_data(api, event, old, new);
    }
}

/// Tells of data that this API took and that a change of the tip put on the chain, or took off.
fn note_data(api: &Api, event: &Event, old: BlockRef, new: BlockRef) {
    if api.events.lock().watched.is_empty() {
        return;
    }
    let (left, joined) = {
        let participant = api.handle.shared.lock();
        (
            branch(&participant, new, old),
            branch(&participant, old, new),
        )
    };
    for (kind, blocks) in [("data_disconnected", left), ("data_mined", joined)] {
        for block in blocks {
            let at = BlockRef {
                hash: block.header.hash(),
                height: block.header.index,
            };
            for entry in &block.entries {
                let entry = sha256(entry);
                if !api.events.lock().watched.contains(&entry) {
                    continue;
                }
                let moved = DataMoved {
                    time: event.time,
                    node: event.node,
                    event: kind,
                    entry,
                    block: at,
                };
                api.metrics.happened(kind);
                if let Ok(json) = serde_json::to_string(&moved) {
                    api.events.push(kind, event.time, json);
                }
            }
        }
    }
}

/// The last blocks of the chain to `to` that are not on the chain to `from`, in order.
fn branch(participant: &Participant, from: BlockRef, to: BlockRef) -> Vec<Arc<Block>> {
    let tree = &participant.tree;
    let (Some(from), Some(to)) = (tree.find(&from.hash), tree.find(&to.hash)) else {
        return Vec::new();
    };
    let path = tree.path(tree.fork_point(from, to), to);
    let skipped = path.len().saturating_sub(limits::DATA_BLOCKS_MAX);
    let blocks = path.iter().skip(skipped);
    blocks.filter_map(|id| tree.block(*id)).collect()
}

/// One client that listens.
struct Stream {
    api: Arc<Api>,
    /// The number of the last event that was looked at.
    at: u64,
    kinds: Vec<&'static str>,
    ready: VecDeque<Sse>,
    last: watch::Receiver<u64>,
    _permit: OwnedSemaphorePermit,
}

/// `GET /events`
pub(super) async fn stream(
    State(api): State<Arc<Api>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let kinds = kinds(uri.query().unwrap_or_default())?;
    let Ok(permit) = Arc::clone(&api.streams).try_acquire_owned() else {
        let text = "too many streams of events";
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, text));
    };
    let newest = api.events.lock().last;
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let mut ready = VecDeque::from([Sse::default().comment("forkful events")]);
    let at = match seen.map(|id| place(id, api.events.run, newest)) {
        None => newest,
        Some(Some(number)) => number,
        Some(None) => {
            // Of another run of the node: nobody knows how many.
            ready.push_back(missed(None));
            0
        }
    };
    let stream = Stream {
        last: api.events.last.subscribe(),
        api,
        at,
        kinds,
        ready,
        _permit: permit,
    };
    let stream = stream::unfold(stream, |mut stream| async move {
        let event = stream.next().await?;
        Some((Ok::<_, Infallible>(event), stream))
    });
    let alive = KeepAlive::new().interval(Duration::from_secs(15));
    let sse = axum::response::Sse::new(stream).keep_alive(alive);
    Ok(sse.into_response())
}

/// The number in the id of an event of this run.
fn place(id: &str, run: u64, newest: u64) -> Option<u64> {
    let (of, number) = id.split_once('-')?;
    let number = number.parse::<u64>().ok()?;
    (of.parse() == Ok(run) && number <= newest).then_some(number)
}

fn kinds(query: &str) -> Result<Vec<&'static str>, Refusal> {
    let bad = |text: String| Refusal::new(StatusCode::BAD_REQUEST, text);
    let mut kinds = KINDS.to_vec();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let Some(list) = pair.strip_prefix("kinds=") else {
            return Err(bad("only kinds=A,B,.. can be asked for".to_owned()));
        };
        let list = list.replace("%2C", ",").replace("%2c", ",");
        let known = |name: &str| KINDS.into_iter().find(|kind| *kind == name);
        let asked: Option<Vec<_>> = list.split(',').map(known).collect();
        kinds = asked.ok_or_else(|| bad(format!("the kinds are {}", KINDS.join(", "))))?;
    }
    Ok(kinds)
}

fn missed(count: Option<u64>) -> Sse {
    let data = json!({ "event": "missed", "count": count }).to_string();
    Sse::default().event("missed").data(data)
}

impl Stream {
    /// The next event; `None` when the node ends.
    async fn next(&mut self) -> Option<Sse> {
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Some(ready);
            }
            self.last.borrow_and_update();
            if self.take() {
                continue;
            }
            tokio::select! {
                () = self.api.handle.shutdown.cancelled() => return None,
                changed = self.last.changed() => changed.ok()?,
            }
        }
    }

    /// Takes some events from the ring, and says whether there were any.
    fn take(&mut self) -> bool {
        let run = self.api.events.run;
        let (events, gone) = self.api.events.after(self.at);
        if gone > 0 {
            self.ready.push_back(missed(Some(gone)));
        }
        for told in &events {
            self.at = told.number;
            if self.kinds.contains(&told.kind) {
                let id = format!("{run}-{}", told.number);
                let sse = Sse::default().id(id).event(told.kind).data(&told.json);
                self.ready.push_back(sse);
            }
        }
        !events.is_empty()
    }
}
