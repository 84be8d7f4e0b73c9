//! The proof-of-work search: which nonce gives this header a small enough SHA-256 hash?
//!
//! A header is [`HEADER_LEN`] = 88 bytes, all numbers big-endian, and its hash is one SHA-256 over them:
//!
//! ```text
//! byte   0        8           16            48                    80       88
//!        | index  | timestamp | data (32 B) | previous_hash (32 B)| nonce  |
//! SHA-256 block 1: bytes 0..64, the same for every nonce          |
//! SHA-256 block 2: bytes 64..88, then padding: 16 bytes of previous_hash, the nonce, 0x80, zeros, 704
//! ```
//!
//! The search therefore compresses block 1 once (the *midstate*, kept in [`Prepared`]) and pays exactly one
//! compression for each nonce. Of that one, everything that does not depend on the low half of the nonce is
//! computed once per 2^32 nonces: the first rounds and the constant terms of the message schedule.
//!
//! What is left is done by a [`Kernel`]: several nonces at once, with the instructions that the processor has.
//! All kernels give the same answer for the same range, the *lowest* nonce that meets the target; they differ
//! in speed only, and [`measure()`] tells by how much.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use forkful_pow::{HEADER_LEN, Kernel, Outcome, Prepared, scan};
//!
//! let header = [0; HEADER_LEN];
//! let mut target = [0xff; 32];
//! target[0] = 0; // about one hash in 256 is this small
//! let prepared = Prepared::new(&header, &target);
//! let scan = scan(Kernel::best(), &prepared, 0..=100_000, &AtomicBool::new(false));
//! let Outcome::Found { nonce, hash } = scan.outcome else { panic!("not found: {scan:?}") };
//! assert_eq!(hash, prepared.hash(nonce));
//! assert!(hash <= target);
//! ```
//!
//! # Unsafe code
//!
//! This is the only crate of forkful with `unsafe`. It is used for one thing: to call an instruction that not
//! every processor has, after [`Kernel::is_available`] found that this one has it.

// Without lanes only a part of it is needed.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code))]
mod hoisted;
mod kernel;
#[cfg(any(target_arch = "x86_64", test))]
mod lanes;
mod measure;
mod portable;
mod prepared;
mod scan;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use kernel::{Kernel, UnknownKernel};
pub use measure::{Rate, measure};
pub use prepared::{HEADER_LEN, Prepared};
pub use scan::{Outcome, STOP_INTERVAL, Scan, scan};
