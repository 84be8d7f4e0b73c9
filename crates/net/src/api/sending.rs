//! Answers that are in memory until they are sent: how many bytes of them there may be, and how
//! long one may take.

use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::response::Response;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::api::limits;

/// Room for the bytes of answers, shared by all.
pub(super) struct Room(Arc<Semaphore>);

/// The room that one answer takes up, given back when it is dropped.
#[derive(Default)]
pub(super) struct Taken(Option<OwnedSemaphorePermit>);

impl Room {
    /// Room for [`limits::ANSWER_BYTES_MAX`].
    pub fn new() -> Self {
        Room(Arc::new(Semaphore::new(limits::ANSWER_BYTES_MAX)))
    }

    /// Makes what an answer takes up enough for so many bytes in all, and says whether there was
    /// room. A short answer needs none, so that one can always be given.
    pub fn extend(&self, taken: &mut Taken, bytes: usize) -> bool {
        if bytes <= limits::SHORT_ANSWER_BYTES {
            return true;
        }
        let has = taken
            .0
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let Ok(more) = u32::try_from(bytes.saturating_sub(has)) else {
            return false;
        };
        let Ok(more) = Arc::clone(&self.0).try_acquire_many_owned(more) else {
            return false;
        };
        match &mut taken.0 {
            Some(permit) => permit.merge(more),
            None => taken.0 = Some(more),
        }
        true
    }
}

/// Bytes, and what goes with them.
struct With<T> {
    bytes: Bytes,
    _held: T,
}

impl<T> AsRef<[u8]> for With<T> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The same bytes, which drop this when the last of them is written, or given up.
pub(super) fn with<T: Send + 'static>(bytes: impl Into<Bytes>, held: T) -> Bytes {
    Bytes::from_owner(With {
        bytes: bytes.into(),
        _held: held,
    })
}

/// Lets the permit of a request live until its answer is sent, and cuts the connection if that
/// takes too long. A stream of events has no length and is no answer in memory: it counts as a
/// stream.
pub(super) async fn until_sent(
    response: Response,
    permit: OwnedSemaphorePermit,
    cut: CancellationToken,
) -> Response {
    let (parts, body) = response.into_parts();
    let length = body.size_hint().exact().map(usize::try_from);
    let Some(Ok(length)) = length.filter(|length| *length != Ok(0)) else {
        return Response::from_parts(parts, body);
    };
    // What has a length is here already: nothing is waited for, or copied.
    let Ok(bytes) = to_bytes(body, length).await else {
        cut.cancel();
        return Response::from_parts(parts, Body::empty());
    };
    let (sent, is_sent) = oneshot::channel::<()>();
    tokio::spawn(async move {
        if timeout(limits::ANSWER_TIME, is_sent).await.is_err() {
            cut.cancel();
        }
    });
    Response::from_parts(parts, Body::from(with(bytes, (permit, sent))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_request_counts_until_its_answer_is_written_and_not_for_ever() {
        let requests = Arc::new(Semaphore::new(1));
        let cut = CancellationToken::new();
        let permit = Arc::clone(&requests).try_acquire_owned().unwrap();
        let response = Response::new(Body::from("long"));
        let response = until_sent(response, permit, cut.clone()).await;
        let bytes = to_bytes(response.into_body(), 4).await.unwrap();
        let rest = bytes.slice(3..);
        drop(bytes);
        assert_eq!(requests.available_permits(), 0, "one byte is not written");
        assert!(!cut.is_cancelled());
        timeout(2 * limits::ANSWER_TIME, cut.cancelled())
            .await
            .unwrap();
        drop(rest);
        assert_eq!(requests.available_permits(), 1);
    }

    #[test]
    fn all_answers_together_have_a_bound_and_short_ones_need_no_room() {
        let room = Room::new();
        let (mut one, mut other) = (Taken::default(), Taken::default());
        assert!(room.extend(&mut one, limits::ANSWER_BYTES_MAX / 2));
        assert!(room.extend(&mut one, limits::ANSWER_BYTES_MAX));
        assert!(!room.extend(&mut one, limits::ANSWER_BYTES_MAX + 1));
        assert!(!room.extend(&mut other, limits::SHORT_ANSWER_BYTES + 1));
        assert!(room.extend(&mut other, limits::SHORT_ANSWER_BYTES));
        let bytes = with("long", one);
        let rest = bytes.slice(3..);
        drop(bytes);
        assert!(!room.extend(&mut other, limits::SHORT_ANSWER_BYTES + 1));
        drop(rest);
        assert!(room.extend(&mut other, limits::SHORT_ANSWER_BYTES + 1));
    }
}
