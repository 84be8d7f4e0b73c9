//! The bar while many runs are played: how many are done, and how long the rest will take.

use std::time::{Duration, Instant};

use forkful_lab::{Ensemble, Pace, Plan, Quantile, Until};
use indicatif::ProgressBar;

use crate::show::Screen;
use crate::show::live::{bar_style, fitting, hide_unless_seen};
use crate::show::numbers::plus_minus;
use crate::show::style::span;

/// The bar of an ensemble.
pub struct RunsBar {
    bar: ProgressBar,
    begun: Instant,
    pace: Pace,
    runs_max: u64,
    until: Option<Until>,
}

impl RunsBar {
    pub fn new(plan: &Plan, screen: Option<&Screen>) -> RunsBar {
        let bar = ProgressBar::new(plan.runs_max).with_style(bar_style());
        hide_unless_seen(&bar, screen);
        RunsBar {
            bar,
            begun: Instant::now(),
            pace: Pace::new(),
            runs_max: plan.runs_max,
            until: plan.until.clone(),
        }
    }

    /// One more run is done.
    pub fn show(&mut self, so_far: &Ensemble) {
        let now = self.begun.elapsed();
        let done = so_far.runs();
        #[allow(clippy::cast_precision_loss, reason = "runs are far below 2^53")]
        let runs = |runs: u64| runs as f64;
        self.pace.mark(now, runs(done));
        let goal = self.goal(so_far);
        self.bar.set_length(goal);
        self.bar.set_position(done);
        let left = self.pace.left(now, runs(done), runs(goal));
        let prefix = format!("{done}/{goal} runs");
        let left = left_text(left);
        let [short, whole] = self.width_texts(so_far);
        let told = [format!("{left}{whole}"), format!("{left}{short}"), left];
        self.bar.set_message(fitting(told, &prefix));
        self.bar.set_prefix(prefix);
    }

    /// Takes the bar away.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }

    /// Half of an interval shrinks with the root of the number of runs: so many will be enough,
    /// if the runs to come stray as those so far.
    fn goal(&self, so_far: &Ensemble) -> u64 {
        let runs = || {
            let until = self.until.as_ref()?;
            let wanted = until.half_width(so_far.sample(&until.metric)?);
            let half = so_far
                .sample(&until.metric)?
                .half_width(&mut Quantile::new())
                .filter(|half| *half > 0.0 && wanted > 0.0)?;
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "an estimate of a number above zero, held within the bound below"
            )]
            let runs = (so_far.runs() as f64 * (half / wanted).powi(2)).ceil() as u64;
            Some(runs)
        };
        let goal = runs().unwrap_or(self.runs_max);
        goal.clamp(so_far.runs().min(self.runs_max), self.runs_max)
    }

    /// How wide the interval is, and with how wide it shall be.
    fn width_texts(&self, so_far: &Ensemble) -> [String; 2] {
        let texts = || {
            let until = self.until.as_ref()?;
            let sample = so_far.sample(&until.metric)?;
            let half = sample.half_width(&mut Quantile::new());
            let (mean, half) = plus_minus(sample.mean(), half);
            let wanted = until.half_width(sample);
            let short = format!("  {} {mean} ± {half}", until.metric);
            let whole = format!("{short}, wanted ± {wanted:.2e}");
            Some([short, whole])
        };
        texts().unwrap_or_default()
    }
}

/// The bar of runs whose number is known.
pub struct CountBar {
    bar: ProgressBar,
    begun: Instant,
    pace: Pace,
    runs: u64,
}

impl CountBar {
    pub fn new(runs: u64, screen: Option<&Screen>) -> CountBar {
        let bar = ProgressBar::new(runs).with_style(bar_style());
        hide_unless_seen(&bar, screen);
        CountBar {
            bar,
            begun: Instant::now(),
            pace: Pace::new(),
            runs,
        }
    }

    /// So many are done.
    pub fn show(&mut self, done: u64) {
        let now = self.begun.elapsed();
        #[allow(clippy::cast_precision_loss, reason = "runs are far below 2^53")]
        let runs = |runs: u64| runs as f64;
        self.pace.mark(now, runs(done));
        self.bar.set_position(done);
        self.bar.set_prefix(format!("{done}/{} runs", self.runs));
        let left = self.pace.left(now, runs(done), runs(self.runs));
        self.bar.set_message(left_text(left));
    }

    /// Takes the bar away.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}

/// How long the rest takes, in words; nothing while nobody knows.
pub fn left_text(left: Option<Duration>) -> String {
    match left {
        None => String::new(),
        Some(left) if left < Duration::from_secs(1) => "nearly done".to_owned(),
        Some(left) => format!("about {} left", span(left)),
    }
}
