//! Attention against the plain loops in f64, under every cut and instruction set.
#![allow(clippy::unwrap_used)]

mod kernel_support;

use downhill_tensor::Float;
use downhill_tensor::kernels::attention::{
    Attention, attention, attention_gradient, attention_gradient_with, attention_scratch_len, attention_with,
};
use downhill_tensor::kernels::isa::Isa;
use downhill_tensor::kernels::naive;
use kernel_support::{assert_close, numbers, same_bits, to_f64};
use proptest::prelude::*;

fn agree<T: Float>(sizes: Attention, sequences: usize, cut: usize) {
    let (wide, narrow) = (sizes.packed_len(), sizes.output_len());
    let packed: Vec<T> = numbers(sequences * wide, 3);
    let g: Vec<T> = numbers(sequences * narrow, 4);
    let mut scratch = vec![T::NAN; attention_scratch_len::<T>(&sizes)];
    let bound = T::EPSILON.to_f64() * 64.0 * (1.0 + sizes.depth as f64).sqrt();
    let mut expected = vec![f64::NAN; sequences * narrow];
    naive::attention(&sizes, &to_f64(&packed), &mut expected);
    let mut out = vec![T::NAN; sequences * narrow];
    for isa in Isa::available() {
        out.fill(T::NAN);
        attention_with(isa, &sizes, &packed, &mut out, &mut scratch);
        assert_close(&out, &expected, bound);
    }
    // By the set that a call takes which names none: with the feature `portable`, that is not the last.
    attention(&sizes, &packed, &mut out, &mut scratch);
    let mut parts = vec![T::NAN; sequences * narrow];
    let (first, second) = parts.split_at_mut(cut * narrow);
    attention(&sizes, &packed[..cut * wide], first, &mut scratch);
    attention(&sizes, &packed[cut * wide..], second, &mut scratch);
    assert!(same_bits(&out, &parts), "cut at {cut} of {sequences}");

    let mut expected = vec![f64::NAN; sequences * wide];
    naive::attention_gradient(&sizes, &to_f64(&packed), &to_f64(&g), &mut expected);
    let mut out = vec![T::NAN; sequences * wide];
    for isa in Isa::available() {
        out.fill(T::NAN);
        scratch.fill(T::NAN);
        attention_gradient_with(isa, &sizes, &packed, &g, &mut out, &mut scratch);
        assert_close(&out, &expected, bound * (1.0 + sizes.length as f64).sqrt());
    }
    attention_gradient(&sizes, &packed, &g, &mut out, &mut scratch);
    let mut parts = vec![T::NAN; sequences * wide];
    let (first, second) = parts.split_at_mut(cut * wide);
    attention_gradient(&sizes, &packed[..cut * wide], &g[..cut * narrow], first, &mut scratch);
    attention_gradient(&sizes, &packed[cut * wide..], &g[cut * narrow..], second, &mut scratch);
    assert!(same_bits(&out, &parts), "cut at {cut} of {sequences}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn attention_agrees_with_the_plain_loops_under_every_cut(
        (sequences, cut) in (0usize..4).prop_flat_map(|n| (Just(n), 0..=n)),
        length in prop_oneof![3 => 1usize..20, 2 => 20usize..140],
        (heads, depth) in (1usize..4, prop_oneof![1usize..9, Just(16usize), Just(33usize)]),
        causal in any::<bool>(),
    ) {
        let sizes = Attention { length, heads, depth, causal };
        agree::<f32>(sizes, sequences, cut);
        agree::<f64>(sizes, sequences, cut);
    }
}

#[test]
fn long_sequences_are_cut_into_blocks_of_queries() {
    for causal in [false, true] {
        agree::<f32>(Attention { length: 700, heads: 1, depth: 8, causal }, 1, 0);
    }
}

#[test]
fn large_scores_do_not_overflow_and_impossible_ones_give_nothing() {
    let sizes = Attention { length: 2, heads: 1, depth: 1, causal: false };
    // Queries, keys and values: the second position's scores are ±10⁸, the first's all the same.
    let packed = [0.0f32, 1e4, 5.0, 1e4, -1e4, 7.0];
    let mut scratch = vec![0.0; attention_scratch_len::<f32>(&sizes)];
    let mut out = [0.0; 2];
    attention(&sizes, &packed, &mut out, &mut scratch);
    assert_eq!(out, [6.0, 5.0]);
    let packed = [1.0f32, f32::NEG_INFINITY, 5.0, 1.0, f32::NEG_INFINITY, 7.0];
    attention(&sizes, &packed, &mut out, &mut scratch);
    assert_eq!(out, [0.0; 2]);
}

#[test]
fn nothing_comes_of_nothing() {
    for (length, heads, depth) in [(0, 2, 3), (4, 2, 0), (4, 0, 3)] {
        let sizes = Attention { length, heads, depth, causal: true };
        let mut scratch = vec![0.0f64; attention_scratch_len::<f64>(&sizes)];
        attention(&sizes, &[], &mut [], &mut scratch);
        attention_gradient(&sizes, &[], &[], &mut [], &mut scratch);
    }
}
