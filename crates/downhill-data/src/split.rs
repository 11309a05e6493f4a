//! Which examples to learn from and which to hold out: pure functions of labels and a seed.

use crate::random::{Stream, permutation};
use crate::{Error, Result};
use downhill_tensor::Key;
use std::collections::BTreeMap;
use std::fmt;

/// The size of the held-out part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PartSize {
    /// This share of the examples, between 0 and 1, rounded to the nearest number of them.
    Fraction(f64),
    /// This many examples.
    Count(usize),
}

impl fmt::Display for PartSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PartSize::Fraction(fraction) => write!(f, "a held-out fraction of {fraction}"),
            PartSize::Count(count) => write!(f, "a held-out count of {count}"),
        }
    }
}

impl PartSize {
    fn of(self, len: usize) -> Result<usize> {
        let held_out = match self {
            PartSize::Count(count) => count,
            PartSize::Fraction(fraction) if fraction > 0.0 && fraction < 1.0 => {
                (len as f64 * fraction).round() as usize
            }
            PartSize::Fraction(fraction) => {
                return Err(Error::InvalidArgument {
                    operation: "split",
                    argument: "the held-out fraction",
                    expected: "between 0 and 1, both excluded".into(),
                    actual: fraction.to_string(),
                });
            }
        };
        let empty = |part| Err(Error::EmptyPart { part, len, size: self.to_string() });
        match held_out {
            0 => empty("held-out"),
            held_out if held_out >= len => empty("training"),
            held_out => Ok(held_out),
        }
    }
}

/// The numbers of the examples in two parts, each in rising order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The examples to learn from.
    pub train: Vec<usize>,
    /// The examples to hold out.
    pub held_out: Vec<usize>,
}

impl Split {
    fn by(len: usize, is_held_out: impl Fn(usize) -> bool) -> Self {
        let (held_out, train) = (0..len).partition(|&row| is_held_out(row));
        Split { train, held_out }
    }
}

/// Holds out examples at random.
///
/// # Errors
/// A size that leaves a part empty, or a fraction that does not lie between 0 and 1.
pub fn random(len: usize, held_out: PartSize, seed: u64) -> Result<Split> {
    let count = held_out.of(len)?;
    let mut is_held_out = vec![false; len];
    permutation(len, key(seed)).into_iter().take(count).for_each(|row| is_held_out[row] = true);
    Ok(Split::by(len, |row| is_held_out[row]))
}

/// Holds out examples at random, of each class its share.
///
/// The share of a class of n examples is its quota n * held-out / all, rounded down or up so that the total
/// is met: the classes with the largest remainders are rounded up, those with only one example last, so
/// that they can be learned.
///
/// # Errors
/// As [`random`].
pub fn stratified(labels: &[i64], held_out: PartSize, seed: u64) -> Result<Split> {
    let total = held_out.of(labels.len())?;
    let classes = by_class(labels);
    // Quotas in whole numbers: n * total = quota * len + remainder.
    let quota = |n: usize| (n as u128 * total as u128 / labels.len() as u128) as usize;
    let remainder = |n: usize| n as u128 * total as u128 % labels.len() as u128;
    let mut counts: BTreeMap<i64, usize> = classes.iter().map(|(&c, rows)| (c, quota(rows.len()))).collect();
    let mut order: Vec<(i64, usize)> = classes.iter().map(|(&class, rows)| (class, rows.len())).collect();
    order.sort_by_key(|&(_, n)| (n - quota(n) < 2, std::cmp::Reverse(remainder(n))));
    let missing = total - counts.values().sum::<usize>();
    for (class, _) in order.into_iter().filter(|&(_, n)| remainder(n) > 0).take(missing) {
        *counts.entry(class).or_default() += 1;
    }
    let mut is_held_out = vec![false; labels.len()];
    for (class, mut rows) in classes {
        Stream::new(key(seed).fold(class as u64)).shuffle(&mut rows);
        rows.into_iter().take(counts[&class]).for_each(|row| is_held_out[row] = true);
    }
    Ok(Split::by(labels.len(), |row| is_held_out[row]))
}

/// Deals the examples at random into `folds` parts whose sizes differ by one at most; each split holds out
/// one of them.
///
/// # Errors
/// Fewer than two folds, or more than there are examples.
pub fn k_fold(len: usize, folds: usize, seed: u64) -> Result<Vec<Split>> {
    deal(permutation(len, key(seed)), folds)
}

/// Deals the examples of each class at random into `folds` parts, so that both the sizes of the parts and
/// the numbers of each class in them differ by one at most.
///
/// # Errors
/// As [`k_fold`].
pub fn stratified_k_fold(labels: &[i64], folds: usize, seed: u64) -> Result<Vec<Split>> {
    let mut order = Vec::with_capacity(labels.len());
    for (class, mut rows) in by_class(labels) {
        Stream::new(key(seed).fold(class as u64)).shuffle(&mut rows);
        order.extend(rows);
    }
    deal(order, folds)
}

fn deal(order: Vec<usize>, folds: usize) -> Result<Vec<Split>> {
    if folds < 2 || folds > order.len() {
        return Err(Error::InvalidArgument {
            operation: "k-fold",
            argument: "the number of folds",
            expected: format!("at least 2 and at most the number of examples, {}", order.len()),
            actual: folds.to_string(),
        });
    }
    let mut fold_of = vec![0; order.len()];
    order.iter().enumerate().for_each(|(position, &row)| fold_of[row] = position % folds);
    Ok((0..folds).map(|fold| Split::by(order.len(), |row| fold_of[row] == fold)).collect())
}

fn by_class(labels: &[i64]) -> BTreeMap<i64, Vec<usize>> {
    let mut classes: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (row, &label) in labels.iter().enumerate() {
        classes.entry(label).or_default().push(row);
    }
    classes
}

fn key(seed: u64) -> Key {
    Key::new(seed).named("split")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn is_partition(split: &Split, len: usize) -> bool {
        let mut all = [split.train.clone(), split.held_out.clone()].concat();
        all.sort_unstable();
        all.into_iter().eq(0..len)
    }

    fn count(rows: &[usize], labels: &[i64], class: i64) -> usize {
        rows.iter().filter(|&&row| labels[row] == class).count()
    }

    proptest! {
        #[test]
        fn a_split_is_a_partition_of_the_size_asked_for(len in 2usize..300, fraction in 0.0..1.0f64, seed: u64) {
            let size = PartSize::Fraction(fraction);
            match random(len, size, seed) {
                Ok(split) => {
                    prop_assert!(is_partition(&split, len));
                    prop_assert_eq!(split.held_out.len(), (len as f64 * fraction).round() as usize);
                    prop_assert_eq!(&split, &random(len, size, seed).unwrap());
                }
                Err(error) => {
                    let rounded = (len as f64 * fraction).round() as usize;
                    prop_assert!(rounded == 0 || rounded == len || fraction == 0.0, "{}", error);
                }
            }
        }

        #[test]
        fn stratified_parts_keep_the_proportions(
            labels in proptest::collection::vec(-1i64..4, 2..200), share in 0.01..0.99f64, seed: u64,
        ) {
            let held_out = ((labels.len() as f64 * share) as usize).clamp(1, labels.len() - 1);
            let split = stratified(&labels, PartSize::Count(held_out), seed).unwrap();
            prop_assert!(is_partition(&split, labels.len()));
            prop_assert_eq!(split.held_out.len(), held_out);
            for class in -1..4 {
                let all = labels.iter().filter(|&&label| label == class).count();
                let quota = all as f64 * held_out as f64 / labels.len() as f64;
                prop_assert!((count(&split.held_out, &labels, class) as f64 - quota).abs() < 1.0);
            }
        }

        #[test]
        fn folds_hold_out_each_example_once_and_keep_the_proportions(
            labels in proptest::collection::vec(0i64..4, 5..200), folds in 2usize..6, seed: u64,
        ) {
            for splits in [
                stratified_k_fold(&labels, folds, seed).unwrap(), k_fold(labels.len(), folds, seed).unwrap()
            ] {
                let mut held: Vec<usize> = splits.iter().flat_map(|split| split.held_out.clone()).collect();
                held.sort_unstable();
                prop_assert!(held.into_iter().eq(0..labels.len()));
                prop_assert!(splits.iter().all(|split| is_partition(split, labels.len())));
                let sizes = splits.iter().map(|split| split.held_out.len());
                prop_assert!(sizes.clone().max().unwrap() - sizes.min().unwrap() <= 1);
            }
            let splits = stratified_k_fold(&labels, folds, seed).unwrap();
            for class in 0..4 {
                let counts = splits.iter().map(|split| count(&split.held_out, &labels, class));
                prop_assert!(counts.clone().max().unwrap() - counts.min().unwrap() <= 1);
            }
        }
    }

    #[test]
    fn the_only_example_of_a_class_is_learned_from() {
        let labels = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        for seed in 0..20 {
            let split = stratified(&labels, PartSize::Fraction(0.25), seed).unwrap();
            assert!(split.train.contains(&9));
        }
    }

    #[test]
    fn another_seed_gives_another_split() {
        let split = |seed| random(100, PartSize::Fraction(0.5), seed).unwrap();
        assert_ne!(split(1), split(2));
    }

    #[test]
    fn empty_parts_are_refused_by_name() {
        let message = |len, size| random(len, size, 0).unwrap_err().to_string();
        assert!(message(4, PartSize::Fraction(0.1)).contains("leaves the held-out part empty: 4 examples"));
        assert!(message(4, PartSize::Count(4)).contains("leaves the training part empty"));
        assert!(message(4, PartSize::Fraction(1.5)).contains("between 0 and 1, both excluded, but is 1.5"));
        assert!(message(4, PartSize::Fraction(f64::NAN)).contains("but is NaN"));
        assert!(message(0, PartSize::Fraction(0.5)).contains("0 examples"));
        let folds = k_fold(3, 5, 0).unwrap_err().to_string();
        assert!(folds.contains("at least 2 and at most the number of examples, 3, but is 5"), "{folds}");
    }
}
