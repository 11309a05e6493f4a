//! The trace of a symmetric matrix of which only products with vectors are known.

use crate::{Error, Result};
use downhill_tensor::Key;

/// An estimate of a trace with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TraceEstimate {
    /// The mean of the samples.
    pub trace: f64,
    /// Their standard deviation over the root of their number.
    pub standard_error: f64,
    /// The number of samples.
    pub samples: usize,
}

/// The trace of the symmetric matrix A of size n with which `product(v, out)` multiplies, by Hutchinson's estimator:
/// the mean of `zᵀ A z` over random vectors z of 1 and -1, which is unbiased. The variance of a sample is
/// `2 Σ_{i≠j} a_ij²`; a diagonal matrix is met exactly.
///
/// # Errors
/// Fewer than two samples, a product that is not finite, and what `product` reports.
///
/// # Source
/// M. Hutchinson, *A stochastic estimator of the trace of the influence matrix for Laplacian smoothing splines* (1989).
pub fn estimate_trace(
    n: usize,
    mut product: impl FnMut(&[f64], &mut [f64]) -> Result<()>,
    samples: usize,
    seed: u64,
) -> Result<TraceEstimate> {
    if samples < 2 {
        let (option, expected) = ("the samples of the trace", "at least 2");
        return Err(Error::Option { option, expected, actual: samples.to_string() });
    }
    let key = Key::new(seed).named("hutchinson");
    let (mut signs, mut out) = (vec![0.0; n], vec![0.0; n]);
    // Welford's mean and sum of squares, which lose nothing to cancellation.
    let (mut mean, mut squares) = (0.0, 0.0);
    for sample in 0..samples {
        key.fold(sample as u64).fill_uniform(0, &mut signs);
        signs.iter_mut().for_each(|x: &mut f64| *x = if *x < 0.5 { -1.0 } else { 1.0 });
        product(&signs, &mut out)?;
        let value: f64 = signs.iter().zip(&out).map(|(z, az)| z * az).sum();
        if !value.is_finite() {
            return Err(Error::NotFinite { what: "a product with the Hessian" });
        }
        let off = value - mean;
        mean += off / (sample + 1) as f64;
        squares += off * (value - mean);
    }
    let variance = squares / (samples - 1) as f64;
    Ok(TraceEstimate { trace: mean, standard_error: (variance / samples as f64).sqrt(), samples })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A symmetric matrix of this size, its trace, and the standard deviation of a sample.
    fn matrix(n: usize) -> (Vec<f64>, f64, f64) {
        let entry =
            |i: usize, j: usize| ((i * j + i + j) as f64 * 0.7).sin() + if i == j { 2.0 } else { 0.0 };
        let a: Vec<f64> = (0..n * n).map(|at| entry(at / n, at % n)).collect();
        let off: f64 = (0..n * n).filter(|at| at / n != at % n).map(|at| a[at] * a[at]).sum();
        let trace = (0..n).map(|i| a[i * n + i]).sum();
        (a, trace, (2.0 * off).sqrt())
    }

    #[test]
    fn the_estimate_lies_within_its_error_bars_and_they_have_the_right_length() {
        let n = 30;
        let (a, trace, deviation) = matrix(n);
        let product = |v: &[f64], out: &mut [f64]| {
            (0..n).for_each(|i| out[i] = a[i * n..(i + 1) * n].iter().zip(v).map(|(a, v)| a * v).sum());
            Ok(())
        };
        let samples = 400;
        let expected = deviation / (samples as f64).sqrt();
        let mut within = 0;
        for seed in 0..20 {
            let estimate = estimate_trace(n, product, samples, seed).unwrap();
            assert!((estimate.trace - trace).abs() < 4.0 * expected, "{estimate:?} {trace}");
            assert!((estimate.standard_error / expected - 1.0).abs() < 0.25, "{estimate:?} {expected}");
            within += usize::from((estimate.trace - trace).abs() < estimate.standard_error);
        }
        // One standard error holds two thirds of the estimates.
        assert!((8..=19).contains(&within), "{within} of 20");
    }

    #[test]
    fn a_diagonal_is_met_exactly() {
        let diagonal = |v: &[f64], out: &mut [f64]| {
            out.iter_mut().zip(v).zip([1.0, -4.0, 8.0]).for_each(|((out, v), d)| *out = d * v);
            Ok(())
        };
        let estimate = estimate_trace(3, diagonal, 2, 1).unwrap();
        assert_eq!((estimate.trace, estimate.standard_error), (5.0, 0.0));
        assert!(estimate_trace(3, diagonal, 1, 1).is_err());
    }
}
