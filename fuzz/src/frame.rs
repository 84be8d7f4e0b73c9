//! What comes over a connection: lengths, frames, parts of messages, first words.
//!
//! The first byte says how the connection stands: after the handshake, or in it, as who was
//! called or as who called. The rest is what the other end sends.

use forkful_core::Message;
use forkful_core::limits::MESSAGE_BYTES_MAX;
use forkful_net::tcp::end::{End, Verdict};
use forkful_net::tcp::hello::Hello;
use forkful_net::tcp::key::NodeKey;
use forkful_net::tcp::limits::Limits;
use forkful_net::tcp::pace::Pace;
use forkful_net::tcp::session::{self, Frame, Reader};

/// Every stream of bytes ends, in frames that can be sent again as they came, or in a reason that
/// somebody bears.
pub fn check(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can start");
    let (how, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    runtime.block_on(async {
        match how % 4 {
            0 => after_the_handshake(bytes, false).await,
            1 => after_the_handshake(bytes, true).await,
            2 => in_the_handshake(bytes, false).await,
            _ => in_the_handshake(bytes, true).await,
        }
    });
}

async fn after_the_handshake(bytes: &[u8], wide: bool) {
    let (mut reader, mut writer) = session::over(bytes, Vec::new(), pace());
    if wide {
        session::widen(&mut reader, &mut writer);
    }
    let why = loop {
        match reader.next().await {
            Ok(frame) => judge(&frame).await,
            Err(why) => break why,
        }
    };
    assert!(why.to_string().len() < 1_000, "an endless reason");
    match why {
        End::Closed | End::Io(_) => assert_eq!(why.verdict(), Verdict::Innocent),
        why => assert_ne!(why.verdict(), Verdict::Innocent, "{why}: nobody bears it"),
    }
}

/// What was heard says itself the same way.
async fn judge(frame: &Frame) {
    match frame {
        Frame::Message(bytes) => {
            assert!(bytes.len() <= MESSAGE_BYTES_MAX);
            let _ = Message::decode(bytes);
        }
        Frame::Hello(bytes) => {
            if let Ok(hello) = Hello::decode(bytes) {
                assert_eq!(&hello.encode(), bytes, "another encoding of a hello");
            }
        }
        Frame::Bye(why) => {
            assert!(why.len() <= 128 && why.bytes().all(|byte| (0x20..=0x7e).contains(&byte)));
        }
        _ => {}
    }
    let (mut reader, mut writer) = session::over(&b""[..], Vec::new(), pace());
    session::widen(&mut reader, &mut writer);
    writer.send(frame).await.expect("memory takes everything");
    let sent = writer.into_inner();
    let (mut reader, mut writer) = session::over(&sent[..], Vec::new(), pace());
    session::widen(&mut reader, &mut writer);
    assert_eq!(reader.next().await.as_ref(), Ok(frame));
    nothing_more(&mut reader).await;
}

async fn nothing_more(reader: &mut Reader<&[u8]>) {
    assert_eq!(reader.next().await, Err(End::Closed));
}

/// Nobody gets through the handshake with bytes that were made before it.
async fn in_the_handshake(bytes: &[u8], initiator: bool) {
    let key = NodeKey::ephemeral().expect("there are random numbers");
    let (mut reader, mut writer) = session::over(bytes, Vec::new(), pace());
    let done = session::encrypt(&mut reader, &mut writer, &key, initiator).await;
    assert!(done.is_err(), "a handshake with nobody");
}

fn pace() -> Pace {
    Pace::new(&Limits::default())
}
