//! Sums and steps over whole vectors. Sums are made in `f64`, in an order that depends on the length alone.

use downhill_tensor::Float;

/// The number of sums kept side by side.
const LANES: usize = 8;

/// `Σ a b`.
pub(crate) fn dot<T: Float>(a: &[T], b: &[T]) -> f64 {
    let mut sums = [0.0; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        (0..LANES).for_each(|lane| sums[lane] += a[lane].to_f64() * b[lane].to_f64());
    }
    let rest = a_rest.iter().zip(b_rest).map(|(a, b)| a.to_f64() * b.to_f64());
    sums.iter().sum::<f64>() + rest.sum::<f64>()
}

/// The largest absolute value; NaN if there is one.
pub(crate) fn max_abs<T: Float>(values: &[T]) -> f64 {
    values.iter().fold(T::ZERO, |largest, value| largest.maximum(value.abs())).to_f64()
}

/// The largest absolute difference, relative to the larger of 1 and the numbers of `a`.
pub(crate) fn relative_distance<T: Float>(a: &[T], b: &[T]) -> f64 {
    let distances = a.iter().zip(b).map(|(&a, &b)| (a - b).abs() / a.abs().maximum(T::ONE));
    distances.fold(T::ZERO, T::maximum).to_f64()
}

/// `target = origin + step * direction`.
pub(crate) fn along<T: Float>(target: &mut [T], origin: &[T], step: f64, direction: &[T]) {
    let step = T::from_f64(step);
    for ((target, &origin), &direction) in target.iter_mut().zip(origin).zip(direction) {
        *target = origin + step * direction;
    }
}

/// `target += scale * vector`.
pub(crate) fn add_scaled<T: Float>(target: &mut [T], scale: f64, vector: &[T]) {
    let scale = T::from_f64(scale);
    target.iter_mut().zip(vector).for_each(|(target, &vector)| *target += scale * vector);
}

/// `target = scale * vector`.
pub(crate) fn scaled_into<T: Float>(target: &mut [T], scale: f64, vector: &[T]) {
    let scale = T::from_f64(scale);
    target.iter_mut().zip(vector).for_each(|(target, &vector)| *target = scale * vector);
}

/// `target = a - b`.
pub(crate) fn difference_into<T: Float>(target: &mut [T], a: &[T], b: &[T]) {
    target.iter_mut().zip(a.iter().zip(b)).for_each(|(target, (&a, &b))| *target = a - b);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_steps_are_those_of_the_formulas() {
        let a: Vec<f32> = (0..19).map(|i| i as f32 - 4.0).collect();
        let b: Vec<f32> = (0..19).map(|i| 0.5 * i as f32).collect();
        assert_eq!(dot(&a, &b), (0..19).map(|i| (i as f64 - 4.0) * 0.5 * i as f64).sum::<f64>());
        assert_eq!(max_abs(&a), 14.0);
        assert!(max_abs(&[1.0, f64::NAN, 2.0]).is_nan());
        assert_eq!(relative_distance(&[4.0, 0.5], &[2.0, 0.25]), 0.5);
        let mut c = [0.0; 19];
        along(&mut c, &a, 2.0, &b);
        add_scaled(&mut c, -2.0, &b);
        assert_eq!(&c[..], &a[..]);
        scaled_into(&mut c, 0.5, &a);
        assert_eq!(c[0], -2.0);
        difference_into(&mut c, &a, &b);
        assert_eq!(c[18], 5.0);
    }
}
