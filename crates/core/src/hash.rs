//! SHA-256 and its 32-byte result.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A SHA-256 digest: the identity of a block, or the commitment to its entries.
///
/// Read as a 256-bit big-endian number when it is held against a
/// [`Target`](crate::Target). Shown as 64 lower-case hex digits, first byte first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hash(pub [u8; 32]);

/// Text that is not a hash: it must be exactly 64 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a hash is 64 hex digits, not {0:?}")]
pub struct HashParseError(String);

/// SHA-256 (FIPS 180-4) of `bytes`.
pub fn sha256(bytes: &[u8]) -> Hash {
    Hash(Sha256::digest(bytes).into())
}

impl Hash {
    /// All bits zero: what genesis names as its previous hash.
    pub const ZERO: Hash = Hash([0; 32]);

    /// The bytes, first byte most significant.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first eight hex digits after the leading zeros that proof of work
    /// forces: enough to tell blocks apart on a screen.
    pub fn short(&self) -> String {
        let hex = self.to_string();
        let zeros = hex.bytes().take_while(|digit| *digit == b'0').count();
        let start = zeros.min(hex.len() - 8);
        hex[start..start + 8].to_owned()
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut hex = [0; 64];
        const_hex::encode_to_slice(self.0, &mut hex).map_err(|_| fmt::Error)?;
        f.write_str(std::str::from_utf8(&hex).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

impl FromStr for Hash {
    type Err = HashParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        // `decode_to_slice` takes a "0x" prefix too; a hash here has one spelling only.
        if text.len() == 64 && const_hex::decode_to_slice(text, &mut bytes).is_ok() {
            return Ok(Hash(bytes));
        }
        Err(HashParseError(text.chars().take(80).collect()))
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_are_the_same_hash() {
        let hash = sha256(b"abc");
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash.to_string(), text);
        assert_eq!(text.parse(), Ok(hash));
    }

    #[test]
    fn only_sixty_four_hex_digits_are_a_hash() {
        for text in ["", "00", &"0".repeat(63), &"0".repeat(65), &"g".repeat(64)] {
            assert!(text.parse::<Hash>().is_err(), "{text}");
        }
        assert!(format!("0x{}", "0".repeat(62)).parse::<Hash>().is_err());
    }

    #[test]
    fn the_short_form_skips_the_zeros_that_work_forces() {
        let mut bytes = [0xab; 32];
        bytes[..3].fill(0);
        assert_eq!(Hash(bytes).short(), "abababab");
        assert_eq!(Hash::ZERO.short(), "00000000");
    }
}
