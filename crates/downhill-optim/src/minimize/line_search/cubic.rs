//! Minima of the parabolas and cubics through what a search knows.

use super::Trial;

/// The minimum of the parabola with the value and slope of `start` at 0, and a value at `step`.
pub(super) fn parabola_through_value(start: &Trial, step: f64, value: f64) -> f64 {
    -0.5 * start.slope * step * step / (value - start.value - start.slope * step)
}

/// The minimum of the cubic with the value and slope of `start` at 0, and values at two steps.
pub(super) fn cubic_through_values(start: &Trial, first: (f64, f64), second: (f64, f64)) -> f64 {
    let rest = |(step, value): (f64, f64)| (value - start.value - start.slope * step) / (step * step);
    let (p, q) = (rest(first), rest(second));
    let a = (q - p) / (second.0 - first.0);
    let b = p - a * first.0;
    if a == 0.0 {
        return -0.5 * start.slope / b;
    }
    // Either of two forms, so that nearly equal numbers are never subtracted.
    let root = (b * b - 3.0 * a * start.slope).sqrt();
    if b > 0.0 { -start.slope / (b + root) } else { (root - b) / (3.0 * a) }
}

/// The zero of the line through two slopes.
pub(super) fn secant(a: &Trial, b: &Trial) -> f64 {
    (a.step * b.slope - b.step * a.slope) / (b.slope - a.slope)
}

/// The minimum of the cubic with the values and slopes of two trials (Nocedal & Wright, 3.59), scaled so that no
/// square overflows; NaN if it has none.
pub(super) fn cubic_through_slopes(a: &Trial, b: &Trial) -> f64 {
    let theta = 3.0 * (a.value - b.value) / (b.step - a.step) + a.slope + b.slope;
    let scale = theta.abs().max(a.slope.abs()).max(b.slope.abs());
    let square = (theta / scale).powi(2) - (a.slope / scale) * (b.slope / scale);
    let root = (b.step - a.step).signum() * scale * square.sqrt();
    b.step - (b.step - a.step) * (b.slope + root - theta) / (b.slope - a.slope + 2.0 * root)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `(t - 2)² (t + 3)`: a minimum at 2.
    fn cubic(step: f64) -> Trial {
        let value = (step - 2.0).powi(2) * (step + 3.0);
        Trial { step, value, slope: 2.0 * (step - 2.0) * (step + 3.0) + (step - 2.0).powi(2) }
    }

    #[test]
    fn minima_are_those_of_the_functions_that_were_interpolated() {
        let [start, a, b] = [0.0, 1.0, 3.0].map(cubic);
        assert!((cubic_through_values(&start, (1.0, a.value), (3.0, b.value)) - 2.0).abs() < 1e-12);
        for (a, b) in [(a, b), (b, a), (start, b), (start, a), (a, start)] {
            assert!((cubic_through_slopes(&a, &b) - 2.0).abs() < 1e-12, "{a:?} {b:?}");
        }
        let parabola = |step: f64| Trial { step, value: (step - 2.0).powi(2), slope: 2.0 * (step - 2.0) };
        assert_eq!(parabola_through_value(&parabola(0.0), 3.0, 1.0), 2.0);
        assert_eq!(secant(&parabola(0.0), &parabola(5.0)), 2.0);
    }

    #[test]
    fn slopes_whose_squares_overflow_do_no_harm() {
        let tall = |step: f64| {
            let trial = cubic(step);
            Trial { value: 1e200 * trial.value, slope: 1e200 * trial.slope, ..trial }
        };
        assert!((cubic_through_slopes(&tall(0.0), &tall(3.0)) - 2.0).abs() < 1e-12);
    }
}
