//! Waiting for a block. So many wait at one time and no more, and none for ever.

use std::sync::Arc;
use std::time::Duration;

use forkful_core::{BlockRef, Hash};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use crate::api::error::{RpcError, code};
use crate::api::methods::chain::tip_json;
use crate::api::params::Args;
use crate::api::table::{Answer, Answering, Kind, Method, Param, Run, optional, required};
use crate::api::{Api, limits};

const TIMEOUT: Param = optional(
    "timeout",
    Kind::Number,
    "0",
    "Milliseconds; 0 is the longest there is, ten minutes.",
);

const fn waits(
    name: &'static str,
    params: &'static [Param],
    about: &'static str,
    run: fn(Arc<Api>, Args) -> Answering,
) -> Method {
    Method {
        name,
        section: "Waiting",
        params,
        about,
        result: "an object: hash and height of the tip, as it is then",
        changes: false,
        waits: true,
        run: Run::Later(run),
    }
}

/// This file's part of the table.
pub const METHODS: &[Method] = &[
    waits(
        "waitforblock",
        &[
            required("blockhash", Kind::Hash, "The block to wait for."),
            TIMEOUT,
        ],
        "Waits until the tip is this block, or the time is over.",
        |api, args| Box::pin(for_block(api, args)),
    ),
    waits(
        "waitforblockheight",
        &[
            required("height", Kind::Number, "The height to wait for."),
            TIMEOUT,
        ],
        "Waits until the tip has at least this height, or the time is over.",
        |api, args| Box::pin(for_height(api, args)),
    ),
    waits(
        "waitfornewblock",
        &[TIMEOUT],
        "Waits until the tip is another block than now, or the time is over.",
        |api, args| Box::pin(for_new_block(api, args)),
    ),
];

async fn for_block(api: Arc<Api>, args: Args) -> Answer {
    let hash: Hash = args.hash(0)?;
    wait(&api, args.count(1)?, |tip| tip.hash == hash).await
}

async fn for_height(api: Arc<Api>, args: Args) -> Answer {
    let height = args.count(0)?.unwrap_or(0);
    wait(&api, args.count(1)?, |tip| tip.height >= height).await
}

async fn for_new_block(api: Arc<Api>, args: Args) -> Answer {
    let before = api.handle.shared.lock().tip().hash;
    wait(&api, args.count(0)?, |tip| tip.hash != before).await
}

async fn wait(api: &Api, millis: Option<u64>, done: impl Fn(BlockRef) -> bool) -> Answer {
    let longest = limits::WAIT_TIME_MAX;
    let time = match millis.unwrap_or(0) {
        0 => longest,
        millis => Duration::from_millis(millis).min(longest),
    };
    let tip = until(api, time, longest, done).await?;
    Ok(tip_json(tip.hash, tip.height))
}

/// Waits until there is another template to search: a new tip at once, and new data when it is
/// looked for next.
pub(super) async fn for_template(
    api: &Api,
    tip: &str,
    is_new: impl Fn() -> bool,
) -> Result<(), RpcError> {
    let done = |now: BlockRef| now.hash.to_string() != tip || is_new();
    until(api, limits::WAIT_TIME_MAX, limits::LONG_POLL_LOOK, done).await?;
    Ok(())
}

/// Waits until it is done, or the time is over. Looks whenever the tip changes, and as often as told.
/// Answers the tip.
async fn until(
    api: &Api,
    time: Duration,
    look: Duration,
    done: impl Fn(BlockRef) -> bool,
) -> Result<BlockRef, RpcError> {
    let Ok(_permit) = api.waits.try_acquire() else {
        let text = "too many calls wait for a block already";
        return Err(RpcError::new(code::MISC, text));
    };
    let deadline = Instant::now() + time;
    // Listened to before the tip is looked at, so that no change falls in between.
    let mut events = api.handle.events.subscribe();
    loop {
        let tip = api.handle.shared.lock().tip();
        if done(tip) || Instant::now() >= deadline {
            return Ok(tip);
        }
        let look_at = deadline.min(Instant::now() + look);
        tokio::select! {
            () = api.handle.shutdown.cancelled() => return Err(RpcError::ended()),
            () = sleep_until(look_at) => {}
            () = tip_changed(&mut events) => {}
        }
    }
}

/// Comes back when the tip may be another one.
async fn tip_changed(events: &mut tokio::sync::broadcast::Receiver<Arc<forkful_core::Event>>) {
    use forkful_core::event::What;
    loop {
        match events.recv().await {
            Ok(event) if matches!(event.what, What::TipChanged { .. }) => return,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return,
            // Nothing more is told: the node ends, or the time does.
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}
