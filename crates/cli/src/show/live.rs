//! The screen while a run goes on: lines of what happened, and how far it has come.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use forkful_core::Event;
use forkful_scenario::Stop;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::show::Screen;
use crate::show::events::{Headlines, LINE_INDENT, Teller};
use crate::show::style::count;
use crate::sinks::Show;

/// What is on the screen while a run goes on.
pub struct Live {
    /// `None` shows no lines, for `--json`.
    screen: Option<Screen>,
    teller: Teller,
    bar: ProgressBar,
    /// Whether the bar counts blocks found, or else the height.
    counts_mined: bool,
}

impl Live {
    pub fn new(screen: Option<Screen>, stop: &Stop) -> Live {
        let goal = stop.height.or(stop.blocks);
        let bar = match goal {
            Some(goal) => ProgressBar::new(goal),
            None => ProgressBar::no_length(),
        };
        // A bar belongs to a terminal, and not between lines that go into a pipe.
        let shows =
            io::stderr().is_terminal() && screen.as_ref().is_none_or(|screen| screen.is_terminal());
        if shows {
            bar.set_style(style(goal.is_some()));
            bar.enable_steady_tick(Duration::from_millis(100));
        } else {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        Live {
            screen,
            teller: Teller::new(),
            bar,
            counts_mined: stop.height.is_none(),
        }
    }

    /// Takes the bar away and gives the screen back.
    pub fn finish(self) -> Option<Screen> {
        self.bar.finish_and_clear();
        self.screen
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
        let tally = self.teller.tally;
        let done = if self.counts_mined {
            tally.mined
        } else {
            tally.height
        };
        self.bar.set_position(done);
        self.bar.set_message(format!(
            "{}, {}, {}",
            count(tally.mined, "block", "blocks"),
            count(tally.forks, "fork", "forks"),
            count(tally.reorgs, "reorg", "reorgs"),
        ));
        self.print(&lines)
    }

    fn idle(&mut self) -> io::Result<()> {
        match self.teller.flush() {
            Some(line) => self.print(&[line]),
            None => Ok(()),
        }
    }
}

fn style(has_goal: bool) -> ProgressStyle {
    let template = if has_goal {
        "  {bar:30.cyan/dim} {pos}/{len}  {elapsed}  {wide_msg:.dim}"
    } else {
        "  {spinner} {elapsed}  {wide_msg:.dim}"
    };
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("━╸─")
}
