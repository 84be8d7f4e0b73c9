//! Distributions as their quantile functions: what value has a part `v` of all below it.
//!
//! Drawing is `quantile(v)` for a uniform `v`. Everything is `libm`'s arithmetic, so that a
//! seed gives the same values on every machine.

/// How a time varies around its mean.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Curve {
    /// Not at all.
    Fixed(f64),
    /// Uniform from `least` to `most`.
    Uniform { least: f64, most: f64 },
    /// Pareto with this scale, the least value, and 1 / shape.
    Pareto { scale: f64, inverse_shape: f64 },
    /// Lognormal: the exponential of a normal with this mean and deviation.
    Lognormal { mu: f64, sigma: f64 },
}

impl Curve {
    /// Pareto with this mean, which is above `offset`, and shape mean / offset: the scale is
    /// then mean - offset. SimBlock's latency is this with an offset of 5 ms.
    pub(crate) fn pareto(mean: f64, offset: f64) -> Curve {
        Curve::Pareto {
            scale: mean - offset,
            inverse_shape: offset / mean,
        }
    }

    /// Lognormal with this mean and, of the logarithm, this deviation.
    pub(crate) fn lognormal(mean: f64, sigma: f64) -> Curve {
        if mean <= 0.0 {
            return Curve::Fixed(0.0);
        }
        Curve::Lognormal {
            mu: libm::log(mean) - sigma * sigma / 2.0,
            sigma,
        }
    }

    /// The value that a part 1 - `above` of all is below; `above` is in (0, 1]. By the part
    /// above, because that keeps its digits where the tail is.
    pub(crate) fn upper_quantile(self, above: f64) -> f64 {
        match self {
            Curve::Fixed(value) => value,
            Curve::Uniform { least, most } => most - (most - least) * above,
            Curve::Pareto {
                scale,
                inverse_shape,
            } => scale * libm::pow(above, -inverse_shape),
            // At 1 the normal is minus infinity, and its exponential zero.
            Curve::Lognormal { mu, sigma } => libm::exp(mu + sigma * -normal_quantile(above)),
        }
    }
}

/// The quantile function of the standard normal distribution, for `p` in (0, 1]; infinite at 1.
///
/// P. J. Acklam's rational approximation (2003, relative error below 1.15e-9), and one step
/// of Halley's method, which makes it exact to the last digits.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    if p >= 1.0 {
        return f64::INFINITY;
    }
    let x = acklam(p);
    let error = libm::erfc(-x / std::f64::consts::SQRT_2) / 2.0 - p;
    let step = error * libm::sqrt(std::f64::consts::TAU) * libm::exp(x * x / 2.0);
    // So far out that the density is zero, the approximation has to do.
    if step.is_finite() {
        x - step / (1.0 + x * step / 2.0)
    } else {
        x
    }
}

fn acklam(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] = [
        7.784_695_709_041_462e-3,
        3.224_671_290_700_398e-1,
        2.445_134_137_142_996,
        3.754_408_661_907_416,
        1.0,
    ];
    /// Where the tails begin.
    const TAIL: f64 = 0.02425;
    let polynomial = |factors: &[f64], x: f64| factors.iter().fold(0.0, |sum, a| sum * x + a);
    let tail = |p: f64| {
        let q = libm::sqrt(-2.0 * libm::log(p));
        polynomial(&C, q) / polynomial(&D, q)
    };
    if p < TAIL {
        tail(p)
    } else if p > 1.0 - TAIL {
        -tail(1.0 - p)
    } else {
        let q = p - 0.5;
        q * polynomial(&A, q * q) / polynomial(&B, q * q)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_quantiles_are_those_of_the_tables() {
        // Abramowitz and Stegun, table 26.5 and 26.6; the symmetric ones by symmetry.
        for (p, expected) in [
            (0.5, 0.0),
            (0.841_344_746_068_543, 1.0),
            (0.975, 1.959_963_984_540_054),
            (0.999, 3.090_232_306_167_814),
            (0.025, -1.959_963_984_540_054),
            (1e-9, -5.997_807_015_007_687),
        ] {
            let found = normal_quantile(p);
            assert!((found - expected).abs() < 1e-12, "{p}: {found}");
        }
        assert_eq!(normal_quantile(1.0), f64::INFINITY);
    }

    #[test]
    fn a_pareto_has_its_scale_and_its_closed_form_quantiles() {
        // Mean 32, offset 5: scale 27 and shape 6.4.
        let curve = Curve::pareto(32.0, 5.0);
        assert_eq!(curve.upper_quantile(1.0), 27.0);
        let median = 27.0 * 2.0_f64.powf(1.0 / 6.4);
        assert!((curve.upper_quantile(0.5) - median).abs() < 1e-12);
    }

    #[test]
    fn a_lognormal_has_its_median_below_its_mean() {
        let curve = Curve::lognormal(100.0, 0.5);
        let median = 100.0 * (-0.125_f64).exp();
        assert!((curve.upper_quantile(0.5) - median).abs() < 1e-9);
        assert_eq!(curve.upper_quantile(1.0), 0.0);
        assert_eq!(Curve::lognormal(0.0, 0.5).upper_quantile(0.3), 0.0);
    }
}
