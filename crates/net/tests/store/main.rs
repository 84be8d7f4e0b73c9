//! What a store on disk keeps: through restarts, cuts of the power, and damage.

mod archive;
mod chain;
mod damage;
mod disk;
mod failing;
mod opening;
mod power_cuts;
mod promises;
