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

/// How long a trace file may take for what is left, once the run was interrupted.
const LAST_WORDS: Duration = Duration::from_secs(1);

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
///
/// Not joined: a pipe that nobody reads can hold it for ever, and must not hold the
/// process.
pub struct Trace {
    name: String,
    sender: SyncSender<Option<Event>>,
    result: Receiver<io::Result<()>>,
    interrupt: CancellationToken,
}

impl Trace {
    /// Starts the thread. When the file cannot be written, the run is ended.
    pub fn start(
        name: String,
        file: impl Write + Send + 'static,
        interrupt: CancellationToken,
    ) -> Trace {
        let (sender, receiver) = mpsc::sync_channel::<Option<Event>>(TRACE_EVENTS_MAX);
        let (done, result) = mpsc::channel();
        let ended = interrupt.clone();
        thread::spawn(move || {
            let result = write_events(&receiver, BufWriter::with_capacity(1 << 16, file));
            if result.is_err() {
                ended.cancel();
            }
            // Whoever waited may have given up.
            let _ = done.send(result);
        });
        Trace {
            name,
            sender,
            result,
            interrupt,
        }
    }

    /// What the network calls.
    pub fn sink(&self) -> Sink {
        let sender = self.sender.clone();
        let interrupt = self.interrupt.clone();
        Box::new(move |event| send_unless(&interrupt, &sender, Some(event.clone())))
    }

    /// Waits until everything is written; after an interrupt, not for long.
    pub fn finish(self) -> Result<(), Failure> {
        send_unless(&self.interrupt, &self.sender, None);
        loop {
            match self.result.recv_timeout(LAST_WORDS) {
                Ok(result) => return result.map_err(Failure::output(self.name)),
                Err(RecvTimeoutError::Timeout) if !self.interrupt.is_cancelled() => {}
                Err(_) => {
                    let stuck = io::Error::other("its reader did not take all that happened");
                    return Err(Failure::output(self.name)(stuck));
                }
            }
        }
    }
}

/// Waits for room, but not for ever: an interrupt ends the wait, and the event is lost.
fn send_unless(
    interrupt: &CancellationToken,
    sender: &SyncSender<Option<Event>>,
    mut event: Option<Event>,
) {
    while let Err(TrySendError::Full(back)) = sender.try_send(event) {
        if interrupt.is_cancelled() {
            return;
        }
        event = back;
        thread::sleep(Duration::from_millis(1));
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

#[cfg(test)]
mod tests {
    use forkful_core::Time;
    use forkful_core::event::What;

    use super::*;

    /// A pipe that nobody reads.
    struct Stuck;

    impl Write for Stuck {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            loop {
                thread::park();
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            self.write(&[]).map(|_| ())
        }
    }

    #[test]
    fn a_trace_that_nobody_reads_does_not_outlast_an_interrupt() {
        let interrupt = CancellationToken::new();
        let trace = Trace::start("to a pipe".to_owned(), Stuck, interrupt.clone());
        let mut sink = trace.sink();
        interrupt.cancel();
        let event = Event {
            time: Time::ZERO,
            node: None,
            what: What::Healed,
        };
        // One more than wait: a sink that waited for room would stand still here.
        for _ in 0..TRACE_EVENTS_MAX + 2 {
            sink(&event);
        }
        drop(sink);
        assert!(
            trace.finish().is_err(),
            "and it says that something is missing"
        );
    }
}
