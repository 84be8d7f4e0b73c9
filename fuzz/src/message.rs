//! Bytes that claim to be a message of the protocol.

use forkful_core::wire::WireError;
use forkful_core::{Message, limits};

/// A message has one encoding only; what is none is refused for a reason that is true.
pub fn check(bytes: &[u8]) {
    match Message::decode(bytes) {
        Ok(message) => {
            let mut again = Vec::new();
            message.encode(&mut again);
            assert_eq!(again, bytes, "another encoding of the same message");
            assert_eq!(message.encoded_len(), bytes.len());
            assert_eq!(message.kind().byte(), bytes[0]);
        }
        Err(WireError::Truncated { at, missing }) => {
            assert_eq!(at, bytes.len());
            assert!(missing > 0);
        }
        Err(WireError::TrailingBytes(many)) => {
            let kept = &bytes[..bytes.len() - many];
            assert!(
                Message::decode(kept).is_ok(),
                "what was refused for its tail is bad without"
            );
        }
        Err(WireError::UnknownKind(kind)) => assert_eq!(kind, bytes[0]),
        Err(WireError::TooMany { most, found, .. }) => assert!(found > most),
        Err(WireError::NotABool(byte)) => assert!(byte > 1 && bytes[1] == byte),
        Err(WireError::TooLong(length)) => assert!(length > limits::MESSAGE_BYTES_MAX),
    }
}
