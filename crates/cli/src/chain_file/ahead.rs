//! Reading ahead: one thread reads and parses lines while another one checks blocks.

use std::io::{self, BufRead};
use std::sync::mpsc::{self, SyncSender};
use std::thread;

use crate::chain_file::{Line, Lines, ReadError};

/// Lines that are handed over at once, so that handing over costs nothing.
const BATCH_LINES: usize = 1_024;

/// Bytes of lines from which on fewer are handed over.
const BATCH_BYTES: usize = 1 << 20;

/// Batches that may wait. With the one that is made and the one that is checked, they
/// bound the memory.
const BATCHES_MAX: usize = 2;

/// Lines with their numbers, and how the file ends if it does behind them.
struct Batch {
    lines: Vec<(u64, Line)>,
    end: Option<Result<(), ReadError>>,
}

/// Calls `take` with every line and its number, until it or the file has had enough.
pub fn each_line(
    reader: impl BufRead + Send + 'static,
    mut take: impl FnMut(u64, Line) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let (sender, receiver) = mpsc::sync_channel(BATCHES_MAX);
    // Not joined: after an error it may wait for input that never comes.
    thread::spawn(move || read(Lines::new(reader), &sender));
    for batch in receiver {
        for (number, line) in batch.lines {
            take(number, line)?;
        }
        if let Some(end) = batch.end {
            return end;
        }
    }
    Err(ReadError::Io(io::Error::other("the reader has panicked")))
}

fn read<R: BufRead>(mut lines: Lines<R>, sender: &SyncSender<Batch>) {
    loop {
        let batch = next_batch(&mut lines);
        let is_last = batch.end.is_some();
        // Nobody takes any more when a line was wrong.
        if sender.send(batch).is_err() || is_last {
            return;
        }
    }
}

fn next_batch<R: BufRead>(lines: &mut Lines<R>) -> Batch {
    let mut batch = Batch {
        lines: Vec::with_capacity(BATCH_LINES),
        end: None,
    };
    let mut bytes = 0;
    while batch.lines.len() < BATCH_LINES && bytes < BATCH_BYTES {
        match lines.next() {
            Ok(Some(line)) => {
                bytes += lines.length();
                batch.lines.push((lines.number(), line));
            }
            Ok(None) => {
                batch.end = Some(Ok(()));
                break;
            }
            Err(error) => {
                batch.end = Some(Err(error));
                break;
            }
        }
    }
    batch
}
