//! What both ends say first, once the channel is encrypted.
//!
//! ```text
//! offset  bytes  what
//!      0      4  version of the transport protocol, u32
//!      4     32  hash of the genesis block
//!     36      8  height of the best block, u64
//!     44     32  total work of the best block, u256
//!     76      8  nonce of the process, u64: who meets its own has met itself
//!     84      2  port that it listens on, u16; 0 if it does not
//!     86      1  length of the user agent, at most 64
//!     87      n  user agent, printable ASCII (0x20 to 0x7e)
//! ```
//!
//! Integers are big-endian. Nothing may follow. Of the claims nothing is believed but
//! for display: work and height are the node's to check.

use forkful_core::Hash;

use super::limits::USER_AGENT_BYTES_MAX;

/// The version that this node speaks. There is no other yet.
pub const VERSION: u32 = 1;

const FIXED: usize = 87;

/// The first words of a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hello {
    /// Version of the transport protocol.
    pub version: u32,
    /// Which network.
    pub genesis: Hash,
    /// Height of the best block.
    pub height: u64,
    /// Total work of the best block, big-endian.
    pub work: [u8; 32],
    /// Drawn once a process.
    pub nonce: u64,
    /// Where it listens; 0 if it does not.
    pub port: u16,
    /// What it calls itself.
    pub user_agent: String,
}

/// Bytes that are no hello.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HelloError {
    /// Too short, or too long for its user agent.
    #[error("{0} bytes are not the length of a hello")]
    Length(usize),
    /// The user agent claims more than it may have.
    #[error("a user agent of {0} bytes is longer than {USER_AGENT_BYTES_MAX}")]
    UserAgentTooLong(usize),
    /// A byte that could play tricks on a terminal.
    #[error("byte {0} in a user agent is not printable")]
    NotPrintable(u8),
}

impl Hello {
    /// Its bytes. A user agent of our own that is not fit for others is made so.
    pub fn encode(&self) -> Vec<u8> {
        let agent = sanitised_to(&self.user_agent, USER_AGENT_BYTES_MAX);
        let mut out = Vec::with_capacity(FIXED + agent.len());
        out.extend_from_slice(&self.version.to_be_bytes());
        out.extend_from_slice(&self.genesis.0);
        out.extend_from_slice(&self.height.to_be_bytes());
        out.extend_from_slice(&self.work);
        out.extend_from_slice(&self.nonce.to_be_bytes());
        out.extend_from_slice(&self.port.to_be_bytes());
        // At most 64.
        out.push(u8::try_from(agent.len()).unwrap_or(0));
        out.extend_from_slice(agent.as_bytes());
        out
    }

    /// Reads a hello that is all of `bytes`.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, HelloError> {
        let wrong = HelloError::Length(bytes.len());
        let (fixed, agent) = bytes.split_first_chunk::<FIXED>().ok_or(wrong)?;
        let claimed = usize::from(fixed[86]);
        if claimed > USER_AGENT_BYTES_MAX {
            return Err(HelloError::UserAgentTooLong(claimed));
        }
        if claimed != agent.len() {
            return Err(wrong);
        }
        if let Some(byte) = agent.iter().find(|byte| !is_printable(**byte)) {
            return Err(HelloError::NotPrintable(*byte));
        }
        Ok(Hello {
            version: u32::from_be_bytes(part(fixed, 0)),
            genesis: Hash(part(fixed, 4)),
            height: u64::from_be_bytes(part(fixed, 36)),
            work: part(fixed, 44),
            nonce: u64::from_be_bytes(part(fixed, 76)),
            port: u16::from_be_bytes(part(fixed, 84)),
            user_agent: String::from_utf8_lossy(agent).into_owned(),
        })
    }
}

/// Made printable, and cut to so many bytes.
pub(super) fn sanitised_to(text: &str, most: usize) -> String {
    let bytes = text.bytes().filter(|byte| is_printable(*byte));
    bytes.take(most).map(char::from).collect()
}

fn is_printable(byte: u8) -> bool {
    matches!(byte, 0x20..=0x7e)
}

fn part<const N: usize>(fixed: &[u8; FIXED], at: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&fixed[at..at + N]);
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> Hello {
        Hello {
            version: 1,
            genesis: Hash([0xaa; 32]),
            height: 0x0102,
            work: [0xbb; 32],
            nonce: 0x0a0b,
            port: 0x1f90,
            user_agent: "/forkful:0.1/".into(),
        }
    }

    #[test]
    fn the_layout_is_as_documented() {
        let bytes = hello().encode();
        assert_eq!(bytes.len(), 87 + 13);
        assert_eq!(bytes[..4], [0, 0, 0, 1]);
        assert_eq!(bytes[4..36], [0xaa; 32]);
        assert_eq!(bytes[36..44], [0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(bytes[44..76], [0xbb; 32]);
        assert_eq!(bytes[76..84], [0, 0, 0, 0, 0, 0, 0x0a, 0x0b]);
        assert_eq!(bytes[84..86], [0x1f, 0x90]);
        assert_eq!(bytes[86], 13);
        assert_eq!(&bytes[87..], b"/forkful:0.1/");
        assert_eq!(Hello::decode(&bytes), Ok(hello()));
    }

    #[test]
    fn every_other_length_is_refused() {
        let bytes = hello().encode();
        for length in 0..bytes.len() {
            let wrong = Err(HelloError::Length(length));
            assert_eq!(Hello::decode(&bytes[..length]), wrong);
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert_eq!(Hello::decode(&longer), Err(HelloError::Length(101)));
    }

    #[test]
    fn a_user_agent_plays_no_tricks() {
        let mut bytes = hello().encode();
        bytes[90] = 0x1b;
        assert_eq!(Hello::decode(&bytes), Err(HelloError::NotPrintable(0x1b)));
        bytes[86] = 65;
        assert_eq!(Hello::decode(&bytes), Err(HelloError::UserAgentTooLong(65)));
        let ours = Hello {
            user_agent: format!("\u{1b}[31m\n{}", "x".repeat(100)),
            ..hello()
        };
        let heard = Hello::decode(&ours.encode()).unwrap();
        assert_eq!(heard.user_agent, format!("[31m{}", "x".repeat(60)));
    }
}
