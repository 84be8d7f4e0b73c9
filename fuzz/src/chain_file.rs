//! A text that claims to be a chain file. Whoever includes this has the reader as
//! `crate::chain_file`.

use std::io::Cursor;

use crate::chain_file::{Line, ReadError, each_line, write_line};

/// Every line is read, and says itself again in one way, or the fault has its place.
pub fn check(bytes: &[u8]) {
    let mut lines = 0;
    let read = each_line(Cursor::new(bytes.to_vec()), |number, line| {
        lines += 1;
        assert_eq!(number, lines, "a line left out");
        says_itself(line);
        Ok(())
    });
    match read {
        Ok(()) => assert_eq!(
            lines,
            bytes.split_inclusive(|byte| *byte == b'\n').count() as u64
        ),
        Err(ReadError::Fault(fault)) => {
            assert_eq!(fault.line, lines + 1);
            let text = fault.to_string();
            assert!(!text.chars().any(char::is_control), "{text:?}");
        }
        Err(ReadError::Io(error)) => panic!("memory was not read: {error}"),
    }
}

fn says_itself(line: Line) {
    let claimed = line.hash;
    let block = line.into_block();
    let mut text = Vec::new();
    write_line(&mut text, &block).expect("memory takes everything");
    let mut blocks = Vec::new();
    let read = each_line(Cursor::new(text), |_, line| {
        blocks.push((line.hash, line.into_block()));
        Ok(())
    });
    assert!(read.is_ok());
    let (hash, again) = blocks.pop().expect("a line was written");
    assert_eq!(again, block);
    assert_eq!(hash, block.header.hash());
    // What a line claims is for whoever checks it.
    let _ = claimed;
    assert!(blocks.is_empty());
}
