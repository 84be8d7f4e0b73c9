//! Nodes over real sockets: they converge, and no stranger stops them.

mod addresses;
mod book;
mod crowd;
mod discover;
mod eviction;
mod gossip;
mod hostile;
mod key;
mod named;
mod nodes;
mod numbers;
mod raw;
mod support;
