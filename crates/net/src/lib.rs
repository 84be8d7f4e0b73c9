//! The worlds of real time: one actor loop over Tokio, and what carries its messages.
//!
//! ```text
//!                       ┌──────────── Actor (one task a node) ────────────┐
//!  Transport ─ inbox ─▶ │ door ─▶ Input ─▶ Node::handle ─▶ Effects ─▶ do  │ ─▶ Transport
//!  run ── commands ───▶ │                                                 │ ─▶ Miner, store
//!                       └─────────────────────────────────────────────────┘ ─▶ Ledger (events)
//! ```
//!
//! [`actor`] is the whole driver, and the same over channels and over TCP: what differs
//! stands behind [`Transport`](transport::Transport). [`play`] plays scenarios: all
//! nodes in one process, over channels or over sockets.

#![forbid(unsafe_code)]

pub mod actor;
pub mod api;
pub mod clock;
pub mod handle;
pub mod ledger;
pub mod miner;
pub mod node;
pub mod participant;
pub mod peers;
pub mod play;
pub mod store;
pub mod tcp;
pub mod transport;
