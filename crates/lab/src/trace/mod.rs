//! Every message of a simulated run, and every other event, as one Parquet file.
//!
//! A simulation sends millions of messages in a second, so its thread does nothing for a
//! message but copy it into a batch. A full batch goes through a channel that holds two to a
//! thread of its own, which turns it into columns, a row group at a time, and gives the empty
//! batch back. Where the file is slower than the run, the run waits: a trace with holes is
//! worth nothing, and memory stays at a few batches.

mod columns;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use forkful_core::Event;
use forkful_scenario::Sink;
use forkful_sim::{MessageSink, Sending};
use parquet::errors::ParquetError;
use parquet::file::writer::SerializedFileWriter;

use crate::error::LabError;
use crate::table::{pq, written};
use columns::Columns;
pub use columns::trace_schema;

/// Rows of a batch, and of a row group.
const ROWS_MAX: usize = 1 << 17;

/// Batches that may wait for the file.
const WAITING_MAX: usize = 2;

/// Rows in the order in which they happened.
#[derive(Default)]
struct Batch {
    messages: Vec<Sending>,
    /// What was no message, with the number of messages of this batch that came before.
    events: Vec<(usize, Event)>,
}

/// A trace that is being written.
pub struct Trace {
    path: PathBuf,
    shared: Arc<Mutex<Filling>>,
    failed: Arc<AtomicBool>,
    writer: JoinHandle<Result<(), ParquetError>>,
}

/// The run's end of the channel.
struct Filling {
    batch: Batch,
    full: SyncSender<Batch>,
    empty: Receiver<Batch>,
}

impl Trace {
    /// Creates the file and starts the thread that writes it.
    ///
    /// # Errors
    /// The file cannot be written; or it is there already, unless `overwrite`.
    pub fn create(path: &Path, overwrite: bool) -> Result<Trace, LabError> {
        if !overwrite {
            crate::results::refuse_existing(path)?;
        }
        let file = File::create(path).map_err(LabError::output(path))?;
        let file = pq::file_writer(file, &trace_schema()).map_err(|error| written(path, error))?;
        let (full, batches) = mpsc::sync_channel(WAITING_MAX);
        let (give_back, empty) = mpsc::channel();
        let failed = Arc::new(AtomicBool::new(false));
        let says = Arc::clone(&failed);
        let writer = thread::spawn(move || {
            let result = write(file, &batches, &give_back);
            if result.is_err() {
                says.store(true, Ordering::Relaxed);
            }
            result
        });
        Ok(Trace {
            path: path.to_owned(),
            shared: Arc::new(Mutex::new(Filling {
                batch: Batch::default(),
                full,
                empty,
            })),
            failed,
            writer,
        })
    }

    /// What the run calls for every message.
    pub fn messages(&self) -> MessageSink {
        let shared = Arc::clone(&self.shared);
        Box::new(move |sending| {
            let mut filling = shared.lock().unwrap_or_else(PoisonError::into_inner);
            filling.batch.messages.push(*sending);
            filling.send_if_full();
        })
    }

    /// What the run calls for everything else.
    pub fn watcher(&self) -> Sink {
        let shared = Arc::clone(&self.shared);
        Box::new(move |event| {
            let mut filling = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let place = filling.batch.messages.len();
            filling.batch.events.push((place, event.clone()));
            filling.send_if_full();
        })
    }

    /// Whether the file cannot be written any more; asked by the run, which then ends.
    pub fn failed(&self) -> impl Fn() -> bool + 'static {
        let failed = Arc::clone(&self.failed);
        move || failed.load(Ordering::Relaxed)
    }

    /// Writes what is left and the end of the file. The run's sinks must be gone.
    ///
    /// # Errors
    /// The file could not be written.
    pub fn finish(self) -> Result<(), LabError> {
        self.shared
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .send();
        // With the last sender the channel ends, and with it the thread.
        drop(self.shared);
        let result = self.writer.join();
        let result = result.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        result.map_err(|error| written(&self.path, error))
    }
}

impl Filling {
    fn send_if_full(&mut self) {
        if self.batch.messages.len() + self.batch.events.len() >= ROWS_MAX {
            self.send();
        }
    }

    fn send(&mut self) {
        let empty = self.empty.try_recv().unwrap_or_default();
        let full = std::mem::replace(&mut self.batch, empty);
        // An error says that the thread has ended, and why is in its result.
        let _ = self.full.send(full);
    }
}

fn write(
    mut file: SerializedFileWriter<File>,
    batches: &Receiver<Batch>,
    give_back: &mpsc::Sender<Batch>,
) -> Result<(), ParquetError> {
    let mut columns = Columns::new();
    while let Ok(mut batch) = batches.recv() {
        columns.fill(&batch.messages, &batch.events);
        columns.write(&mut file)?;
        batch.messages.clear();
        batch.events.clear();
        // The run may be over.
        let _ = give_back.send(batch);
    }
    file.close()?;
    Ok(())
}
