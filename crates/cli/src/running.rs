//! Which node `forkful rpc` asks: the one that was named, or the one that runs.

use std::fs::{self, File};
use std::io::Read as _;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use forkful_net::api::{COOKIE_NAME, PLACE_NAME};

use crate::failure::Failure;
use crate::node_args::NodeArgs;

/// Where a node's API listens, unless it says something else.
const URL: &str = "http://127.0.0.1:9332/";

/// How long a node of this machine may take to accept a connection.
const CONNECT_TIME: Duration = Duration::from_millis(500);

/// The longest cookie or URL that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1_024;

/// A node to be asked.
#[derive(Debug)]
pub struct Running {
    /// Where its API listens.
    pub url: String,
    /// Its cookie, if there is one: reads need none.
    pub cookie: Option<String>,
    /// Where that was sought.
    pub directory: Option<PathBuf>,
}

impl Running {
    /// The node that a user means.
    ///
    /// # Errors
    /// The one that was named does not run; or none was named, and several run.
    pub fn choose(url: Option<&str>, data_dir: Option<&Path>) -> Result<Running, Failure> {
        let home = std::env::home_dir().map(|home| home.join(".forkful"));
        choose_below(home.as_deref(), url, data_dir)
    }

    fn at(url: Option<&str>, directory: Option<PathBuf>) -> Running {
        let told = |name| text(&directory.as_ref()?.join(name));
        let url = url.map(str::to_owned).or_else(|| told(PLACE_NAME));
        let cookie = told(COOKIE_NAME);
        Running {
            url: url.unwrap_or_else(|| URL.to_owned()),
            cookie,
            directory,
        }
    }
}

fn choose_below(
    home: Option<&Path>,
    url: Option<&str>,
    data_dir: Option<&Path>,
) -> Result<Running, Failure> {
    if let Some(data_dir) = data_dir {
        // Another node may run where this one would by default, and must not be asked instead.
        if url.is_none() && text(&data_dir.join(PLACE_NAME)).is_none() {
            let text = format!(
                "no node with an API runs on {}. Start it, or name another one with --data-dir or --url",
                data_dir.display()
            );
            return Err(Failure::Rpc(text));
        }
        return Ok(Running::at(url, Some(data_dir.to_owned())));
    }
    let running = home.map(running).unwrap_or_default();
    let is_it = |directory: &&PathBuf| {
        let place = text(&directory.join(PLACE_NAME));
        place.as_deref().map(trimmed) == url.map(trimmed)
    };
    let found = match (url, running.as_slice()) {
        (Some(_), _) => running.iter().find(is_it).cloned(),
        (None, [only]) => Some(only.clone()),
        (None, []) => None,
        (None, several) => return Err(Failure::Rpc(which(several))),
    };
    // The cookie of a node of ours is for nobody else who is named.
    let usual = || {
        home.filter(|_| url.is_none())
            .map(|home| home.join(NodeArgs::NETWORK))
    };
    Ok(Running::at(url, found.or_else(usual)))
}

fn which(directories: &[PathBuf]) -> String {
    let mut told = format!("{} nodes run; name one:", directories.len());
    for directory in directories {
        told.push_str(&format!("\n  --data-dir '{}'", directory.display()));
    }
    told
}

fn trimmed(url: &str) -> &str {
    url.trim_end_matches('/')
}

/// The directories below this one in which a node runs that has an API, by name.
fn running(home: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(home).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| is_running(path))
        .collect();
    found.sort();
    found
}

/// Whether somebody listens where the node of this directory said it does. One that was killed has
/// left its files.
fn is_running(directory: &Path) -> bool {
    let place = text(&directory.join(PLACE_NAME));
    let address = place
        .as_deref()
        .and_then(|url| trimmed(url).strip_prefix("http://"));
    let address = address.and_then(|address| address.parse().ok());
    address.is_some_and(|address| TcpStream::connect_timeout(&address, CONNECT_TIME).is_ok())
}

fn text(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = File::open(path).ok()?;
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener};

    use tokio::net::TcpSocket;

    use super::*;

    /// A directory as a node makes it, that runs until the listener is dropped; and its URL.
    fn node(home: &Path, name: &str) -> (TcpListener, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = leave(home, name, listener.local_addr().unwrap());
        (listener, url)
    }

    /// What a node leaves in its directory, and its URL.
    fn leave(home: &Path, name: &str, at: SocketAddr) -> String {
        let url = format!("http://{at}/");
        let directory = home.join(name);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(PLACE_NAME), &url).unwrap();
        fs::write(directory.join(COOKIE_NAME), format!("__cookie__:{name}\n")).unwrap();
        url
    }

    #[test]
    fn the_one_node_that_runs_is_asked_and_of_several_one_has_to_be_named() {
        let home = tempfile::tempdir().unwrap();
        let nobody = choose_below(Some(home.path()), None, None).unwrap();
        assert_eq!((nobody.url.as_str(), nobody.cookie), (URL, None));
        // Nobody listens there, and nobody else is given the port.
        let killed = TcpSocket::new_v4().unwrap();
        killed.bind(([127, 0, 0, 1], 0).into()).unwrap();
        leave(home.path(), "killed", killed.local_addr().unwrap());
        let (_first, first_url) = node(home.path(), "first");
        let only = choose_below(Some(home.path()), None, None).unwrap();
        assert_eq!(only.url, first_url);
        assert_eq!(only.cookie.as_deref(), Some("__cookie__:first"));

        let (_second, second_url) = node(home.path(), "second");
        let error = choose_below(Some(home.path()), None, None).unwrap_err();
        let told = error.to_string();
        assert!(told.contains("2 nodes run; name one:"), "{told}");
        assert!(
            told.contains("first'") && told.contains("second'"),
            "{told}"
        );
        let url = second_url.trim_end_matches('/');
        let named = choose_below(Some(home.path()), Some(url), None).unwrap();
        assert_eq!(named.cookie.as_deref(), Some("__cookie__:second"));
        let directory = home.path().join("first");
        let named = choose_below(Some(home.path()), None, Some(&directory)).unwrap();
        assert_eq!(named.url, first_url);
        let stopped = home.path().join("stopped");
        let error = choose_below(Some(home.path()), None, Some(&stopped)).unwrap_err();
        assert!(error.to_string().starts_with("no node with an API runs"));
    }
}
