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
use super::matmul::{Prepared, Product, Strides2, Update, matmul_prepared, matmul_scratch_len, matmul_with};
use super::rows::sum_of;
use super::softmax::shift;
use crate::Float;
use std::ops::Range;

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
/// The most queries of a block.
const MOST_QUERIES: usize = 48;
/// The most columns of a panel of a prepared operand.
const WIDEST: usize = 32;

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
        let most = if self.causal { 24 } else { MOST_QUERIES };
        (SCORES / self.length.max(1)).clamp(6, most).min(self.length)
    }

    /// The blocks of queries, first to last. All are of one size: the last begins early where it must, and leaves
    /// out what the one before has.
    fn blocks(self) -> impl DoubleEndedIterator<Item = Block> {
        let queries = self.queries();
        (0..self.length).step_by(queries.max(1)).map(move |start| {
            let first = start.min(self.length - queries);
            let keys = if self.causal { first + queries } else { self.length };
            Block { first, rows: start - first..queries, keys }
        })
    }

    /// How many keys the query at this position sees.
    fn seen(&self, position: usize) -> usize {
        if self.causal { position + 1 } else { self.length }
    }

    /// From one row of scores to the next: whole vectors, and not a power of two, which would crowd a few
    /// places of the cache.
    fn stride(&self) -> usize {
        self.length.next_multiple_of(LANES) + LANES
    }

    /// What the scores are multiplied by.
    fn scale<T: Float>(&self) -> T {
        T::from_f64(1.0 / (self.depth as f64).sqrt())
    }

    /// Queries (`wide`) or cotangents of results by the transposed keys or values of a whole sequence, of which a
    /// block takes the columns that it sees.
    fn by_transposed(&self, a: Strides2) -> Product {
        let b = self.wide().transposed();
        Product { m: self.queries(), n: self.length, k: self.depth, a, b, c_row_stride: self.stride() }
    }

    /// Rows of scores by keys or values, into rows that are as far apart as those of the second operand or of the
    /// result.
    fn by_rows(&self, block: &Block, c_row_stride: usize) -> Product {
        let (a, b) = (Strides2::row_major(self.stride()), self.wide());
        Product { m: block.rows.len(), n: self.depth, k: block.keys, a, b, c_row_stride }
    }

    /// Transposed scores by queries or cotangents of results, into the packed cotangents.
    fn by_columns(&self, block: &Block, b: Strides2) -> Product {
        let a = Strides2::row_major(self.stride()).transposed();
        let c_row_stride = self.wide().row;
        Product { m: block.keys, n: self.depth, k: block.rows.len(), a, b, c_row_stride }
    }

    /// How the packed projections of a head lie.
    fn wide(&self) -> Strides2 {
        Strides2::row_major(3 * self.width())
    }

    /// How the result of a head lies.
    fn narrow(&self) -> Strides2 {
        Strides2::row_major(self.width())
    }

    /// The scratch space of the products of any block.
    fn product_scratch<T: Float>(&self) -> usize {
        let all = Block { first: 0, rows: 0..self.queries(), keys: self.length };
        let products =
            [self.by_transposed(self.wide()), self.by_rows(&all, 0), self.by_columns(&all, self.wide())];
        products.iter().map(matmul_scratch_len::<T>).max().unwrap_or(0)
    }

    /// The elements of the transposed keys or values of a head, prepared for products by any instruction set.
    fn transposed_len(&self) -> usize {
        self.length.next_multiple_of(WIDEST) * self.depth
    }
}

/// Some rows of scores.
struct Block {
    /// The position of the query of row 0.
    first: usize,
    /// The rows that are computed.
    rows: Range<usize>,
    /// The keys that at least one of the queries sees.
    keys: usize,
}

/// How many elements of scratch space [`attention`] and [`attention_gradient`] need.
pub fn attention_scratch_len<T: Float>(attention: &Attention) -> usize {
    let scores = attention.queries() * attention.stride();
    2 * (attention.transposed_len() + scores) + attention.product_scratch::<T>()
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
    assert_eq!(packed.len(), 3 * out.len(), "the result is not a third of the projections");
    let Some(sequences) = sequences(attention, out.len()) else { return };
    let (wide, narrow) = (attention.wide(), attention.narrow());
    let (transposed, rest) = scratch.split_at_mut(attention.transposed_len());
    let (scores, rest) = rest.split_at_mut(attention.queries() * attention.stride());
    let keys = Prepared::new::<T>(isa, &attention.by_transposed(wide));
    let keys_across = &mut transposed[..keys.len()];
    for head in (0..sequences * attention.heads).map(|number| Head::new(attention, number)) {
        let [query, key, value] = head.parts(packed);
        keys.fill(0..keys.panels(), key, keys_across);
        for block in attention.blocks() {
            let scaled = Update::set_scaled(attention.scale());
            by_prepared(&keys, &block, &query[block.first * wide.row..], keys_across, scores, scaled, rest);
            attention.probabilities(isa, &block, scores);
            let product = attention.by_rows(&block, narrow.row);
            let scores = &scores[block.rows.start * attention.stride()..];
            let out = &mut out[head.result + (block.first + block.rows.start) * narrow.row..];
            multiply(isa, &product, scores, value, out, Update::SET, rest);
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
    let fits = packed.len() == 3 * cotangent.len() && packed.len() == out.len();
    assert!(fits, "the lengths do not fit each other");
    let Some(sequences) = sequences(attention, cotangent.len()) else { return };
    let (wide, narrow) = (attention.wide(), attention.narrow());
    let (keys_across, rest) = scratch.split_at_mut(attention.transposed_len());
    let (values_across, rest) = rest.split_at_mut(attention.transposed_len());
    let (scores, rest) = rest.split_at_mut(attention.queries() * attention.stride());
    let (slopes, rest) = rest.split_at_mut(attention.queries() * attention.stride());
    let keys = Prepared::new::<T>(isa, &attention.by_transposed(wide));
    let values = Prepared::new::<T>(isa, &attention.by_transposed(narrow));
    let (keys_across, values_across) = (&mut keys_across[..keys.len()], &mut values_across[..values.len()]);
    for head in (0..sequences * attention.heads).map(|number| Head::new(attention, number)) {
        let [query, key, value] = head.parts(packed);
        keys.fill(0..keys.panels(), key, keys_across);
        values.fill(0..values.panels(), value, values_across);
        // The last block sees all keys: what it sets, the others add to.
        let mut update = Update::SET;
        for block in attention.blocks().rev() {
            let query = &query[block.first * wide.row..];
            let g = &cotangent[head.result + block.first * narrow.row..];
            let scaled = Update::set_scaled(attention.scale());
            by_prepared(&keys, &block, query, keys_across, scores, scaled, rest);
            by_prepared(&values, &block, g, values_across, slopes, Update::SET, rest);
            attention.probabilities(isa, &block, scores);
            attention.slopes(isa, &block, scores, slopes);
            let (skip, own) = (block.rows.start, block.rows.start * attention.stride());
            let (scores, slopes) = (&scores[own..], &slopes[own..]);
            let (query, g) = (&query[skip * wide.row..], &g[skip * narrow.row..]);
            let [by_query, by_key, by_value] = head.starts();
            let by_query = &mut out[by_query + (block.first + skip) * wide.row..];
            multiply(isa, &attention.by_rows(&block, wide.row), slopes, key, by_query, Update::SET, rest);
            let product = attention.by_columns(&block, wide);
            multiply(isa, &product, slopes, query, &mut out[by_key..], update, rest);
            let product = attention.by_columns(&block, narrow);
            multiply(isa, &product, scores, g, &mut out[by_value..], update, rest);
            update = Update::ADD;
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

/// The rows of a block, by all keys or values that it sees.
fn by_prepared<T: Float>(
    b: &Prepared,
    block: &Block,
    a: &[T],
    panels: &[T],
    c: &mut [T],
    update: Update<T>,
    scratch: &mut [T],
) {
    matmul_prepared(b, block.rows.clone(), 0..block.keys, a, panels, c, update, scratch);
}

/// A whole product.
fn multiply<T: Float>(
    isa: Isa,
    product: &Product,
    a: &[T],
    b: &[T],
    c: &mut [T],
    update: Update<T>,
    scratch: &mut [T],
) {
    matmul_with(isa, product, 0..product.m, 0..product.n, a, b, c, update, scratch);
}

/// Where one head of one sequence stands.
struct Head {
    /// Its first query among the projections.
    packed: usize,
    /// Its first result.
    result: usize,
    width: usize,
}

impl Head {
    fn new(attention: &Attention, number: usize) -> Self {
        let (sequence, head) = (number / attention.heads, number % attention.heads);
        Head {
            packed: sequence * attention.packed_len() + head * attention.depth,
            result: sequence * attention.output_len() + head * attention.depth,
            width: attention.width(),
        }
    }

    /// Where its queries, keys and values begin.
    fn starts(&self) -> [usize; 3] {
        [0, 1, 2].map(|part| self.packed + part * self.width)
    }

    /// Its queries, keys and values, and what follows.
    fn parts<'a, T>(&self, packed: &'a [T]) -> [&'a [T]; 3] {
        self.starts().map(|start| &packed[start..])
    }
}

impl Attention {
    /// The softmax of each row of scores over the keys that its query sees; 0 for the others.
    ///
    /// In several passes over the block: those over one row would wait for each other.
    fn probabilities<T: Float>(&self, isa: Isa, block: &Block, scores: &mut [T]) {
        let stride = self.stride();
        // Up to whole vectors.
        let end = |row: usize| self.seen(block.first + row).next_multiple_of(LANES);
        let mut numbers = [T::ZERO; MOST_QUERIES];
        vectorize(
            isa,
            #[inline(always)]
            |_| {
                for row in block.rows.clone() {
                    let scores = &mut scores[row * stride..][..stride];
                    // Beyond what is seen: impossible keys.
                    scores[self.seen(block.first + row)..end(row)].fill(T::NEG_INFINITY);
                    if end(row) < block.keys {
                        scores[end(row)..block.keys].fill(T::ZERO);
                    }
                    numbers[row] = shift(&scores[..end(row)]);
                }
                for row in block.rows.clone() {
                    let shift = numbers[row];
                    let (chunks, _) = scores[row * stride..][..end(row)].as_chunks_mut::<LANES>();
                    for chunk in chunks {
                        for score in chunk {
                            *score = math::exp(*score - shift);
                        }
                    }
                }
                for row in block.rows.clone() {
                    let sum = sum_of(
                        [&scores[row * stride..][..end(row)]],
                        #[inline(always)]
                        |[p]| p,
                    );
                    numbers[row] = if sum == T::ZERO { T::ZERO } else { T::ONE / sum };
                }
                for row in block.rows.clone() {
                    let scale = numbers[row];
                    scores[row * stride..][..end(row)].iter_mut().for_each(|p| *p *= scale);
                }
            },
        );
    }

    /// From the cotangents of the probabilities to those of the scores before they were scaled:
    /// `p (g - Σ p g) / √depth`.
    fn slopes<T: Float>(&self, isa: Isa, block: &Block, p: &[T], g: &mut [T]) {
        let (stride, factor) = (self.stride(), self.scale());
        let mut dots = [T::ZERO; MOST_QUERIES];
        vectorize(
            isa,
            #[inline(always)]
            |_| {
                for row in block.rows.clone() {
                    dots[row] = sum_of(
                        [&p[row * stride..][..block.keys], &g[row * stride..][..block.keys]],
                        #[inline(always)]
                        |[p, g]| p * g,
                    );
                }
                for row in block.rows.clone() {
                    let (p, g) = (&p[row * stride..][..block.keys], &mut g[row * stride..][..block.keys]);
                    let dot = dots[row];
                    g.iter_mut().zip(p).for_each(|(g, &p)| *g = p * (*g - dot) * factor);
                }
            },
        );
    }
}
