//! One file a command.

pub mod bench;
pub mod chain;
pub mod completions;
pub mod ensemble;
mod json;
pub mod man;
pub mod networks;
pub mod node;
pub mod plot;
pub mod presets;
mod record;
pub mod rpc;
pub mod run;
pub mod schema;
pub mod show;
pub mod validate;
pub mod verify;
