//! The methods, one file a subject. Each file has its part of the table at its head.

mod bans;
pub mod chain;
pub mod control;
pub mod data;
pub mod mining;
pub mod network;
pub mod wait;
