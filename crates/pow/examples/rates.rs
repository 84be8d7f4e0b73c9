//! Prints how fast each kernel of this machine is, and by which factor it beats the plain loop over sha2.
//!
//! ```text
//! cargo run --release -p forkful-pow --example rates
//! ```

use std::time::Duration;

use forkful_pow::{Kernel, measure};

fn main() {
    println!("{:<10} {:>14} {:>8}", "kernel", "million tries/s", "ratio");
    for rate in measure(&Kernel::ALL, Duration::from_millis(20), 50) {
        println!(
            "{:<10} {:>15.2} {:>7.2}x",
            rate.kernel,
            rate.tries_per_second / 1e6,
            rate.ratio
        );
    }
}
