//! The cookie: a password that whoever can read the data directory can read; and beside it, where
//! the API answers.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq as _;

/// The name of the user, as in Bitcoin Core.
pub const USER: &str = "__cookie__";

/// A cookie that was written, and is removed when the API ends.
#[derive(Debug)]
pub struct Cookie {
    path: PathBuf,
    /// `__cookie__:` and 64 hex digits.
    secret: String,
}

impl Cookie {
    /// Draws a new password and writes it, for the owner of the process alone to read.
    ///
    /// # Errors
    /// The file cannot be written, or the system gives no random bytes.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut password = [0; 32];
        getrandom::fill(&mut password).map_err(|error| io::Error::other(error.to_string()))?;
        let secret = format!("{USER}:{}", const_hex::encode(password));
        write_privately(path, &secret)?;
        Ok(Cookie {
            path: path.to_owned(),
            secret,
        })
    }

    /// Whether the value of an `Authorization` header is this cookie, by HTTP Basic (RFC 7617).
    pub fn is_in(&self, header: &[u8]) -> bool {
        let Some((scheme, value)) = header.split_at_checked(6) else {
            return false;
        };
        if !scheme.eq_ignore_ascii_case(b"basic ") {
            return false;
        }
        // What is told by the time is the length of what was sent, not of what is right.
        STANDARD
            .decode(value.trim_ascii())
            .is_ok_and(|given| bool::from(given.ct_eq(self.secret.as_bytes())))
    }

    /// Removes the file, if it is still this cookie's: another node may have written its own.
    pub fn remove(&self) {
        remove_if(&self.path, &self.secret);
    }
}

/// A file that says where the API answers, for clients on this machine; removed when the API ends.
#[derive(Debug)]
pub struct Place {
    path: PathBuf,
    url: String,
}

impl Place {
    /// Writes the file.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn create(path: &Path, listen: SocketAddr) -> io::Result<Self> {
        let mut at = listen;
        // Who listens on all addresses is on this one too.
        if at.ip().is_unspecified() {
            at.set_ip(match at {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        let url = format!("http://{at}/");
        write_privately(path, &url)?;
        let path = path.to_owned();
        Ok(Place { path, url })
    }

    /// Removes the file, if it is still this API's.
    pub fn remove(&self) {
        remove_if(&self.path, &self.url);
    }
}

/// Written beside and moved, so that nobody reads half of it; made anew, so that no link or mode of
/// an old file matters. Its owner alone can read it.
fn write_privately(path: &Path, text: &str) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&beside)?.write_all(text.as_bytes())?;
    fs::rename(&beside, path)
}

fn remove_if(path: &Path, text: &str) {
    if fs::read(path).is_ok_and(|found| found == text.as_bytes()) {
        // A file that stays is of no use to anybody: what it tells is no longer so.
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_for_its_owner_alone_and_goes_with_the_node() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".cookie");
        fs::write(&path, "old and readable").unwrap();
        let cookie = Cookie::create(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.len(), USER.len() + 1 + 64);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_ne!(Cookie::create(&path).unwrap().secret, cookie.secret);
        cookie.remove();
        assert!(
            path.exists(),
            "the second cookie is not the first's to remove"
        );
    }

    #[test]
    fn where_the_api_answers_is_an_address_that_can_be_asked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".api");
        for (listen, url) in [
            ("127.0.0.1:80", "http://127.0.0.1:80/"),
            ("0.0.0.0:80", "http://127.0.0.1:80/"),
            ("[::]:80", "http://[::1]:80/"),
        ] {
            let place = Place::create(&path, listen.parse().unwrap()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), url);
            place.remove();
            assert!(!path.exists());
        }
    }

    #[test]
    fn only_the_whole_cookie_opens() {
        let dir = tempfile::tempdir().unwrap();
        let cookie = Cookie::create(&dir.path().join(".cookie")).unwrap();
        let basic = |secret: &str| format!("Basic {}", STANDARD.encode(secret)).into_bytes();
        assert!(cookie.is_in(&basic(&cookie.secret)));
        assert!(!cookie.is_in(&basic(&cookie.secret[..cookie.secret.len() - 1])));
        assert!(!cookie.is_in(&basic("")));
        assert!(!cookie.is_in(b"Basic !"));
        assert!(!cookie.is_in(cookie.secret.as_bytes()));
    }
}
