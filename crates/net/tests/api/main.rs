//! The API of a node, over real HTTP.

mod envelope;
mod events;
mod guard;
mod methods;
mod mining;
mod sending;
mod support;
