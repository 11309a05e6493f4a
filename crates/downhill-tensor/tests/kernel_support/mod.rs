//! Numbers and comparisons that the tests of the kernels share.
#![allow(dead_code)]

use downhill_tensor::Float;

/// Numbers from -1 to 1 without a pattern that sums could hide.
pub fn numbers<T: Float>(count: usize, seed: u64) -> Vec<T> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            T::from_f64((state >> 11) as f64 / (1u64 << 52) as f64 - 1.0)
        })
        .collect()
}

/// The same numbers in double precision.
pub fn to_f64<T: Float>(x: &[T]) -> Vec<f64> {
    x.iter().map(|v| v.to_f64()).collect()
}

/// Checks that all numbers lie within `bound` of what is expected, or are the same infinity or both NaN.
#[track_caller]
pub fn assert_close<T: Float>(actual: &[T], expected: &[f64], bound: f64) {
    assert_eq!(actual.len(), expected.len());
    for (at, (&actual, &expected)) in actual.iter().zip(expected).enumerate() {
        let actual = actual.to_f64();
        let same = actual == expected || (actual.is_nan() && expected.is_nan());
        assert!(same || (actual - expected).abs() <= bound, "{actual} for {expected} at {at}, bound {bound}");
    }
}

/// Whether two slices hold the same bits.
pub fn same_bits<T: Float>(a: &[T], b: &[T]) -> bool {
    let bits = |v: &T| (v.to_f64().to_bits(), v.is_nan());
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| bits(a) == bits(b))
}
