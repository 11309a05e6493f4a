//! The parameters and batches that the scripts in `oracles` make as well, from the same streams of numbers.

use downhill_tensor::{Float, Key, ParameterLayout};

/// The number of batches that are used in turns.
pub const BATCHES: u64 = 4;

/// The stream of the batch for this step.
pub fn batch(step: u64) -> Key {
    Key::new(11).fold(step % BATCHES)
}

/// Numbers in [-1, 1) of this stream.
pub fn around_zero<T: Float>(key: Key, out: &mut [T]) {
    key.fill_uniform(0, out);
    out.iter_mut().for_each(|x| *x = T::from_f64(2.0) * *x - T::ONE);
}

/// Whole numbers below `classes`.
pub fn whole(key: Key, count: usize, classes: usize) -> Vec<i64> {
    let mut numbers = vec![0.0f32; count];
    key.fill_uniform(0, &mut numbers);
    numbers.iter().map(|x| (x * classes as f32) as i64).collect()
}

/// The parameters with which the scripts start: norms near 1, biases near 0, all others by their number of
/// inputs.
pub fn start<T: Float>(layout: &ParameterLayout, parameters: &mut [T]) {
    for entry in layout.entries() {
        let values = &mut parameters[entry.range()];
        around_zero(Key::new(7).named(&entry.name), values);
        let embedding = entry.name.starts_with("tokens") || entry.name.starts_with("positions");
        let (scale, shift) = match entry.shape.dims() {
            [_] if entry.name.ends_with("weight") => (0.125, 1.0),
            [_] => (0.125, 0.0),
            [_, _] if embedding => (1.0, 0.0),
            [inputs, _] => (1.0 / (*inputs as f64).sqrt(), 0.0),
            window => (1.0 / (window[1..].iter().product::<usize>() as f64).sqrt(), 0.0),
        };
        let (scale, shift) = (T::from_f64(scale), T::from_f64(shift));
        values.iter_mut().for_each(|x| *x = *x * scale + shift);
    }
}
