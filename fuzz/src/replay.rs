//! The corpus of a target without a fuzzer: every input in it, as a test.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

/// Gives every input of `fuzz/corpus/TARGET` to the target, and names those at which it fails.
pub fn replay(target: &str, check: impl Fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let directory = directory.join(target);
    let entries = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{directory:?}: {error}"));
    let mut inputs: Vec<_> = entries
        .map(|entry| entry.expect("the corpus can be read").path())
        .collect();
    inputs.sort();
    assert!(inputs.len() >= 5, "the corpus of {target} is lost");
    let failed: Vec<_> = inputs
        .into_iter()
        .filter(|input| {
            let bytes = fs::read(input).expect("an input can be read");
            panic::catch_unwind(AssertUnwindSafe(|| check(&bytes))).is_err()
        })
        .collect();
    assert!(failed.is_empty(), "{target} fails on {failed:#?}");
}
