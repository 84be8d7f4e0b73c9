//! `forkful networks`: the region tables that come with forkful.

use std::process::ExitCode;

use forkful_scenario::NETWORKS;

use super::presets;
use crate::failure::Failure;

/// Lists them, each with what it describes.
pub fn run() -> Result<ExitCode, Failure> {
    presets::list(NETWORKS.iter().map(|file| (file.name, file.about)))
}
