//! Real nodes as processes of their own: they find each other, agree, are killed and come back.

mod client;
mod line;
mod support;

mod ending;
mod full;
mod kills;
mod logging;
mod operation;
mod soak;
mod starting;
mod stories;
