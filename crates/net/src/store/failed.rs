//! What went wrong, in our words.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::store::StoreError;

/// The file system said no.
pub(super) fn failed_at(path: &Path, error: &std::io::Error) -> StoreError {
    StoreError::Io {
        path: path.to_owned(),
        what: error.to_string(),
    }
}

/// Does something with redb, and says in our words what went wrong. On a damaged file it may
/// panic where it trusts what it wrote itself; that is caught here, and is damage too.
pub(super) fn guarded<T>(
    path: &Path,
    work: impl FnOnce() -> Result<T, redb::Error>,
) -> Result<T, StoreError> {
    let path = path.to_owned();
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(redb::Error::DatabaseAlreadyOpen)) => Err(StoreError::InUse(path)),
        Ok(Err(redb::Error::Io(error))) if error.kind() != std::io::ErrorKind::InvalidData => {
            let what = error.to_string();
            Err(StoreError::Io { path, what })
        }
        Ok(Err(error @ (redb::Error::PreviousIo | redb::Error::Backend(_)))) => {
            let what = error.to_string();
            Err(StoreError::Io { path, what })
        }
        Ok(Err(error)) => {
            let what = error.to_string();
            Err(StoreError::Damaged { path, what })
        }
        Err(_) => {
            let what = "it cannot be read to its end".to_owned();
            Err(StoreError::Damaged { path, what })
        }
    }
}
