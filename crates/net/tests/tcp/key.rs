//! The file that says who a node is.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use forkful_net::tcp::key::{KEY_FILE, KeyError, NodeKey};

#[test]
fn a_node_keeps_its_key_and_nobody_else_may_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let made = NodeKey::load_or_create(dir.path()).unwrap();
    let path = dir.path().join(KEY_FILE);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = NodeKey::load_or_create(dir.path()).unwrap();
    assert_eq!(made.public(), again.public());
    assert_ne!(made.public(), NodeKey::ephemeral().unwrap().public());

    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let error = NodeKey::load_or_create(dir.path()).unwrap_err();
    assert!(matches!(error, KeyError::Open { mode: 0o640, .. }));
    assert!(error.to_string().contains("chmod 600"), "{error}");
}

#[test]
fn a_file_that_is_no_key_is_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(KEY_FILE);
    for length in [0, 31, 33, 100_000] {
        fs::write(&path, vec![7; length]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let error = NodeKey::load_or_create(dir.path()).unwrap_err();
        let found = length.min(33);
        assert!(matches!(error, KeyError::Length { found: is, .. } if is == found));
        assert_eq!(fs::read(&path).unwrap().len(), length);
    }
}
