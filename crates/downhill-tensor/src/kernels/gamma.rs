//! The logarithm of the gamma function and its derivatives, in f64.
//!
//! Each is moved to arguments where its asymptotic series has converged, by the recurrence that the function
//! fulfils, and from negative arguments by its reflection. Relative errors are below 1e-13, except near roots,
//! where the absolute ones are below 1e-14 times the terms that cancel.
//!
//! # Source
//! Abramowitz and Stegun, "Handbook of Mathematical Functions", 1964, 6.3 and 6.4.

use std::f64::consts::PI;

/// From here on the series are exact to the last place.
const SERIES: f64 = 12.0;

/// B₂, B₄, ..: the Bernoulli numbers.
const BERNOULLI: [f64; 10] = [
    1.0 / 6.0,
    -1.0 / 30.0,
    1.0 / 42.0,
    -1.0 / 30.0,
    5.0 / 66.0,
    -691.0 / 2730.0,
    7.0 / 6.0,
    -3617.0 / 510.0,
    43867.0 / 798.0,
    -174_611.0 / 330.0,
];

/// ln |Γ(x)|; ∞ at 0 and at the negative whole numbers.
pub fn lgamma(x: f64) -> f64 {
    if x == f64::NEG_INFINITY { f64::INFINITY } else { libm::lgamma(x) }
}

/// ψ(x), the derivative of [`lgamma`]. At 0 it is the infinity of the other sign, at the negative whole numbers
/// NaN.
pub fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return f64::INFINITY.copysign(-x);
    }
    if x < 0.0 {
        // ψ(x) = ψ(1 - x) - π cot(πx)
        return match cotangent(x) {
            Some(cotangent) => digamma(1.0 - x) - PI * cotangent,
            None => f64::NAN,
        };
    }
    if x == f64::INFINITY {
        return x;
    }
    let (mut x, mut below) = (x, 0.0);
    while x < SERIES {
        below += 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let mut power = 1.0;
    let mut series = 0.0;
    for (k, bernoulli) in BERNOULLI.iter().enumerate() {
        power *= square;
        series += bernoulli * power / (2 * k + 2) as f64;
    }
    x.ln() - 0.5 / x - series - below
}

/// The derivative of [`digamma`] of this order, which is at least 1. At 0 and the negative whole numbers it is ∞
/// for odd orders, and NaN for even ones, whose sides differ in sign.
pub fn polygamma(order: u32, x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    let sign = if order % 2 == 1 { 1.0 } else { -1.0 };
    if x <= 0.0 {
        // ψₙ(x) = (-1)ⁿ ψₙ(1 - x) - π dⁿ/dxⁿ cot(πx)
        return match cotangent(x) {
            Some(cotangent) => -sign * polygamma(order, 1.0 - x) - PI * cotangent_slope(order, cotangent),
            None if order % 2 == 1 => f64::INFINITY,
            None => f64::NAN,
        };
    }
    if x == f64::INFINITY {
        return sign * 0.0;
    }
    let n = f64::from(order);
    let factorial: f64 = (1..=order).map(f64::from).product();
    let (mut x, mut below) = (x, 0.0);
    while x < SERIES + n {
        below += x.powf(-(n + 1.0));
        x += 1.0;
    }
    // (n-1)!/xⁿ + n!/(2 xⁿ⁺¹) + Σₖ B₂ₖ (2k+n-1)! / ((2k)! x²ᵏ⁺ⁿ)
    let square = 1.0 / (x * x);
    let mut term = factorial / n;
    let mut series = term + 0.5 * factorial / x;
    for (k, bernoulli) in BERNOULLI.iter().enumerate() {
        let twice = 2.0 * k as f64;
        term *= (twice + n) * (twice + n + 1.0) / ((twice + 1.0) * (twice + 2.0)) * square;
        series += bernoulli * term;
    }
    sign * (series * x.powf(-n) + factorial * below)
}

/// cot(πx), whose period is 1; none at the whole numbers.
fn cotangent(x: f64) -> Option<f64> {
    let rest = x - x.round();
    (rest != 0.0 && rest.is_finite()).then(|| (PI * rest).cos() / (PI * rest).sin())
}

/// dⁿ/dxⁿ cot(πx), given c = cot(πx): a polynomial in c, since c' = -π (1 + c²).
fn cotangent_slope(order: u32, c: f64) -> f64 {
    let mut polynomial = vec![0.0, 1.0];
    for _ in 0..order {
        let mut next = vec![0.0; polynomial.len() + 1];
        for (power, &coefficient) in polynomial.iter().enumerate().skip(1) {
            let slope = -PI * power as f64 * coefficient;
            next[power - 1] += slope;
            next[power + 1] += slope;
        }
        polynomial = next;
    }
    polynomial.iter().rev().fold(0.0, |sum, coefficient| sum * c + coefficient)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Euler's constant, -ψ(1).
    const EULER: f64 = 0.577_215_664_901_532_9;

    fn close(actual: f64, expected: f64) {
        assert!((actual - expected).abs() <= 1e-13 * expected.abs().max(0.1), "{actual} and {expected}");
    }

    #[test]
    fn digamma_has_its_known_values() {
        close(digamma(1.0), -EULER);
        close(digamma(0.5), -EULER - 2.0 * 2f64.ln());
        close(digamma(-0.5), digamma(0.5) + 2.0);
        close(digamma(4.0), -EULER + 1.0 + 0.5 + 1.0 / 3.0);
        assert_eq!([0.0, -0.0, f64::INFINITY].map(digamma), [-f64::INFINITY, f64::INFINITY, f64::INFINITY]);
        assert!(digamma(-3.0).is_nan() && digamma(f64::NAN).is_nan());
    }

    #[test]
    fn polygamma_has_its_known_values() {
        close(polygamma(1, 1.0), PI * PI / 6.0);
        close(polygamma(1, 0.5), PI * PI / 2.0);
        close(polygamma(2, 1.0), -2.0 * 1.202_056_903_159_594_3);
        close(polygamma(3, 1.0), PI.powi(4) / 15.0);
        assert_eq!(polygamma(1, -2.0), f64::INFINITY);
        assert!(polygamma(2, -2.0).is_nan());
        assert_eq!(polygamma(1, f64::INFINITY), 0.0);
    }

    #[test]
    fn each_is_the_derivative_of_the_one_before_on_both_sides_of_zero() {
        let h = 1e-5;
        for x in [-7.3, -2.5, -0.4, 0.3, 1.46, 5.0, 30.0, 1e3] {
            let slope = |f: &dyn Fn(f64) -> f64| (f(x + h) - f(x - h)) / (2.0 * h);
            let near =
                |a: f64, b: f64| assert!((a - b).abs() <= 1e-6 * (1.0 + b.abs()), "{a} and {b} at {x}");
            near(slope(&lgamma), digamma(x));
            near(slope(&digamma), polygamma(1, x));
            for order in 1..4 {
                near(slope(&|x| polygamma(order, x)), polygamma(order + 1, x));
            }
        }
    }
}
