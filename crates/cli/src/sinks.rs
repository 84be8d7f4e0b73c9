//! What takes the events of a run to the screen and to a trace file.
//!
//! A sink is called while the network waits for it, so neither of the two does any work
//! there: each passes events to a thread of its own. They differ in what happens when
//! that thread falls behind. The screen misses lines, and says how many, for nothing that
//! is only looked at may slow the network. The trace makes the network wait, for a trace
//! with holes is worth nothing.

use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use forkful_core::Event;
use forkful_scenario::{Sink, event_line};
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// Headlines that may wait for the screen.
const HEADLINES_MAX: usize = 4_096;

/// Events that may wait for the trace file.
const TRACE_EVENTS_MAX: usize = 65_536;

/// How long a line may wait for others like it.
const PATIENCE: Duration = Duration::from_millis(150);

/// Shows headlines: implemented by what is on the screen.
pub trait Show: Send + 'static {
    /// Tells events that are worth a line. What it makes is called under the network's lock.
    fn headlines() -> impl FnMut(&Event) -> bool + Send + 'static;
    /// One headline.
    fn show(&mut self, event: &Event) -> io::Result<()>;
    /// Nothing has come for a moment: show what was held back.
    fn idle(&mut self) -> io::Result<()>;
}

/// A thread that shows headlines.
pub struct Narrator<S> {
    sender: SyncSender<Option<Event>>,
    missed: Arc<AtomicU64>,
    thread: JoinHandle<(S, io::Result<()>)>,
}

impl<S: Show> Narrator<S> {
    /// Starts the thread. When the screen cannot be written to, the run is ended.
    pub fn start(mut show: S, interrupt: CancellationToken) -> Narrator<S> {
        let (sender, receiver) = mpsc::sync_channel::<Option<Event>>(HEADLINES_MAX);
        let thread = thread::spawn(move || {
            loop {
                let result = match receiver.recv_timeout(PATIENCE) {
                    Ok(Some(event)) => show.show(&event),
                    Err(RecvTimeoutError::Timeout) => show.idle(),
                    Ok(None) | Err(RecvTimeoutError::Disconnected) => {
                        let result = show.idle();
                        return (show, result);
                    }
                };
                if result.is_err() {
                    interrupt.cancel();
                    return (show, result);
                }
            }
        });
        Narrator {
            sender,
            missed: Arc::default(),
            thread,
        }
    }

    /// What the network calls.
    pub fn sink(&self) -> Sink {
        let sender = self.sender.clone();
        let missed = Arc::clone(&self.missed);
        let mut is_headline = S::headlines();
        Box::new(move |event| {
            if is_headline(event)
                && let Err(TrySendError::Full(_)) = sender.try_send(Some(event.clone()))
            {
                missed.fetch_add(1, Ordering::Relaxed);
            }
        })
    }

    /// Waits until everything is shown. Gives the screen back, and how many headlines it
    /// has missed.
    pub fn finish(self) -> (S, u64, io::Result<()>) {
        // An error says that the thread has ended by itself, and why is in its result.
        let _ = self.sender.send(None);
        let (show, result) = joined(self.thread);
        (show, self.missed.load(Ordering::Relaxed), result)
    }
}

/// A thread that writes every event to a file, as a line of JSON.
pub struct Trace {
    name: String,
    sender: SyncSender<Option<Event>>,
    thread: JoinHandle<io::Result<()>>,
}

impl Trace {
    /// Starts the thread. When the file cannot be written, the run is ended.
    pub fn start(
        name: String,
        file: impl Write + Send + 'static,
        interrupt: CancellationToken,
    ) -> Trace {
        let (sender, receiver) = mpsc::sync_channel::<Option<Event>>(TRACE_EVENTS_MAX);
        let thread = thread::spawn(move || {
            let result = write_events(&receiver, BufWriter::with_capacity(1 << 16, file));
            if result.is_err() {
                interrupt.cancel();
            }
            result
        });
        Trace {
            name,
            sender,
            thread,
        }
    }

    /// What the network calls.
    pub fn sink(&self) -> Sink {
        let sender = self.sender.clone();
        Box::new(move |event| {
            // Fails only after an error of the file, which ends the run.
            let _ = sender.send(Some(event.clone()));
        })
    }

    /// Waits until everything is written.
    pub fn finish(self) -> Result<(), Failure> {
        let _ = self.sender.send(None);
        joined(self.thread).map_err(Failure::output(self.name))
    }
}

fn write_events(receiver: &Receiver<Option<Event>>, mut file: impl Write) -> io::Result<()> {
    loop {
        let event = match receiver.try_recv() {
            Ok(event) => event,
            // Whoever reads along sees what has happened as soon as there is time for it.
            Err(_) => {
                file.flush()?;
                receiver.recv().unwrap_or(None)
            }
        };
        match event {
            Some(event) => writeln!(file, "{}", event_line(&event)?)?,
            None => return file.flush(),
        }
    }
}

/// A panic of the thread goes on here: it is a bug either way.
fn joined<T>(thread: JoinHandle<T>) -> T {
    thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
