//! How fast the kernels are on this machine, compared fairly.
//!
//! Clock frequency and neighbours change from second to second, so rates measured one after the other do not
//! compare. Here each short slice of a kernel has a slice of the baseline right before it, the ratio is that of
//! the two, and the median over many rounds forgets the disturbed ones.

use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::{HEADER_LEN, Kernel, Prepared, scan};

/// How fast a kernel is on one core.
#[derive(Clone, Debug, PartialEq)]
pub struct Rate {
    /// The kernel.
    pub kernel: Kernel,
    /// Median number of nonces tried in a second.
    pub tries_per_second: f64,
    /// Median ratio to [`Kernel::Portable`], the plain loop over sha2, measured next to it. More is faster.
    pub ratio: f64,
}

/// Nonces between two looks at the clock: some milliseconds at most.
const STEP: u64 = 1 << 14;

/// Measures `kernels` in turns on the calling thread, for `rounds` rounds of two slices of time per kernel: one
/// for the baseline, one for the kernel.
///
/// Takes about `2 * slice * rounds` for each kernel; no less than one slice of a few thousand tries is run, even
/// when `slice` or `rounds` is zero. Kernels that this machine cannot run are left out. The result has the order of
/// `kernels`.
#[must_use]
pub fn measure(kernels: &[Kernel], slice: Duration, rounds: usize) -> Vec<Rate> {
    let available: Vec<Kernel> = kernels
        .iter()
        .copied()
        .filter(|kernel| kernel.is_available())
        .collect();
    let rounds = rounds.max(1);
    let mut samples =
        vec![(Vec::with_capacity(rounds), Vec::with_capacity(rounds)); available.len()];
    for _ in 0..rounds {
        for (&kernel, (rates, ratios)) in available.iter().zip(&mut samples) {
            let baseline = tries_per_second(Kernel::Portable, slice);
            let rate = tries_per_second(kernel, slice);
            rates.push(rate);
            ratios.push(rate / baseline);
        }
    }
    available
        .into_iter()
        .zip(samples)
        .map(|(kernel, (rates, ratios))| Rate {
            kernel,
            tries_per_second: median(rates),
            ratio: median(ratios),
        })
        .collect()
}

/// Runs the kernel for one slice of time, on a target that no hash meets.
fn tries_per_second(kernel: Kernel, slice: Duration) -> f64 {
    let prepared = Prepared::new(&[0; HEADER_LEN], &[0; 32]);
    let stop = AtomicBool::new(false);
    let mut tries = 0;
    let start = Instant::now();
    loop {
        tries += scan(kernel, &prepared, tries..=tries + (STEP - 1), &stop).tries;
        let elapsed = start.elapsed();
        if elapsed >= slice && !elapsed.is_zero() {
            return tries as f64 / elapsed.as_secs_f64();
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values[middle]
    } else {
        (values[middle - 1] + values[middle]) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one_or_the_mean_of_the_middle_two() {
        assert_eq!(median(vec![9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![9.0, 1.0, 2.0, 4.0]), 3.0);
    }

    #[test]
    fn every_available_kernel_is_measured_in_the_order_asked_for() {
        let asked: Vec<Kernel> = Kernel::ALL.into_iter().rev().collect();
        let rates = measure(&asked, Duration::ZERO, 0);
        let available: Vec<Kernel> = asked
            .into_iter()
            .filter(|kernel| kernel.is_available())
            .collect();
        assert_eq!(
            rates.iter().map(|rate| rate.kernel).collect::<Vec<_>>(),
            available
        );
        assert!(
            rates
                .iter()
                .all(|rate| rate.tries_per_second > 0.0 && rate.ratio > 0.0),
            "{rates:?}"
        );
    }
}
