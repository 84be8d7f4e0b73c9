//! Real nodes as processes of their own: they find each other, agree, are killed and come back.

mod support;

mod ending;
mod kills;
mod starting;
mod stories;
