//! Nodes over real sockets: they converge, and no stranger stops them.

mod hostile;
mod key;
mod nodes;
mod numbers;
mod raw;
mod support;
