#![no_main]

#[path = "../src/kept.rs"]
mod kept;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| kept::check(bytes));
