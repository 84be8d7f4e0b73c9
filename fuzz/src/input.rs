//! Choices, read from the bytes of an input, one after the other.
//!
//! Small numbers are one byte, so that changing a byte changes one choice and leaves the others
//! as they are. Where the bytes end, everything is zero.

#![allow(dead_code, reason = "every target makes other choices")]

/// What is left of an input.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Input(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    /// A number below `bound`, or 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound.max(1)
    }

    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    /// Two bytes of length, and so many bytes as far as there are.
    pub fn bytes(&mut self) -> &'a [u8] {
        let length = usize::from(u16::from_be_bytes(self.array()));
        let (bytes, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    pub fn rest(self) -> &'a [u8] {
        self.0
    }
}
