//! How a quantity of time is spread: counted in microseconds, told in milliseconds.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::report::Spread;

/// Grows with the spread of its values, to some hundred kilobytes, not with their number.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("three significant digits are in its range of 0 to 5")
}

/// Adds a duration, in microseconds.
pub(crate) fn count(histogram: &mut Histogram<u64>, span: Duration) {
    // A run's clock ends after 584 years. A histogram that grows by itself takes any
    // value below 2^63, and this is below.
    let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX >> 1);
    let _ = histogram.record(micros.min(u64::MAX >> 1));
}

/// The spread of values in microseconds, in milliseconds.
pub(crate) fn spread(histogram: &Histogram<u64>) -> Option<Spread> {
    #[allow(
        clippy::cast_precision_loss,
        reason = "microseconds of any run fit in 53 bits"
    )]
    let ms = |micros: u64| micros as f64 / 1_000.0;
    (!histogram.is_empty()).then(|| Spread {
        count: histogram.len(),
        mean: histogram.mean() / 1_000.0,
        p50: ms(histogram.value_at_quantile(0.5)),
        p90: ms(histogram.value_at_quantile(0.9)),
        p99: ms(histogram.value_at_quantile(0.99)),
        max: ms(histogram.max()),
    })
}
