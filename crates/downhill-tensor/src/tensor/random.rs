//! Arrays of random numbers: functions of a [`Key`], the shape and the parameters alone.
//!
//! Samples are drawn in double precision and rounded, so that `f32` and `f64` arrays of the same key hold
//! the same numbers up to rounding.
#![forbid(unsafe_code)]

use super::Tensor;
use crate::{CounterRng, Element, Error, Float, Key, Result, Shape};
use rand::{Rng, RngExt};
use rand_distr::{Distribution, Exp1, StandardNormal};

impl<T: Element> Tensor<T> {
    /// An array of independent samples of any distribution of `rand_distr`.
    ///
    /// ```
    /// use downhill_tensor::{Key, Tensor};
    /// use rand_distr::Gamma;
    /// let gamma = Gamma::new(2.0, 1.5)?;
    /// let waits = Tensor::<f64>::sample(Key::new(1).named("waits"), [10_000], &gamma);
    /// assert!((waits.mean(.., false)?.item()? - 3.0).abs() < 0.1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sample(key: Key, shape: impl Into<Shape>, distribution: &impl Distribution<T>) -> Self {
        let mut rng = key.rng();
        Tensor::from_fn(shape, |_| distribution.sample(&mut rng))
    }
}

impl<T: Float> Tensor<T> {
    /// Numbers uniform in `low..high`, or all `low` if both are equal.
    ///
    /// # Errors
    /// Bounds that are not finite or in the wrong order.
    pub fn uniform(key: Key, shape: impl Into<Shape>, low: f64, high: f64) -> Result<Self> {
        if !(low <= high && (high - low).is_finite()) {
            return Err(invalid("uniform", "low and high", "finite, and low not above high", (low, high)));
        }
        let mut tensor = Tensor::<T>::zeros(shape);
        let (first, beyond) = (T::from_f64(low), T::from_f64(high));
        let values = tensor.make_mut();
        key.fill_uniform(0, values);
        for value in values {
            let scaled = T::from_f64(low + (high - low) * value.to_f64());
            // Rounding may reach the bound, which does not belong to the range.
            *value = if scaled < beyond { scaled } else { first };
        }
        Ok(tensor)
    }

    /// Normal numbers with this mean and standard deviation.
    ///
    /// # Errors
    /// A mean that is not finite, or a standard deviation that is negative or not finite.
    pub fn normal(key: Key, shape: impl Into<Shape>, mean: f64, std: f64) -> Result<Self> {
        check_normal("normal", mean, std)?;
        let mut rng = key.rng();
        Ok(Tensor::from_fn(shape, |_| T::from_f64(mean + std * standard_normal(&mut rng))))
    }

    /// Normal numbers with this mean and standard deviation under the condition that they lie in
    /// `low..=high`, which may be infinite.
    ///
    /// # Errors
    /// A mean that is not finite, a standard deviation that is not positive, or bounds in the wrong order.
    ///
    /// # Source
    /// Robert, "Simulation of truncated normal variables", Statistics and Computing 5, 1995.
    pub fn truncated_normal(
        key: Key,
        shape: impl Into<Shape>,
        mean: f64,
        std: f64,
        low: f64,
        high: f64,
    ) -> Result<Self> {
        check_normal("truncated_normal", mean, std)?;
        if std == 0.0 {
            return Err(invalid("truncated_normal", "mean and std", "finite, and std positive", (mean, std)));
        }
        if low.is_nan() || high.is_nan() || low >= high {
            return Err(invalid(
                "truncated_normal",
                "low and high",
                "numbers, and low below high",
                (low, high),
            ));
        }
        let (a, b) = ((low - mean) / std, (high - mean) / std);
        let (nearest_low, nearest_high) = (T::from_f64(low), T::from_f64(high));
        let mut rng = key.rng();
        Ok(Tensor::from_fn(shape, |_| {
            let value = T::from_f64(mean + std * truncated(&mut rng, a, b));
            Float::minimum(Float::maximum(value, nearest_low), nearest_high)
        }))
    }
}

impl Tensor<bool> {
    /// Truth values that are true with this probability.
    ///
    /// # Errors
    /// A probability that is not in `0..=1`.
    pub fn bernoulli(key: Key, shape: impl Into<Shape>, probability: f64) -> Result<Self> {
        if !(0.0..=1.0).contains(&probability) {
            return Err(Error::InvalidArgument {
                operation: "bernoulli",
                argument: "probability",
                expected: "between 0 and 1",
                actual: probability.to_string(),
            });
        }
        let mut rng = key.rng();
        Ok(Tensor::from_fn(shape, |_| rng.random::<f64>() < probability))
    }
}

impl Tensor<i64> {
    /// The numbers `0..count` in random order, each order equally likely.
    pub fn permutation(key: Key, count: usize) -> Self {
        let mut rng = key.rng();
        let mut order: Vec<i64> = (0..count as i64).collect();
        for last in (1..count).rev() {
            // The high half of a 128-bit product: uniform to within 2^-64 * count, without a division.
            let pick = ((u128::from(rng.next_u64()) * (last as u128 + 1)) >> 64) as usize;
            order.swap(last, pick);
        }
        Tensor::from(order)
    }
}

fn invalid(
    operation: &'static str,
    argument: &'static str,
    expected: &'static str,
    (first, second): (f64, f64),
) -> Error {
    Error::InvalidArgument { operation, argument, expected, actual: format!("{first} and {second}") }
}

fn check_normal(operation: &'static str, mean: f64, std: f64) -> Result<()> {
    if mean.is_finite() && std.is_finite() && std >= 0.0 {
        return Ok(());
    }
    Err(invalid(operation, "mean and std", "finite, and std not negative", (mean, std)))
}

fn standard_normal(rng: &mut CounterRng) -> f64 {
    rng.sample(StandardNormal)
}

/// A standard normal number between `a` and `b`, by rejection from the proposal that fits the bounds: the
/// normal itself, the uniform, or a shifted exponential in the tail. Each accepts at least about one in four.
fn truncated(rng: &mut CounterRng, a: f64, b: f64) -> f64 {
    if b < 0.0 {
        return -truncated(rng, -b, -a);
    }
    loop {
        if a <= 0.0 && b - a > 2.0 {
            // Between the bounds lies a good part of the mass.
            let x = standard_normal(rng);
            if (a..=b).contains(&x) {
                return x;
            }
        } else if a <= 0.0 || (b - a) * (a + b) / 2.0 < 2.0 {
            // The density hardly changes between the bounds; its largest value is at the one nearer to 0.
            let x = a + (b - a) * rng.random::<f64>();
            let peak = a.max(0.0);
            if rng.random::<f64>() <= ((peak - x) * (peak + x) / 2.0).exp() {
                return x;
            }
        } else {
            let rate = (a + a.hypot(2.0)) / 2.0;
            let exponential: f64 = rng.sample(Exp1);
            let x = a + exponential / rate;
            if x <= b && rng.random::<f64>() <= (-(x - rate).powi(2) / 2.0).exp() {
                return x;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::new(5).named("tests")
    }

    /// Mean and standard deviation of many samples.
    fn moments(x: &Tensor<f64>) -> (f64, f64) {
        let of = |x: Result<Tensor<f64>>| x.unwrap().item().unwrap();
        (of(x.mean(.., false)), of(x.std(.., 1, false)))
    }

    #[test]
    fn the_same_key_gives_the_same_bits_forever() {
        let x = Tensor::<f32>::normal(key(), [3], 0.0, 1.0).unwrap();
        assert_eq!(x, Tensor::normal(key(), [3], 0.0, 1.0).unwrap());
        let order = Tensor::permutation(Key::new(0), 8);
        assert_eq!(order.to_vec(), FROZEN_ORDER);
        let uniform = Tensor::<f32>::uniform(Key::new(0), [3], 0.0, 1.0).unwrap();
        assert_eq!(uniform.to_vec(), FROZEN_UNIFORM);
    }

    const FROZEN_ORDER: [i64; 8] = [2, 1, 0, 6, 7, 3, 4, 5];
    const FROZEN_UNIFORM: [f32; 3] = [0.848107, 0.691009, 0.9482215];

    #[test]
    fn single_and_double_precision_hold_the_same_numbers() {
        let double = Tensor::<f64>::normal(key(), [100], 1.0, 2.0).unwrap();
        assert_eq!(double.cast::<f32>(), Tensor::<f32>::normal(key(), [100], 1.0, 2.0).unwrap());
    }

    #[test]
    fn samples_have_the_moments_of_their_distribution() {
        let (mean, std) = moments(&Tensor::uniform(key(), [20_000], -1.0, 3.0).unwrap());
        assert!((mean - 1.0).abs() < 0.03 && (std - 4.0 / 12f64.sqrt()).abs() < 0.02);
        let (mean, std) = moments(&Tensor::normal(key(), [20_000], 2.0, 0.5).unwrap());
        assert!((mean - 2.0).abs() < 0.015 && (std - 0.5).abs() < 0.01);
        let share = Tensor::bernoulli(key(), [20_000], 0.3).unwrap().count() as f64 / 20_000.0;
        assert!((share - 0.3).abs() < 0.015);
    }

    #[test]
    fn truncated_normals_agree_with_numerical_integration() {
        // Each pair of bounds leads to another proposal.
        for (a, b) in
            [(-2.0, 2.0), (-0.3, 0.5), (1.0, 1.2), (0.5, 8.0), (6.0, 30.0), (-9.0, -7.0), (-40.0, -0.1)]
        {
            let x = Tensor::<f64>::truncated_normal(key(), [20_000], 0.0, 1.0, a, b).unwrap();
            let steps = 100_000;
            let point = |i: usize| a + (b - a) * (i as f64 + 0.5) / steps as f64;
            // Relative to the density nearest to 0, which would underflow far out.
            let peak = if a > 0.0 { a } else { b.min(0.0) };
            let weight = |x: f64| ((peak * peak - x * x) / 2.0).exp();
            let mass: f64 = (0..steps).map(|i| weight(point(i))).sum();
            let mean: f64 = (0..steps).map(|i| point(i) * weight(point(i))).sum::<f64>() / mass;
            let second: f64 =
                (0..steps).map(|i| (point(i) - mean).powi(2) * weight(point(i))).sum::<f64>() / mass;
            let (sample_mean, sample_std) = moments(&x);
            assert!(
                (sample_mean - mean).abs() < 5.0 * second.sqrt() / 20_000f64.sqrt(),
                "{a} {b}: {sample_mean} {mean}"
            );
            assert!(
                (sample_std / second.sqrt() - 1.0).abs() < 0.05,
                "{a} {b}: {sample_std} {}",
                second.sqrt()
            );
            assert!(x.iter().all(|x| (a..=b).contains(&x)));
        }
    }

    #[test]
    fn a_permutation_holds_every_number_once() {
        let mut order = Tensor::permutation(key(), 100).into_vec();
        assert_ne!(order, (0..100).collect::<Vec<i64>>());
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<i64>>());
        assert!(Tensor::permutation(key(), 0).is_empty());
    }

    #[test]
    fn uniform_numbers_never_reach_their_upper_bound() {
        let x = Tensor::<f32>::uniform(key(), [100_000], 1.0, 1.0 + 2.0 * f64::from(f32::EPSILON)).unwrap();
        assert!(x.iter().all(|x| x == 1.0 || x == 1.0 + f32::EPSILON));
        assert_eq!(Tensor::<f32>::uniform(key(), [2], 3.0, 3.0).unwrap().to_vec(), [3.0, 3.0]);
    }

    #[test]
    fn impossible_parameters_are_errors() {
        assert!(Tensor::<f32>::uniform(key(), [1], 1.0, 0.0).is_err());
        assert!(Tensor::<f32>::uniform(key(), [1], 0.0, f64::INFINITY).is_err());
        assert!(Tensor::<f32>::normal(key(), [1], 0.0, -1.0).is_err());
        assert!(Tensor::<f32>::truncated_normal(key(), [1], 0.0, 1.0, 2.0, 2.0).is_err());
        assert!(Tensor::<f32>::truncated_normal(key(), [1], 0.0, 0.0, 0.0, 1.0).is_err());
        assert!(
            Tensor::bernoulli(key(), [1], 1.5).is_err() && Tensor::bernoulli(key(), [1], f64::NAN).is_err()
        );
    }
}
