//! Numbers with as many digits as they deserve.

/// A mean and half of its interval: the mean to the second digit that the interval leaves.
/// Without an interval four digits, and a dash.
pub fn plus_minus(mean: f64, half: Option<f64>) -> (String, String) {
    match half.filter(|half| *half > 0.0 && half.is_finite()) {
        Some(half) => {
            let decimals = decimals(half, 2);
            let half = format!("{half:.decimals$}");
            (format!("{mean:.decimals$}"), half)
        }
        None if half == Some(0.0) => (short(mean), "0".to_owned()),
        None => (short(mean), "–".to_owned()),
    }
}

/// A number to four digits.
pub fn short(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let decimals = decimals(value.abs(), 4);
    let text = format!("{value:.decimals$}");
    match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        None => text,
    }
}

/// The decimals that show so many digits of a number above zero.
fn decimals(value: f64, digits: i32) -> usize {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the exponent of a number is small"
    )]
    let exponent = value.log10().floor() as i32;
    usize::try_from(digits - 1 - exponent).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_has_the_digits_that_its_interval_leaves() {
        let text = |mean, half| {
            let (mean, half) = plus_minus(mean, Some(half));
            format!("{mean} ± {half}")
        };
        assert_eq!(text(0.123_456, 0.004_56), "0.1235 ± 0.0046");
        assert_eq!(text(1_234.56, 78.9), "1235 ± 79");
        assert_eq!(text(34.0, 0.0), "34 ± 0");
        assert_eq!(plus_minus(0.5, None), ("0.5".to_owned(), "–".to_owned()));
    }

    #[test]
    fn four_digits_are_enough() {
        assert_eq!(short(0.012_345), "0.01235");
        assert_eq!(short(123_456.0), "123456");
        assert_eq!(short(-2.5), "-2.5");
    }
}
