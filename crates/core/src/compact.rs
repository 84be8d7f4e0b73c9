//! Compact targets: Bitcoin's 32-bit floating-point form of a 256-bit number.
//!
//! ```text
//!   0x1d00ffff          one byte of size, three bytes of mantissa, both base 256:
//!     |  |____ mantissa   target = mantissa * 256^(size - 3)
//!     |_______ size
//! ```
//!
//! The form keeps the 15 to 23 highest bits. The highest bit of the mantissa is a sign,
//! left over from the number format of an early library; a negative target means nothing,
//! so a mantissa that would reach that bit gets a leading zero byte and the next size.
//!
//! Blocks here carry no target at all: the chain's rule computes it. This form is for
//! comparison with Bitcoin, whose published values have it, and for tools that expect it.

use ruint::aliases::U256;

use crate::target::Target;

const SIGN_BIT: u32 = 0x0080_0000;
const MANTISSA: u32 = 0x007f_ffff;

/// A compact number that is no target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CompactError {
    /// The number is zero, or so small that nothing of the mantissa is left.
    #[error("the compact target is zero")]
    Zero,
    /// The sign bit is set.
    #[error("the compact target is negative")]
    Negative,
    /// The number is 2^256 or more.
    #[error("the compact target does not fit in 256 bits")]
    Overflow,
}

impl Target {
    /// The target that the compact form `bits` stands for.
    ///
    /// # Consensus
    /// As Bitcoin Core's `arith_uint256::SetCompact`, with everything refused that
    /// `CheckProofOfWork` refuses. Several forms can stand for one target;
    /// [`Target::to_compact`] gives the one that Bitcoin uses.
    ///
    /// # Errors
    /// [`CompactError`], for a number that is no target. A zero has no sign: 0x01803456 is
    /// zero, not negative.
    pub fn from_compact(bits: u32) -> Result<Target, CompactError> {
        let size = bits >> 24;
        let mantissa = bits & MANTISSA;
        // With a size below three, the lowest bytes of the mantissa lie behind the point.
        let mantissa = mantissa >> (8 * 3_u32.saturating_sub(size));
        if mantissa == 0 {
            return Err(CompactError::Zero);
        }
        if bits & SIGN_BIT != 0 {
            return Err(CompactError::Negative);
        }
        let shift = 8 * size.saturating_sub(3) as usize;
        U256::from(mantissa)
            .checked_shl(shift)
            .map(Target)
            .ok_or(CompactError::Overflow)
    }

    /// The compact form of this target, rounded down.
    ///
    /// # Consensus
    /// As Bitcoin Core's `arith_uint256::GetCompact`. What is lost is less than one part
    /// in 2^15. A target of zero, which is no valid target, gives zero.
    pub fn to_compact(self) -> u32 {
        // One byte in front for the zero that keeps the sign bit clear, two behind for
        // numbers of less than three bytes.
        let mut digits = [0; 35];
        digits[1..33].copy_from_slice(&self.to_be_bytes());
        // The mantissa starts at the first byte that is not zero, or one earlier where
        // that byte has the sign bit: in either case at the first two bytes >= 0x0080.
        let mantissas = digits.windows(3).zip((1..=33).rev());
        for (mantissa, size) in mantissas {
            if mantissa[0] != 0 || mantissa[1] >= 0x80 {
                return u32::from_be_bytes([size, mantissa[0], mantissa[1], mantissa[2]]);
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_target_of_bitcoin_is_0x1d00ffff() {
        let target = Target::from_compact(0x1d00_ffff).unwrap();
        assert_eq!(target, Target(U256::from(0xffff) << 208));
        assert_eq!(target.to_compact(), 0x1d00_ffff);
    }

    #[test]
    fn the_largest_number_that_fits_is_a_target_and_the_next_is_not() {
        assert_eq!(Target::MAX.to_compact(), 0x2100_ffff);
        let largest = Target(U256::from(0xffff) << 240);
        assert_eq!(Target::from_compact(0x2100_ffff), Ok(largest));
        let highest_byte = Target(U256::from(0xff) << 248);
        assert_eq!(Target::from_compact(0x2200_00ff), Ok(highest_byte));
        for bits in [0x2101_0000, 0x2200_0100, 0x2300_0001, 0xff7f_ffff] {
            assert_eq!(Target::from_compact(bits), Err(CompactError::Overflow));
        }
    }

    #[test]
    fn a_mantissa_never_reaches_the_sign_bit() {
        assert_eq!(Target(U256::from(0x7f)).to_compact(), 0x017f_0000);
        assert_eq!(Target(U256::from(0x80)).to_compact(), 0x0200_8000);
        assert_eq!(Target(U256::from(0x80_0000)).to_compact(), 0x0400_8000);
        assert_eq!(Target(U256::ZERO).to_compact(), 0);
    }

    #[test]
    fn zero_has_no_sign_and_never_overflows() {
        for bits in [0, 0x0080_0000, 0x0180_3456, 0xff00_0000, 0xff80_0000] {
            assert_eq!(Target::from_compact(bits), Err(CompactError::Zero));
        }
        // A sign is told before a size that does not fit.
        assert_eq!(
            Target::from_compact(0xff92_3456),
            Err(CompactError::Negative)
        );
    }
}
