//! Random numbers for splits, orders and generators: functions of a [`Key`] alone.
//!
//! They are spelled out here, so that no other library's change of algorithm changes a split.

use downhill_tensor::Key;

/// Numbers drawn one after the other from the stream of one key.
pub(crate) struct Stream {
    key: Key,
    counter: u64,
    spare: Option<u64>,
}

impl Stream {
    pub(crate) fn new(key: Key) -> Self {
        Stream { key, counter: 0, spare: None }
    }

    fn word(&mut self) -> u64 {
        if let Some(word) = self.spare.take() {
            return word;
        }
        let [a, b, c, d] = self.key.block(self.counter);
        self.counter += 1;
        self.spare = Some(u64::from(c) | u64::from(d) << 32);
        u64::from(a) | u64::from(b) << 32
    }

    /// A whole number uniform in `0..bound`, without bias. `bound` must not be 0.
    ///
    /// # Source
    /// Lemire, "Fast random integer generation in an interval", ACM TOMACS 29 (2019), algorithm 5.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = bound as u64;
        let mut product = u128::from(self.word()) * u128::from(bound);
        if (product as u64) < bound {
            let threshold = bound.wrapping_neg() % bound;
            while (product as u64) < threshold {
                product = u128::from(self.word()) * u128::from(bound);
            }
        }
        (product >> 64) as usize
    }

    /// A number uniform in [0, 1) on a grid of 2^-53.
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.word() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A number uniform in [`low`, `high`).
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// A number of the standard normal distribution, by the method of Box and Muller (1958).
    pub(crate) fn normal(&mut self) -> f64 {
        // 1 - u lies in (0, 1], where the logarithm is finite.
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// Puts the items into a random order, every one equally likely (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// The numbers `0..len` in a random order that depends on the key alone.
///
/// ```
/// use downhill_tensor::Key;
/// let order = downhill_data::permutation(5, Key::new(7));
/// assert_eq!(order, downhill_data::permutation(5, Key::new(7)));
/// assert_eq!(order.iter().sum::<usize>(), 10);
/// ```
pub fn permutation(len: usize, key: Key) -> Vec<usize> {
    let mut order: Vec<usize> = (0..len).collect();
    Stream::new(key).shuffle(&mut order);
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_shuffle_is_a_permutation(len in 0usize..500, seed: u64) {
            let mut order = permutation(len, Key::new(seed));
            order.sort_unstable();
            prop_assert!(order.into_iter().eq(0..len));
        }
    }

    #[test]
    fn every_order_of_three_is_equally_likely() {
        let mut counts = std::collections::BTreeMap::new();
        for seed in 0..6000 {
            *counts.entry(permutation(3, Key::new(seed))).or_insert(0usize) += 1;
        }
        assert_eq!(counts.len(), 6);
        // Six standard deviations of a binomial count: sqrt(6000 * 1/6 * 5/6) = 28.9.
        assert!(counts.values().all(|&count| count.abs_diff(1000) < 174), "{counts:?}");
    }

    #[test]
    fn normal_numbers_have_their_moments() {
        let mut stream = Stream::new(Key::new(3));
        let sample: Vec<f64> = (0..20_000).map(|_| stream.normal()).collect();
        let mean = sample.iter().sum::<f64>() / 20_000.0;
        let variance = sample.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
        // Six standard errors: 1/sqrt(n) and sqrt(2/n).
        assert!(mean.abs() < 0.043 && (variance - 1.0).abs() < 0.06, "{mean} {variance}");
    }
}
