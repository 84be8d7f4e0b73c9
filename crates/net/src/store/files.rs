//! What a store asks of the file system beside its file.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::store::StoreError;
use crate::store::failed::failed_at;

/// What is locked in a data directory while a store is open.
const LOCK_NAME: &str = "forkful.lock";

/// Makes a new name in the directory durable. Elsewhere than on Unix a directory is no file.
pub(super) fn sync_directory(directory: &Path) -> std::io::Result<()> {
    if cfg!(unix) {
        File::open(directory)?.sync_all()?;
    }
    Ok(())
}

/// Which file this is: where it is, on Unix.
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.dev(), metadata.ino()))
    }
    #[cfg(not(unix))]
    {
        path.exists().then_some((0, 0))
    }
}

/// Locks the data directory for this process.
pub(super) fn lock(data_dir: &Path, path: &Path) -> Result<File, StoreError> {
    let io = |error| failed_at(path, &error);
    let lock = File::create(data_dir.join(LOCK_NAME)).map_err(io)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(io(error)),
    }
}
