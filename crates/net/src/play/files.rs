//! How many sockets a network needs, and whether this process may open them.

use forkful_scenario::Scenario;

/// Files beside the sockets: the runtime's own, outputs, and connections that are made again
/// while their predecessors end.
const SPARE: u64 = 64;

/// A network that needs more files than the process may open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "network: in tcp {nodes} nodes with {links} links need {needed} open files (2 a link, 1 a \
     node, {SPARE} more), and this process may open {limit}: raise `ulimit -n`, or take fewer \
     nodes or a topology of fewer links"
)]
pub struct FilesError {
    /// Nodes of the network; each listens on a socket.
    pub nodes: u64,
    /// Links of the network; each has a socket at both ends.
    pub links: u64,
    /// Files that it needs.
    pub needed: u64,
    /// Files that the process may open at most.
    pub limit: u64,
}

/// What the network needs, and an error if that is more than `limit`.
fn within(scenario: &Scenario, limit: u64) -> Result<u64, FilesError> {
    let nodes = u64::from(scenario.network.nodes);
    let links = scenario.links().len() as u64;
    let needed = 2 * links + nodes + SPARE;
    if needed > limit {
        return Err(FilesError {
            nodes,
            links,
            needed,
            limit,
        });
    }
    Ok(needed)
}

/// Whether the process may open what the network needs, or may allow itself to. Opens nothing.
pub(super) fn check(scenario: &Scenario) -> Result<(), FilesError> {
    within(scenario, limits().1).map(|_| ())
}

/// Raises the process's own limit as far as the network needs it.
pub(super) fn make_room(scenario: &Scenario) -> Result<(), FilesError> {
    let (soft, hard) = limits();
    let needed = within(scenario, hard)?;
    if needed > soft && !raise(needed) {
        within(scenario, soft)?;
    }
    Ok(())
}

/// What counts now, and what the process may raise it to.
#[cfg(unix)]
fn limits() -> (u64, u64) {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let (soft, hard) = (limit.current, limit.maximum);
    (soft.unwrap_or(u64::MAX), hard.unwrap_or(u64::MAX))
}

#[cfg(unix)]
fn raise(needed: u64) -> bool {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(needed);
    setrlimit(Resource::Nofile, limit).is_ok()
}

/// Elsewhere there is no such limit to look at.
#[cfg(not(unix))]
fn limits() -> (u64, u64) {
    (u64::MAX, u64::MAX)
}

#[cfg(not(unix))]
fn raise(_: u64) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full_mesh(nodes: u32) -> Scenario {
        Scenario::from_toml(&format!("network = {{ nodes = {nodes} }}")).unwrap()
    }

    #[test]
    fn a_network_with_more_sockets_than_files_is_refused_with_the_numbers() {
        // 8 nodes: 28 links of two sockets, 8 that listen, 64 more.
        assert_eq!(within(&full_mesh(8), 128), Ok(128));
        let error = within(&full_mesh(8), 127).unwrap_err().to_string();
        for number in ["8 nodes", "28 links", "128 open files", "may open 127"] {
            assert!(error.contains(number), "{error}");
        }
    }

    #[test]
    fn a_limit_that_is_lower_than_it_may_be_is_raised() {
        let (soft, hard) = limits();
        let wanted = soft.saturating_add(1);
        if wanted > hard {
            return assert!(!raise(wanted), "beyond the hard limit");
        }
        assert!(raise(wanted));
        assert_eq!(limits().0, wanted);
    }
}
