//! The static key of a node: who it is, whatever its address.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use snow::params::DHChoice;
use snow::resolvers::{CryptoResolver, DefaultResolver};

/// The name of the file in the data directory.
pub const KEY_FILE: &str = "node_key";

const KEY_BYTES: usize = 32;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("the key file {} cannot be used: {error}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What went wrong.
        error: io::Error,
    },
    /// Others may read it.
    #[error("the key file {} is open to others (mode {mode:03o}): chmod 600 it", path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It holds something else.
    #[error(
        "the key file {} holds {found} bytes where {KEY_BYTES} belong: \
         remove it, and the node gets a new identity",
        path.display()
    )]
    Length {
        /// Which file.
        path: PathBuf,
        /// How long it is; no more than one byte too many is read.
        found: usize,
    },
    /// The machine has no random numbers.
    #[error("no random numbers: {0}")]
    Random(getrandom::Error),
    /// The cryptography library has no such curve.
    #[error("X25519 is not available")]
    NoCurve,
}

/// A static X25519 key pair.
#[derive(Clone)]
pub struct NodeKey {
    private: [u8; KEY_BYTES],
    public: [u8; KEY_BYTES],
}

// The private half is for nobody's eyes.
impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeKey").finish_non_exhaustive()
    }
}

impl NodeKey {
    /// A key for as long as the process lives.
    ///
    /// # Errors
    /// There are no random numbers.
    pub fn ephemeral() -> Result<Self, KeyError> {
        let mut private = [0; KEY_BYTES];
        getrandom::fill(&mut private).map_err(KeyError::Random)?;
        Self::from_private(private)
    }

    /// The key in `DATA_DIR/node_key`, made if there is none.
    ///
    /// # Errors
    /// The file cannot be used, is open to others, or holds no key.
    pub fn load_or_create(data_dir: &Path) -> Result<Self, KeyError> {
        let path = data_dir.join(KEY_FILE);
        match File::open(&path) {
            Ok(file) => Self::read(file, path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = Self::ephemeral()?;
                let written = key.write(data_dir, &path);
                written.map_err(|error| KeyError::Io { path, error })?;
                Ok(key)
            }
            Err(error) => Err(KeyError::Io { path, error }),
        }
    }

    /// The half that others know the node by.
    pub fn public(&self) -> [u8; KEY_BYTES] {
        self.public
    }

    pub(super) fn private(&self) -> &[u8; KEY_BYTES] {
        &self.private
    }

    fn from_private(private: [u8; KEY_BYTES]) -> Result<Self, KeyError> {
        let curve = DefaultResolver.resolve_dh(&DHChoice::Curve25519);
        let mut curve = curve.ok_or(KeyError::NoCurve)?;
        curve.set(&private);
        let mut public = [0; KEY_BYTES];
        public.copy_from_slice(curve.pubkey());
        Ok(NodeKey { private, public })
    }

    fn read(file: File, path: PathBuf) -> Result<Self, KeyError> {
        let mode = match mode(&file) {
            Ok(mode) => mode,
            Err(error) => return Err(KeyError::Io { path, error }),
        };
        if mode & 0o077 != 0 {
            return Err(KeyError::Open { path, mode });
        }
        let mut bytes = Vec::with_capacity(KEY_BYTES + 1);
        if let Err(error) = file.take(KEY_BYTES as u64 + 1).read_to_end(&mut bytes) {
            return Err(KeyError::Io { path, error });
        }
        match <[u8; KEY_BYTES]>::try_from(bytes) {
            Ok(private) => Self::from_private(private),
            Err(bytes) => Err(KeyError::Length {
                path,
                found: bytes.len(),
            }),
        }
    }

    /// Written beside and renamed: there is never half a key.
    fn write(&self, data_dir: &Path, path: &Path) -> io::Result<()> {
        let beside = data_dir.join(format!("{KEY_FILE}.new"));
        let _ = fs::remove_file(&beside);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside)?;
        file.write_all(&self.private)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        File::open(data_dir)?.sync_all()
    }
}

#[cfg(unix)]
fn mode(file: &File) -> io::Result<u32> {
    use std::os::unix::fs::PermissionsExt;
    Ok(file.metadata()?.permissions().mode() & 0o777)
}

/// Elsewhere the directory's own protection has to do.
#[cfg(not(unix))]
fn mode(_: &File) -> io::Result<u32> {
    Ok(0o600)
}
