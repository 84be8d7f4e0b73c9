#![no_main]

#[path = "../src/scenario.rs"]
mod scenario;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| scenario::check(bytes));
