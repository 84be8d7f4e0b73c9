//! The kernels by name, and which of them this machine can run.

use std::fmt;
use std::str::FromStr;

use crate::hoisted::Hoisted;
use crate::portable;
#[cfg(target_arch = "x86_64")]
use crate::x86;

/// One way to hash many nonces. All give the same answers; they differ in speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// 16 nonces at once in 512-bit registers. x86-64 with AVX-512F.
    Avx512,
    /// Independent nonces interleaved through the SHA-256 instructions. x86-64 with SHA and AVX.
    ShaNi,
    /// 8 nonces at once in 256-bit registers. x86-64 with AVX2.
    Avx2,
    /// One nonce after the other through [`sha2::block_api::compress256`], on every machine.
    ///
    /// sha2 finds the SHA-256 instructions of x86 and Arm by itself. This loop is what other kernels are
    /// measured against.
    Portable,
}

impl Kernel {
    /// Every kernel, in order of measured speed, fastest first.
    pub const ALL: [Kernel; 4] = [
        Kernel::Avx512,
        Kernel::ShaNi,
        Kernel::Avx2,
        Kernel::Portable,
    ];

    /// The fastest kernel that this machine can run.
    ///
    /// The processor is asked once; later calls read the remembered answer.
    #[must_use]
    pub fn best() -> Kernel {
        Kernel::ALL
            .into_iter()
            .find(|kernel| kernel.is_available())
            .unwrap_or(Kernel::Portable)
    }

    /// Whether this machine can run the kernel. `Portable` can run everywhere.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512 => x86::has_avx512(),
            #[cfg(target_arch = "x86_64")]
            Kernel::ShaNi => x86::has_sha_ni(),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => x86::has_avx2(),
            #[cfg(not(target_arch = "x86_64"))]
            Kernel::Avx512 | Kernel::ShaNi | Kernel::Avx2 => false,
            Kernel::Portable => true,
        }
    }

    /// The kernel's name: `avx512`, `sha-ni`, `avx2` or `portable`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kernel::Avx512 => "avx512",
            Kernel::ShaNi => "sha-ni",
            Kernel::Avx2 => "avx2",
            Kernel::Portable => "portable",
        }
    }

    /// The code of the kernel; that of `Portable` if this machine cannot run the kernel.
    pub(crate) fn search(self) -> Search {
        #[cfg(target_arch = "x86_64")]
        {
            let lanes = match self {
                Kernel::Avx512 => x86::avx512(),
                Kernel::ShaNi => x86::sha_ni(),
                Kernel::Avx2 => x86::avx2(),
                Kernel::Portable => None,
            };
            if let Some(search) = lanes {
                return search;
            }
        }
        portable::first_candidate
    }
}

/// What a kernel does: of the `count` nonces from `first` on, find the lowest whose hash has a first word of at
/// most the target's, and say how far from `first` it is.
///
/// `first` is the low half of a nonce. The nonces do not leave their 2^32 range: `first + count <= 2^32`.
pub(crate) type Search = fn(hoisted: &Hoisted, first: u32, count: u32) -> Option<u32>;

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The name is not that of a kernel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown kernel `{name}`; the kernels are avx512, sha-ni, avx2 and portable")]
pub struct UnknownKernel {
    /// The name as it was given.
    pub name: String,
}

impl FromStr for Kernel {
    type Err = UnknownKernel;

    fn from_str(name: &str) -> Result<Self, UnknownKernel> {
        Kernel::ALL
            .into_iter()
            .find(|kernel| kernel.name() == name)
            .ok_or_else(|| UnknownKernel {
                name: name.to_owned(),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for kernel in Kernel::ALL {
            assert_eq!(kernel.to_string().parse(), Ok(kernel));
        }
        assert_eq!(
            format!("{:>8}|{:<6}|", Kernel::Avx2, Kernel::ShaNi),
            "    avx2|sha-ni|"
        );
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_known_ones() {
        let message = "AVX2".parse::<Kernel>().unwrap_err().to_string();
        assert!(message.contains("`AVX2`"));
        for kernel in Kernel::ALL {
            assert!(message.contains(kernel.name()), "{message}");
        }
    }

    #[test]
    fn the_best_kernel_is_the_first_available_one() {
        assert!(Kernel::Portable.is_available());
        let best = Kernel::best();
        assert!(best.is_available());
        assert!(
            Kernel::ALL
                .into_iter()
                .take_while(|&kernel| kernel != best)
                .all(|kernel| !kernel.is_available())
        );
    }
}
