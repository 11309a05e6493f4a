//! The extreme eigenvalues of a symmetric matrix of which only products with vectors are known.

use crate::vectors::dot;
use crate::{Error, Result};
use downhill_tensor::linalg::symmetric_eigen;
use downhill_tensor::{Key, Tensor};

/// When Lanczos' iteration ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LanczosOptions {
    /// The most products that are made, at least 1; each is kept as a vector of the matrix's size. Default 60.
    pub iterations: usize,
    /// The residual of both ends of the spectrum at which it ends, as a part of the largest absolute eigenvalue; at
    /// least 0. Default 1e-6.
    pub tolerance: f64,
    /// What the first vector is drawn from. Default 42.
    pub seed: u64,
}

impl Default for LanczosOptions {
    fn default() -> Self {
        LanczosOptions { iterations: 60, tolerance: 1e-6, seed: 42 }
    }
}

/// An approximate eigenvalue with its error bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Eigenvalue {
    /// θ, the Ritz value.
    pub value: f64,
    /// `|β_m s_m| = ‖A y - θ y‖`: there is an eigenvalue of A within this of θ, up to rounding.
    pub residual: f64,
    /// y, the Ritz vector, of length 1.
    pub vector: Vec<f64>,
}

/// Why the iteration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LanczosStop {
    /// Both residuals are below the tolerance.
    Converged,
    /// The space of the iteration holds all of its products: its eigenvalues are exact up to rounding.
    Invariant,
    /// All products that were allowed have been made.
    Iterations,
}

/// The two ends of a spectrum.
#[derive(Clone, Debug, PartialEq)]
pub struct SpectrumEnds {
    /// The smallest eigenvalue, with its sign.
    pub smallest: Eigenvalue,
    /// The largest eigenvalue, with its sign.
    pub largest: Eigenvalue,
    /// The number of products made.
    pub iterations: usize,
    /// Why there were no more.
    pub stop: LanczosStop,
}

/// The smallest and the largest eigenvalue of the symmetric matrix A of size n with which `product(v, out)` multiplies,
/// by Lanczos' iteration from a seeded vector, each new vector made orthogonal to all before, twice.
///
/// Ritz values lie within the spectrum: the largest is never above, the smallest never below the true one (up to
/// rounding). The iteration ends when both residuals are at most `tolerance · max|θ|`, when the Krylov space is
/// invariant, or after [`LanczosOptions::iterations`] products; which of these, the result says. An eigenvector that
/// is orthogonal to the first vector is never found, which for a random one does not happen.
///
/// # Errors
/// A size or a number of iterations of 0, a product that is not finite, and what `product` reports.
///
/// # Source
/// C. Lanczos (1950); B. Parlett, *The Symmetric Eigenvalue Problem* (1998), chapter 13: the residual in section 13.2,
/// "twice is enough" in section 6.9.
///
/// ```
/// use downhill_train::diagnosis::spectrum_ends;
/// let diagonal = |v: &[f64], out: &mut [f64]| {
///     out.iter_mut().zip(v).zip([-1.0, 2.0, 9.0]).for_each(|((out, v), d)| *out = d * v);
///     Ok(())
/// };
/// let ends = spectrum_ends(3, diagonal, Default::default())?;
/// assert!((ends.smallest.value + 1.0).abs() < 1e-12 && (ends.largest.value - 9.0).abs() < 1e-12);
/// # Ok::<(), downhill_train::Error>(())
/// ```
pub fn spectrum_ends(
    n: usize,
    mut product: impl FnMut(&[f64], &mut [f64]) -> Result<()>,
    options: LanczosOptions,
) -> Result<SpectrumEnds> {
    for (option, number) in [("the size of the matrix", n), ("iterations", options.iterations)] {
        if number == 0 {
            return Err(Error::Option { option, expected: "at least 1", actual: "0".into() });
        }
    }
    let most = options.iterations.min(n);
    let mut basis = vec![first_vector(n, options.seed)];
    let (mut alphas, mut betas) = (Vec::new(), Vec::new());
    let mut next = vec![0.0; n];
    loop {
        let last = &basis[basis.len() - 1];
        product(last, &mut next)?;
        alphas.push(dot(last, &next));
        for _ in 0..2 {
            for vector in &basis {
                let part = dot(vector, &next);
                next.iter_mut().zip(vector).for_each(|(next, x)| *next -= part * x);
            }
        }
        let beta = dot(&next, &next).sqrt();
        if !(beta.is_finite() && alphas.iter().all(|alpha: &f64| alpha.is_finite())) {
            return Err(Error::NotFinite { what: "a product with the Hessian" });
        }
        let made = alphas.len();
        let scale = alphas.iter().chain(&betas).fold(0.0f64, |most, x: &f64| most.max(x.abs()));
        let invariant = beta <= f64::EPSILON * scale * (n as f64).sqrt();
        // The small problem costs the cube of its size: it is not solved after each product of many.
        if made == most || invariant || made <= 10 || made.is_multiple_of(5) {
            let ritz = Ritz::new(&alphas, &betas)?;
            let ends = [0, made - 1].map(|index| (ritz.values[index], beta * ritz.last(index).abs()));
            let largest = ends.iter().fold(0.0f64, |most, (value, _)| most.max(value.abs()));
            let converged = ends.iter().all(|(_, residual)| *residual <= options.tolerance * largest);
            let stop = match (invariant || made == n, converged, made == most) {
                (true, _, _) => Some(LanczosStop::Invariant),
                (_, true, _) => Some(LanczosStop::Converged),
                (_, _, true) => Some(LanczosStop::Iterations),
                _ => None,
            };
            if let Some(stop) = stop {
                let end = |number: usize, index: usize| {
                    let (value, residual) = ends[number];
                    Eigenvalue { value, residual, vector: ritz.vector(index, &basis) }
                };
                let (smallest, largest) = (end(0, 0), end(1, made - 1));
                return Ok(SpectrumEnds { smallest, largest, iterations: made, stop });
            }
        }
        betas.push(beta);
        basis.push(next.iter().map(|x| x / beta).collect());
    }
}

/// A random vector of length 1.
fn first_vector(n: usize, seed: u64) -> Vec<f64> {
    let mut vector = vec![0.0; n];
    Key::new(seed).named("lanczos").fill_uniform(0, &mut vector);
    // Never 0 in any place.
    vector.iter_mut().for_each(|x: &mut f64| *x = if *x < 0.5 { *x - 1.0 } else { *x });
    let length = dot(&vector, &vector).sqrt();
    vector.iter_mut().for_each(|x| *x /= length);
    vector
}

/// The eigenvalues of the tridiagonal matrix that Lanczos' iteration makes, the smallest first, with their vectors.
struct Ritz {
    values: Vec<f64>,
    /// Column i belongs to value i.
    vectors: Vec<f64>,
}

impl Ritz {
    fn new(alphas: &[f64], betas: &[f64]) -> Result<Self> {
        let m = alphas.len();
        let mut matrix = vec![0.0; m * m];
        for (i, alpha) in alphas.iter().enumerate() {
            matrix[i * m + i] = *alpha;
        }
        for (i, beta) in betas.iter().enumerate() {
            matrix[i * m + i + 1] = *beta;
            matrix[(i + 1) * m + i] = *beta;
        }
        let eigen = symmetric_eigen(&Tensor::from_vec(matrix, [m, m])?)?;
        Ok(Ritz { values: eigen.values.to_vec(), vectors: eigen.vectors.to_vec() })
    }

    /// The last element of a vector.
    fn last(&self, index: usize) -> f64 {
        let m = self.values.len();
        self.vectors[(m - 1) * m + index]
    }

    /// A vector of the large matrix.
    fn vector(&self, index: usize, basis: &[Vec<f64>]) -> Vec<f64> {
        let m = self.values.len();
        let mut vector = vec![0.0; basis[0].len()];
        for (row, direction) in basis.iter().enumerate() {
            let share = self.vectors[row * m + index];
            vector.iter_mut().zip(direction).for_each(|(sum, x)| *sum += share * x);
        }
        vector
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagonal(spectrum: &[f64]) -> impl FnMut(&[f64], &mut [f64]) -> Result<()> {
        move |v, out| {
            out.iter_mut().zip(v).zip(spectrum).for_each(|((out, v), d)| *out = d * v);
            Ok(())
        }
    }

    #[test]
    fn both_ends_of_known_spectra_are_found() {
        let even: Vec<f64> = (0..300).map(|i| -3.0 + 0.1 * f64::from(i)).collect();
        let outlier: Vec<f64> =
            (0..300).map(|i| if i == 7 { 1e3 } else { f64::from(i).sin() * 1e-3 }).collect();
        let single = vec![2.5; 40];
        for spectrum in [even, outlier, single, vec![-4.0]] {
            let options = LanczosOptions { iterations: 300, tolerance: 1e-10, seed: 1 };
            let ends = spectrum_ends(spectrum.len(), diagonal(&spectrum), options).unwrap();
            let (low, high) =
                spectrum.iter().fold((f64::MAX, f64::MIN), |(low, high), &x| (low.min(x), high.max(x)));
            let scale = low.abs().max(high.abs());
            assert!((ends.smallest.value - low).abs() <= 1e-8 * scale, "{} {low}", ends.smallest.value);
            assert!((ends.largest.value - high).abs() <= 1e-8 * scale, "{} {high}", ends.largest.value);
        }
    }

    #[test]
    fn the_residual_is_that_of_the_vector_and_bounds_the_error_before_convergence() {
        let spectrum: Vec<f64> = (0..400).map(|i| (f64::from(i) * 0.37).sin() * 5.0).collect();
        let (low, high) =
            spectrum.iter().fold((f64::MAX, f64::MIN), |(low, high), &x| (low.min(x), high.max(x)));
        for iterations in [3, 8, 20] {
            let options = LanczosOptions { iterations, tolerance: 0.0, seed: 4 };
            let ends = spectrum_ends(400, diagonal(&spectrum), options).unwrap();
            assert_eq!((ends.iterations, ends.stop), (iterations, LanczosStop::Iterations));
            for end in [&ends.smallest, &ends.largest] {
                let off = spectrum.iter().zip(&end.vector).map(|(d, y)| ((d - end.value) * y).powi(2));
                assert!((off.sum::<f64>().sqrt() - end.residual).abs() < 1e-9);
                let nearest = spectrum.iter().map(|d| (d - end.value).abs()).fold(f64::MAX, f64::min);
                assert!(nearest <= end.residual + 1e-12);
            }
            assert!(ends.smallest.value >= low - 1e-12 && ends.largest.value <= high + 1e-12);
        }
    }

    #[test]
    fn the_rule_that_ended_it_is_told() {
        let spectrum: Vec<f64> = (0..200).map(|i| (f64::from(i) - 90.0).powi(3)).collect();
        let ends = spectrum_ends(200, diagonal(&spectrum), LanczosOptions::default()).unwrap();
        assert_eq!(ends.stop, LanczosStop::Converged);
        assert!(ends.largest.residual <= 1e-6 * ends.largest.value && ends.iterations <= 60);
        let two: Vec<f64> = (0..200).map(|i| f64::from(i % 2)).collect();
        let ends = spectrum_ends(200, diagonal(&two), LanczosOptions::default()).unwrap();
        assert_eq!((ends.stop, ends.iterations), (LanczosStop::Invariant, 2));
        let again = spectrum_ends(200, diagonal(&two), LanczosOptions::default()).unwrap();
        assert_eq!(again, ends);
    }

    #[test]
    fn a_product_that_is_not_finite_ends_it_with_an_error() {
        let ends = spectrum_ends(2, diagonal(&[1.0, f64::NAN]), LanczosOptions::default());
        assert!(matches!(ends, Err(Error::NotFinite { .. })));
        let none = LanczosOptions { iterations: 0, ..Default::default() };
        assert!(spectrum_ends(2, diagonal(&[1.0, 2.0]), none).is_err());
    }
}
