#![no_main]

#[path = "../src/rpc.rs"]
mod rpc;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rpc::check(bytes));
