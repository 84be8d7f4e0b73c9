//! What a node costs, measured on real processes of the `forkful` command.
//!
//! ```sh
//! cargo bench -p forkful --bench node -- sync          # 100,000 blocks from one peer
//! cargo bench -p forkful --bench node -- propagation   # one block over 20 nodes, links of 50 ms
//! cargo bench -p forkful --bench node -- rpc           # the API under 64 clients
//! cargo bench -p forkful --bench node -- idle          # a node that has nothing to do
//! ```
//!
//! Without a word all four run. `--quick` makes each a matter of seconds, to see that it works.
//! docs/benchmarks.md says what the rows mean. The programmes read `/proc`: they run on Linux.

mod chain;
mod client;
mod idle;
mod process;
mod propagation;
mod proxy;
mod rpc;
mod sync;

/// One of them, quick or in full.
type Part = fn(bool);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    // Cargo also runs benches as tests, with `--test`.
    let quick = args.iter().any(|arg| arg == "--quick" || arg == "--test");
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let parts: [(&str, Part); 4] = [
        ("sync", sync::run),
        ("propagation", propagation::run),
        ("rpc", rpc::run),
        ("idle", idle::run),
    ];
    let is_named = parts.iter().any(|(name, _)| words.contains(name));
    for (name, run) in parts {
        if !is_named || words.contains(&name) {
            println!("== {name}");
            run(quick);
        }
    }
}

/// The value at this share of the sorted values: 0.5 is the median.
fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a length"
    )]
    let place = (last as f64 * share).round() as usize;
    values.get(place).copied().unwrap_or(f64::NAN)
}
