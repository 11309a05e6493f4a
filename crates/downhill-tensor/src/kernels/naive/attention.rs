use crate::Float;
use crate::kernels::attention::Attention;

/// The element `at` of position `row` of part 0, 1 or 2 (query, key, value) of a head.
fn packed_at(attention: &Attention, part: usize, head: usize, row: usize, at: usize) -> usize {
    (row * 3 + part) * attention.width() + head * attention.depth + at
}

/// The probabilities with which position `row` sees each position, for one head of one sequence.
fn probabilities<T: Float>(attention: &Attention, packed: &[T], head: usize, row: usize) -> Vec<T> {
    let seen = if attention.causal { row + 1 } else { attention.length };
    let at = |part, row, i| packed[packed_at(attention, part, head, row, i)];
    let scale = T::from_f64(1.0 / (attention.depth as f64).sqrt());
    let scores: Vec<T> = (0..seen)
        .map(|key| (0..attention.depth).map(|i| at(0, row, i) * at(1, key, i)).sum::<T>() * scale)
        .collect();
    let mut probabilities = vec![T::ZERO; attention.length];
    super::softmax(&scores, seen, &mut probabilities[..seen]);
    probabilities
}

/// `softmax(Q Kᵀ / √depth) V` for each head of each sequence; see
/// [`kernels::attention`](crate::kernels::attention::attention).
///
/// # Panics
/// Where the lengths do not fit each other.
pub fn attention<T: Float>(attention: &Attention, packed: &[T], out: &mut [T]) {
    assert_eq!(packed.len(), 3 * out.len());
    let Attention { length, heads, depth, .. } = *attention;
    let lengths = (attention.packed_len().max(1), attention.output_len().max(1));
    for (packed, out) in packed.chunks_exact(lengths.0).zip(out.chunks_exact_mut(lengths.1)) {
        for (head, row) in (0..heads * length).map(|i| (i / length, i % length)) {
            let p = probabilities(attention, packed, head, row);
            for i in 0..depth {
                let value = |key: usize| packed[packed_at(attention, 2, head, key, i)];
                out[row * attention.width() + head * depth + i] =
                    (0..length).filter(|&key| p[key] != T::ZERO).map(|key| p[key] * value(key)).sum();
            }
        }
    }
}

/// The cotangents of the projections, given those of the result of [`attention`].
///
/// # Panics
/// Where the lengths do not fit each other.
pub fn attention_gradient<T: Float>(attention: &Attention, packed: &[T], cotangent: &[T], out: &mut [T]) {
    assert!(packed.len() == 3 * cotangent.len() && packed.len() == out.len());
    let Attention { length, heads, depth, .. } = *attention;
    let scale = T::from_f64(1.0 / (depth as f64).sqrt());
    let (wide, narrow) = (attention.packed_len().max(1), attention.output_len().max(1));
    let sequences = packed.chunks_exact(wide).zip(cotangent.chunks_exact(narrow));
    for ((packed, cotangent), out) in sequences.zip(out.chunks_exact_mut(wide)) {
        out.fill(T::ZERO);
        for (head, row) in (0..heads * length).map(|i| (i / length, i % length)) {
            let at = |part, row, i| packed_at(attention, part, head, row, i);
            let g = |i: usize| cotangent[row * attention.width() + head * depth + i];
            let p = probabilities(attention, packed, head, row);
            let by_p: Vec<T> =
                (0..length).map(|key| (0..depth).map(|i| g(i) * packed[at(2, key, i)]).sum()).collect();
            let mut by_score = vec![T::ZERO; length];
            super::softmax_gradient(&p, &by_p, length, &mut by_score);
            for (key, i) in (0..length * depth).map(|number| (number / depth, number % depth)) {
                out[at(0, row, i)] += by_score[key] * scale * packed[at(1, key, i)];
                out[at(1, key, i)] += by_score[key] * scale * packed[at(0, row, i)];
                out[at(2, key, i)] += p[key] * g(i);
            }
        }
    }
}
