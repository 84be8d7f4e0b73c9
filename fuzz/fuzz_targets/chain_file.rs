#![no_main]

#[allow(dead_code, reason = "a part of it is asked here")]
#[path = "../../crates/cli/src/chain_file/mod.rs"]
mod chain_file;
#[path = "../src/chain_file.rs"]
mod target;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| target::check(bytes));
