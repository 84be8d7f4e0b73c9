//! One file a command.

pub mod bench;
pub mod completions;
pub mod man;
pub mod networks;
pub mod presets;
pub mod run;
pub mod schema;
pub mod show;
pub mod verify;
