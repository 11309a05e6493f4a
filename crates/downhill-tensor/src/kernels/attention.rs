//! Multi-head attention on packed projections, and the gradient, without ever holding all scores.
//!
//! For each head of each sequence, `softmax(Q Kᵀ / √depth) V`. A block of queries at a time meets all keys that
//! it sees: their scores stay in the cache, become probabilities where they are, and are gone with the next
//! block. The gradient computes the probabilities again instead of reading them.
//!
//! # Source
//! Vaswani et al., "Attention is all you need", 2017, section 3.2; Rabe and Staats, "Self-attention does not
//! need O(n²) memory", 2021.

use super::isa::{Isa, current, vectorize};
use super::math;
use super::matmul::{Product, Strides2, Update, matmul_scratch_len, matmul_with};
use super::rows::sum_of;
use super::softmax::shift;
use crate::Float;

/// The sizes of one sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attention {
    /// The number of positions.
    pub length: usize,
    /// The number of heads.
    pub heads: usize,
    /// The numbers of a query, a key or a value of one head.
    pub depth: usize,
    /// Whether a position sees only itself and those before it.
    pub causal: bool,
}

/// Elements that are computed together; rows of scores are padded to whole ones.
const LANES: usize = 16;
/// Scores that are held at once, where a block has more than the fewest queries.
const SCORES: usize = 24 * 1024;

impl Attention {
    /// The numbers of one position's queries, keys or values: all heads side by side.
    pub fn width(&self) -> usize {
        self.heads * self.depth
    }

    /// The elements of the projections of one sequence, `[length, 3 width]`.
    pub fn packed_len(&self) -> usize {
        3 * self.output_len()
    }

    /// The elements of the result for one sequence, `[length, width]`.
    pub fn output_len(&self) -> usize {
        self.length * self.width()
    }

    /// The queries of a block. Small blocks skip more of what is masked.
    fn queries(&self) -> usize {
        let most = if self.causal { 24 } else { 48 };
        (SCORES / self.length.max(1)).clamp(6, most).min(self.length)
    }

    /// From one row of scores to the next: whole vectors, and not a power of two, which would crowd a few
    /// places of the cache.
    fn stride(&self) -> usize {
        self.length.next_multiple_of(LANES) + LANES
    }

    /// The keys that are seen from before position `end`.
    fn seen(&self, end: usize) -> usize {
        if self.causal { end } else { self.length }
    }

    /// The products of a block of `queries` that sees `keys` keys; see [`Products`].
    fn products(&self, queries: usize, keys: usize) -> Products {
        let (depth, packed, width) = (self.depth, 3 * self.width(), self.width());
        let scores = Strides2::row_major(self.stride());
        let (tight, wide) = (Strides2::row_major(depth), Strides2::row_major(packed));
        let (transposed, result) = (Strides2::row_major(self.length), Strides2::row_major(width));
        let product = |m, n, k, a, b, c_row_stride| Product { m, n, k, a, b, c_row_stride };
        Products {
            scores: product(queries, keys, depth, wide, transposed, self.stride()),
            values: product(queries, depth, keys, scores, tight, width),
            probabilities: product(queries, keys, depth, result, transposed, self.stride()),
            by_query: product(queries, depth, keys, scores, tight, packed),
            by_key: product(keys, depth, queries, scores.transposed(), wide, depth),
            by_value: product(keys, depth, queries, scores.transposed(), result, depth),
        }
    }

    /// The scratch space of the products of any block.
    fn product_scratch<T: Float>(&self) -> usize {
        let all = self.products(self.queries(), self.length);
        let each = [all.scores, all.values, all.probabilities, all.by_query, all.by_key, all.by_value];
        each.iter().map(matmul_scratch_len::<T>).max().unwrap_or(0)
    }
}

/// The products of a block of queries.
struct Products {
    /// Q (in place) by Kᵀ.
    scores: Product,
    /// P by V, into the result.
    values: Product,
    /// The cotangent of the result by Vᵀ.
    probabilities: Product,
    /// The cotangent of the scores by K, into the packed cotangents.
    by_query: Product,
    /// The transposed cotangent of the scores by Q (in place).
    by_key: Product,
    /// Pᵀ by the cotangent of the result.
    by_value: Product,
}

/// How many elements of scratch space [`attention`] and [`attention_gradient`] need.
pub fn attention_scratch_len<T: Float>(attention: &Attention) -> usize {
    let scores = attention.queries() * attention.stride();
    2 * scores + 5 * attention.length * attention.depth + attention.product_scratch::<T>()
}

/// The result `[n, length, width]` for projections `[n, length, 3 width]`: query, key and value side by side,
/// in each of them the heads side by side. A part of the work is a call on some of the sequences.
///
/// A position whose scores are all -infinity gets 0.
///
/// # Panics
/// Where the lengths are not those of the same number of whole sequences, or `scratch` is shorter than
/// [`attention_scratch_len`].
pub fn attention<T: Float>(attention: &Attention, packed: &[T], out: &mut [T], scratch: &mut [T]) {
    attention_with(current(), attention, packed, out, scratch);
}

/// [`attention`] with a chosen instruction set.
///
/// # Panics
/// As [`attention`].
pub fn attention_with<T: Float>(
    isa: Isa,
    attention: &Attention,
    packed: &[T],
    out: &mut [T],
    scratch: &mut [T],
) {
    let &Attention { length, heads, depth, .. } = attention;
    assert_eq!(packed.len(), 3 * out.len(), "the result is not a third of the projections");
    let Some(sequences) = sequences(attention, out.len()) else { return };
    let (scores, rest) = scratch.split_at_mut(attention.queries() * attention.stride());
    let (key, rest) = rest.split_at_mut(length * depth);
    let (value, rest) = rest.split_at_mut(length * depth);
    let width = attention.width();
    for head in (0..sequences * heads).map(|number| Head::new(attention, number)) {
        head.transpose(isa, &packed[head.packed + width..], head.scale(), key);
        head.copy(&packed[head.packed + 2 * width..], value);
        for first in (0..length).step_by(attention.queries()) {
            let (rows, keys) = head.block(first);
            let products = attention.products(rows, keys);
            let query = &packed[head.packed + first * 3 * width..];
            product(isa, &products.scores, query, key, scores, false, rest);
            head.probabilities(isa, first, rows, scores);
            let out = &mut out[head.result + first * width..];
            product(isa, &products.values, scores, value, out, false, rest);
        }
    }
}

/// The cotangents `[n, length, 3 width]` of the projections, given those of the result, `[n, length, width]`.
/// A part of the work is a call on some of the sequences.
///
/// # Panics
/// Where the lengths are not those of the same number of whole sequences, or `scratch` is shorter than
/// [`attention_scratch_len`].
pub fn attention_gradient<T: Float>(
    attention: &Attention,
    packed: &[T],
    cotangent: &[T],
    out: &mut [T],
    scratch: &mut [T],
) {
    attention_gradient_with(current(), attention, packed, cotangent, out, scratch);
}

/// [`attention_gradient`] with a chosen instruction set.
///
/// # Panics
/// As [`attention_gradient`].
pub fn attention_gradient_with<T: Float>(
    isa: Isa,
    attention: &Attention,
    packed: &[T],
    cotangent: &[T],
    out: &mut [T],
    scratch: &mut [T],
) {
    let &Attention { length, heads, depth, .. } = attention;
    let fits = packed.len() == 3 * cotangent.len() && packed.len() == out.len();
    assert!(fits, "the lengths do not fit each other");
    let Some(sequences) = sequences(attention, cotangent.len()) else { return };
    let block = attention.queries() * attention.stride();
    let (scores, rest) = scratch.split_at_mut(block);
    let (slopes, rest) = rest.split_at_mut(block);
    let (head_space, rest) = rest.split_at_mut(5 * length * depth);
    let width = attention.width();
    for head in (0..sequences * heads).map(|number| Head::new(attention, number)) {
        let mut spaces = head_space.chunks_exact_mut((length * depth).max(1));
        let [Some(keys_across), Some(values_across), Some(key), Some(by_key), Some(by_value)] =
            [(); 5].map(|()| spaces.next())
        else {
            return;
        };
        head.transpose(isa, &packed[head.packed + width..], head.scale(), keys_across);
        head.transpose(isa, &packed[head.packed + 2 * width..], T::ONE, values_across);
        head.copy(&packed[head.packed + width..], key);
        by_key.fill(T::ZERO);
        by_value.fill(T::ZERO);
        for first in (0..length).step_by(attention.queries()) {
            let (rows, keys) = head.block(first);
            let products = attention.products(rows, keys);
            let query = &packed[head.packed + first * 3 * width..];
            let g = &cotangent[head.result + first * width..];
            product(isa, &products.scores, query, keys_across, scores, false, rest);
            head.probabilities(isa, first, rows, scores);
            product(isa, &products.by_value, scores, g, by_value, true, rest);
            product(isa, &products.probabilities, g, values_across, slopes, false, rest);
            head.slopes(isa, first, rows, scores, slopes);
            let by_query = &mut out[head.packed + first * 3 * width..];
            product(isa, &products.by_query, slopes, key, by_query, false, rest);
            product(isa, &products.by_key, slopes, query, by_key, true, rest);
        }
        for (part, cotangents) in [(1, by_key), (2, by_value)] {
            let out = &mut out[head.packed + part * width..];
            for (out, cotangents) in out.chunks_mut(3 * width).zip(cotangents.chunks_exact(depth)) {
                out[..depth].copy_from_slice(cotangents);
            }
        }
    }
}

/// The number of sequences in a result of this length; `None` where there is nothing to compute.
fn sequences(attention: &Attention, len: usize) -> Option<usize> {
    let one = attention.output_len();
    if one == 0 {
        assert_eq!(len, 0, "sequences without elements have no result");
        return None;
    }
    assert!(len.is_multiple_of(one), "{len} elements are not whole sequences of {one}");
    Some(len / one)
}

/// All products of this module.
fn product<T: Float>(
    isa: Isa,
    product: &Product,
    a: &[T],
    b: &[T],
    c: &mut [T],
    accumulate: bool,
    scratch: &mut [T],
) {
    let update = if accumulate { Update::ADD } else { Update::SET };
    matmul_with(isa, product, 0..product.m, 0..product.n, a, b, c, update, scratch);
}

/// One head of one sequence.
struct Head {
    attention: Attention,
    /// Where its first query stands.
    packed: usize,
    /// Where its first result stands.
    result: usize,
}

impl Head {
    fn new(attention: &Attention, number: usize) -> Self {
        let (sequence, head) = (number / attention.heads, number % attention.heads);
        Head {
            attention: *attention,
            packed: sequence * attention.packed_len() + head * attention.depth,
            result: sequence * attention.output_len() + head * attention.depth,
        }
    }

    /// What the scores are multiplied by.
    fn scale<T: Float>(&self) -> T {
        T::from_f64(1.0 / (self.attention.depth as f64).sqrt())
    }

    /// The queries of the block from `first` on, and the keys that the last of them sees.
    fn block(&self, first: usize) -> (usize, usize) {
        let rows = self.attention.queries().min(self.attention.length - first);
        (rows, self.attention.seen(first + rows))
    }

    /// The rows of a part of the projections, one after the other.
    fn copy<T: Float>(&self, from: &[T], to: &mut [T]) {
        let Attention { depth, .. } = self.attention;
        for (from, to) in from.chunks(3 * self.attention.width()).zip(to.chunks_exact_mut(depth)) {
            to.copy_from_slice(&from[..depth]);
        }
    }

    /// A part of the projections with rows and columns exchanged, `[depth, length]`, times `scale`.
    fn transpose<T: Float>(&self, isa: Isa, from: &[T], scale: T, to: &mut [T]) {
        let Attention { length, depth, .. } = self.attention;
        let stride = 3 * self.attention.width();
        vectorize(
            isa,
            #[inline(always)]
            |_| {
                for first in (0..length).step_by(LANES) {
                    let count = LANES.min(length - first);
                    let rows: [&[T]; LANES] =
                        std::array::from_fn(|i| &from[(first + i.min(count - 1)) * stride..][..depth]);
                    for (j, to) in to.chunks_exact_mut(length).enumerate() {
                        let column: [T; LANES] = std::array::from_fn(
                            #[inline(always)]
                            |i| rows[i][j] * scale,
                        );
                        match to[first..].first_chunk_mut::<LANES>() {
                            Some(to) => *to = column,
                            None => to[first..].copy_from_slice(&column[..count]),
                        }
                    }
                }
            },
        );
    }

    /// The softmax of each row of scores over the keys that its query sees; 0 for the others.
    fn probabilities<T: Float>(&self, isa: Isa, first: usize, rows: usize, scores: &mut [T]) {
        let (_, keys) = self.block(first);
        vectorize(
            isa,
            #[inline(always)]
            |_| {
                for (i, row) in scores.chunks_exact_mut(self.attention.stride()).take(rows).enumerate() {
                    let seen = self.attention.seen(first + i + 1);
                    // Beyond what is seen, up to whole vectors: impossible keys.
                    let end = seen.next_multiple_of(LANES);
                    row[seen..end].fill(T::NEG_INFINITY);
                    if end < keys {
                        row[end..keys].fill(T::ZERO);
                    }
                    let row = &mut row[..end];
                    let shift = shift(row);
                    // In loops of their own, of which the compiler makes vector instructions.
                    row.iter_mut().for_each(
                        #[inline(always)]
                        |score| *score = math::exp(*score - shift),
                    );
                    let sum = sum_of(
                        [&*row],
                        #[inline(always)]
                        |[p]| p,
                    );
                    let scale = if sum == T::ZERO { T::ZERO } else { T::ONE / sum };
                    row.iter_mut().for_each(|p| *p *= scale);
                }
            },
        );
    }

    /// From the cotangents of the probabilities to those of the scores before they were scaled:
    /// `p (g - Σ p g) / √depth`.
    fn slopes<T: Float>(&self, isa: Isa, first: usize, rows: usize, p: &[T], g: &mut [T]) {
        let (_, keys) = self.block(first);
        let (stride, factor) = (self.attention.stride(), self.scale());
        vectorize(
            isa,
            #[inline(always)]
            |_| {
                for (p, g) in p.chunks_exact(stride).zip(g.chunks_exact_mut(stride)).take(rows) {
                    let dot = sum_of(
                        [&p[..keys], &g[..keys]],
                        #[inline(always)]
                        |[p, g]| p * g,
                    );
                    g[..keys].iter_mut().zip(&p[..keys]).for_each(|(g, &p)| *g = p * (*g - dot) * factor);
                }
            },
        );
    }
}
