//! The screen while a run goes on: lines of what happened, and how far it has come.

use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use forkful_core::{Event, Time};
use forkful_lab::{Goal, Pace};
use forkful_scenario::Stop;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::show::Screen;
use crate::show::events::{Headlines, LINE_INDENT, Teller};
use crate::show::runs_bar::left_text;
use crate::show::style::{columns, count, number, span};
use crate::sinks::Show;

/// What is on the screen while a run goes on.
pub struct Live {
    /// `None` shows no lines, for `--json`.
    screen: Option<Screen>,
    teller: Teller,
    bar: ProgressBar,
    stop: Stop,
    /// The run's own clock at the last headline.
    time: Duration,
    begun: Instant,
    pace: Pace,
}

/// The bar is drawn in so many steps.
const STEPS: u32 = 10_000;

impl Live {
    pub fn new(screen: Option<Screen>, stop: &Stop) -> Live {
        let bar = ProgressBar::new(STEPS.into()).with_style(bar_style());
        hide_unless_seen(&bar, screen.as_ref());
        Live {
            screen,
            teller: Teller::new(),
            bar,
            stop: *stop,
            time: Duration::ZERO,
            begun: Instant::now(),
            pace: Pace::new(),
        }
    }

    /// Takes the bar away and gives the screen back.
    pub fn finish(self) -> Option<Screen> {
        self.bar.finish_and_clear();
        self.screen
    }

    /// Moves the bar, and says how long the rest takes.
    fn progress(&mut self) {
        let tally = self.teller.tally;
        let Some(goal) = Goal::of(&self.stop, tally.height, tally.mined, self.time) else {
            return;
        };
        let (now, part) = (self.begun.elapsed(), goal.part());
        self.pace.mark(now, part);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part from 0 to 1"
        )]
        self.bar.set_position((part * f64::from(STEPS)) as u64);
        let prefix = match goal {
            Goal::Height(done, goal) => format!("height {}/{}", number(done), number(goal)),
            Goal::Blocks(done, goal) => format!("{}/{} blocks", number(done), number(goal)),
            Goal::Time(done, goal) => format!("{} of {}", span(done), span(goal)),
        };
        let blocks = count(tally.mined, "block", "blocks");
        let forks = count(tally.forks, "fork", "forks");
        let reorgs = count(tally.reorgs, "reorg", "reorgs");
        let left = left_text(self.pace.left(now, part, 1.0));
        let told = [
            format!("{blocks}, {forks}, {reorgs}  {left}"),
            format!("{blocks}, {forks}  {left}"),
            format!("{blocks}  {left}"),
            left,
        ];
        self.bar.set_message(fitting(told, &prefix));
        self.bar.set_prefix(prefix);
    }

    fn print(&mut self, lines: &[String]) -> io::Result<()> {
        match &mut self.screen {
            Some(screen) if !lines.is_empty() => self.bar.suspend(|| {
                lines
                    .iter()
                    .try_for_each(|line| screen.text(line, LINE_INDENT))
            }),
            _ => Ok(()),
        }
    }
}

impl Show for Live {
    fn headlines() -> impl FnMut(&Event) -> bool + Send + 'static {
        let mut headlines = Headlines::default();
        move |event| headlines.is_one(event)
    }

    fn show(&mut self, event: &Event) -> io::Result<()> {
        let lines = self.teller.tell(event);
        self.time = event.time.since(Time::ZERO);
        self.progress();
        self.print(&lines)
    }

    fn idle(&mut self) -> io::Result<()> {
        self.progress();
        match self.teller.flush() {
            Some(line) => self.print(&[line]),
            None => Ok(()),
        }
    }
}

/// The first of these texts, from the longest to the shortest, that fits behind a bar with this
/// prefix.
pub fn fitting<const N: usize>(texts: [String; N], prefix: &str) -> String {
    fitting_in(Screen::stderr().width(), texts, prefix)
}

fn fitting_in<const N: usize>(width: usize, texts: [String; N], prefix: &str) -> String {
    // What stands before: the bar, and a time of four columns.
    let room = width.saturating_sub(2 + 16 + 1 + columns(prefix) + 2 + 4 + 2);
    let mut texts = texts.into_iter();
    texts.find(|text| columns(text) <= room).unwrap_or_default()
}

/// A bar with what is done before it and how it stands behind it.
pub fn bar_style() -> ProgressStyle {
    ProgressStyle::with_template("  {bar:16.cyan/dim} {prefix}  {elapsed}  {wide_msg:.dim}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}

/// A bar belongs to a terminal, and not between lines that go into a pipe.
pub fn hide_unless_seen(bar: &ProgressBar, screen: Option<&Screen>) {
    if io::stderr().is_terminal() && screen.is_none_or(Screen::is_terminal) {
        bar.enable_steady_tick(Duration::from_millis(100));
    } else {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_behind_the_bar_is_left_out_and_not_cut() {
        let texts = || {
            let texts = ["34 blocks, 8 forks  about 12.3 s left", "34 blocks", ""];
            texts.map(str::to_owned)
        };
        let prefix = "height 26/34";
        assert_eq!(fitting_in(80, texts(), prefix), texts()[0]);
        assert_eq!(fitting_in(75, texts(), prefix), "34 blocks");
        assert_eq!(fitting_in(40, texts(), prefix), "");
        assert_eq!(fitting_in(80, [texts()[0].clone()], &"x".repeat(40)), "");
    }
}
