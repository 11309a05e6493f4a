//! How fast functions of rows and attention run on this machine, on one thread, and what the same costs step by
//! step: each in passes of its own, as a program without fusion has them.
//!
//! `cargo run --release -p downhill-tensor --example row_speed [FILTER]`
#![allow(clippy::print_stdout)]

use downhill_tensor::kernels::attention::{Attention, attention, attention_gradient, attention_scratch_len};
use downhill_tensor::kernels::matmul::{Product, Strides2, Update, matmul, matmul_scratch_len};
use downhill_tensor::kernels::reduce::{Axes, sum};
use downhill_tensor::kernels::rows::{Epsilon, RowFunction, Rows, apply};
use downhill_tensor::kernels::{gather, isa, softmax};
use std::hint::black_box;
use std::time::Instant;

/// The best time of one call, in seconds, over a fifth of a second of calls.
fn time(mut call: impl FnMut()) -> f64 {
    call();
    let begin = Instant::now();
    let mut best = f64::INFINITY;
    while begin.elapsed().as_secs_f64() < 0.2 {
        let start = Instant::now();
        call();
        best = best.min(start.elapsed().as_secs_f64());
    }
    best
}

fn numbers(count: usize) -> Vec<f32> {
    (0..count).map(|i| ((i * 7919 % 1013) as f32 - 506.0) / 200.0).collect()
}

fn report(name: &str, amount: f64, unit: &str, call: impl FnMut()) {
    let filter = std::env::args().nth(1).unwrap_or_default();
    if name.contains(&filter) {
        let seconds = time(call);
        println!("{name:52} {:10.2} us {:8.2} G{unit}/s", seconds * 1e6, amount / seconds / 1e9);
    }
}

fn functions(rows: usize, n: usize) {
    let (x, g) = (numbers(rows * n), numbers(rows * n));
    let classes: Vec<i64> = (0..rows).map(|row| (row * 7 % n) as i64).collect();
    let (mut out, mut few) = (vec![0.0; rows * n], vec![0.0; rows]);
    let amount = (rows * n) as f64;
    let epsilon = Epsilon::new(1e-5);
    let line = |function: RowFunction, operands: &[Rows<'_, f32>], out: &mut [f32]| {
        report(&format!("{} [{rows}, {n}]", function.name()), amount, "elements", || {
            apply(function, rows, black_box(operands), out);
            black_box(&out);
        });
    };
    let (x_rows, g_rows, class_rows) = (Rows::Float(&x[..]), Rows::Float(&g[..]), Rows::Index(&classes[..]));
    line(RowFunction::Softmax, &[x_rows], &mut out);
    line(RowFunction::SoftmaxGradient, &[x_rows, g_rows], &mut out);
    line(RowFunction::CrossEntropy, &[x_rows, class_rows], &mut few);
    line(RowFunction::CrossEntropyGradient, &[x_rows, class_rows, Rows::Float(&g[..rows])], &mut out);
    line(RowFunction::Normalize(epsilon), &[x_rows], &mut out);
    line(RowFunction::NormalizeGradient(epsilon), &[x_rows, g_rows], &mut out);
    let rows_of = Axes { outer: rows, reduced: n, inner: 1 };
    let mut chosen = vec![0.0f32; rows * n];
    report(&format!("cross_entropy step by step [{rows}, {n}]"), amount, "elements", || {
        softmax::log_softmax(&x, n, &mut out);
        let _ = gather::one_hot(&classes, n, &mut chosen);
        chosen.iter_mut().zip(&out).for_each(|(c, &y)| *c = if *c == 0.0 { 0.0 } else { y });
        sum(&chosen, rows_of, 0..rows, &mut few);
        few.iter_mut().for_each(|loss| *loss = -*loss);
        black_box(&few);
    });
    report(&format!("normalize step by step [{rows}, {n}]"), amount, "elements", || {
        let scale = 1.0 / n as f32;
        sum(&x, rows_of, 0..rows, &mut few);
        few.iter_mut().for_each(|mean| *mean *= scale);
        for ((out, x), mean) in out.chunks_exact_mut(n).zip(x.chunks_exact(n)).zip(&few) {
            out.iter_mut().zip(x).for_each(|(out, x)| *out = x - mean);
        }
        chosen.iter_mut().zip(&out).for_each(|(square, centered)| *square = centered * centered);
        sum(&chosen, rows_of, 0..rows, &mut few);
        few.iter_mut().for_each(|variance| *variance = (*variance * scale + 1e-5).sqrt());
        for (out, deviation) in out.chunks_exact_mut(n).zip(&few) {
            out.iter_mut().for_each(|out| *out /= deviation);
        }
        black_box(&out);
    });
}

/// Scores, probabilities and values of every head, each in a pass of its own, from heads laid out apart.
fn step_by_step(sizes: &Attention, sequences: usize) {
    let Attention { length, heads, depth, .. } = *sizes;
    let batch = sequences * heads;
    let head = length * depth;
    let (query, key, value) = (numbers(batch * head), numbers(batch * head), numbers(batch * head));
    let mut scores = vec![0.0f32; batch * length * length];
    let (mut probabilities, mut out) = (scores.clone(), vec![0.0f32; batch * head]);
    let by_key =
        Product { b: Strides2::row_major(depth).transposed(), ..Product::row_major(length, length, depth) };
    let by_value = Product::row_major(length, depth, length);
    let mut scratch = vec![0.0; matmul_scratch_len::<f32>(&by_key).max(matmul_scratch_len::<f32>(&by_value))];
    let operations = (4 * batch * length * length * depth) as f64;
    report(&format!("attention step by step, {sequences} {sizes:?}"), operations, "FLOP", || {
        for i in 0..batch {
            let (a, b) = (&query[i * head..(i + 1) * head], &key[i * head..(i + 1) * head]);
            let c = &mut scores[i * length * length..(i + 1) * length * length];
            matmul(&by_key, 0..length, 0..length, a, b, c, Update::SET, &mut scratch);
        }
        scores.iter_mut().for_each(|score| *score *= 0.2);
        softmax::softmax(&scores, length, &mut probabilities);
        for i in 0..batch {
            let a = &probabilities[i * length * length..(i + 1) * length * length];
            let (b, c) = (&value[i * head..(i + 1) * head], &mut out[i * head..(i + 1) * head]);
            matmul(&by_value, 0..length, 0..depth, a, b, c, Update::SET, &mut scratch);
        }
        black_box(&out);
    });
}

fn attentions(sequences: usize, length: usize, heads: usize, depth: usize) {
    for causal in [false, true] {
        let sizes = Attention { length, heads, depth, causal };
        let packed = numbers(sequences * sizes.packed_len());
        let g = numbers(sequences * sizes.output_len());
        let (mut out, mut gradient) = (vec![0.0; g.len()], vec![0.0; packed.len()]);
        let mut scratch = vec![0.0; attention_scratch_len::<f32>(&sizes)];
        // What is asked for: with a mask, half of the square and the diagonal.
        let scores = if causal { length * (length + 1) / 2 } else { length * length };
        let operations = (4 * sequences * heads * depth * scores) as f64;
        let name = format!("{sequences}x{length}, {heads} heads of {depth}, causal {causal}");
        report(&format!("attention {name}"), operations, "FLOP", || {
            attention(&sizes, &packed, &mut out, &mut scratch);
            black_box(&out);
        });
        report(&format!("attention_gradient {name}"), operations * 2.5, "FLOP", || {
            attention_gradient(&sizes, &packed, &g, &mut gradient, &mut scratch);
            black_box(&gradient);
        });
    }
    step_by_step(&Attention { length, heads, depth, causal: false }, sequences);
}

fn cells(rows: usize, h: usize) {
    let (gates, c, g) = (numbers(rows * 4 * h), numbers(rows * h), numbers(rows * h));
    let operands = [Rows::Float(&gates[..]), Rows::Float(&c[..]), Rows::Float(&g[..]), Rows::Float(&g[..])];
    let (mut out, mut gradient) = (vec![0.0; rows * 2 * h], vec![0.0; rows * 5 * h]);
    report(&format!("lstm_cell [{rows}, {h}]"), c.len() as f64, "cells", || {
        apply(RowFunction::LstmCell, rows, black_box(&operands[..2]), &mut out);
        black_box(&out);
    });
    report(&format!("lstm_cell_gradient [{rows}, {h}]"), c.len() as f64, "cells", || {
        apply(RowFunction::LstmCellGradient, rows, black_box(&operands), &mut gradient);
        black_box(&gradient);
    });
}

/// Some rows of a table that is larger than any cache, other ones each time.
fn rows_of_a_table(rows: usize, row_len: usize, count: usize) {
    let mut table = vec![0.5f32; rows * row_len];
    let mut out = vec![0.25f32; count * row_len];
    let mut state = 1u64;
    let indices: Vec<Vec<i64>> = (0..512)
        .map(|_| {
            let mut index = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                ((state >> 33) as usize % rows) as i64
            };
            (0..count).map(|_| index()).collect()
        })
        .collect();
    let mut turn = indices.iter().cycle();
    let mut next = || turn.next().map_or(&[][..], |indices| indices);
    let amount = (4 * count * row_len) as f64;
    report(&format!("copy_rows {count} of [{rows}, {row_len}]"), amount, "B", || {
        gather::copy_rows(&table, row_len, next(), &mut out);
        black_box(&out);
    });
    report(&format!("copy_rows one by one {count} of [{rows}, {row_len}]"), amount, "B", || {
        for (out, &index) in out.chunks_exact_mut(row_len).zip(next()) {
            out.copy_from_slice(&table[index as usize * row_len..][..row_len]);
        }
        black_box(&out);
    });
    report(&format!("add_rows {count} of [{rows}, {row_len}]"), amount, "B", || {
        gather::add_rows(&mut table, row_len, next(), &out, -1e-3);
        black_box(&table);
    });
}

fn main() {
    println!("instruction set: {}", isa::current().name());
    for (rows, n) in [(1, 10), (32, 10), (128, 10), (1024, 64), (1024, 128)] {
        functions(rows, n);
    }
    cells(32, 128);
    rows_of_a_table(1_000_000, 64, 256);
    attentions(16, 64, 4, 32);
    attentions(4, 256, 4, 32);
    attentions(1, 1024, 4, 32);
    attentions(1, 1024, 4, 64);
}
