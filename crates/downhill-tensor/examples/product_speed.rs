//! How fast products of matrices run on this machine, on one thread: large, small, tiny, tall, one row.
//!
//! `cargo run --release -p downhill-tensor --example product_speed [FILTER]`
#![allow(clippy::print_stdout)]

use downhill_tensor::kernels::isa;
use downhill_tensor::kernels::matmul::{
    Prepared, Product, Strides2, Update, matmul, matmul_prepared, matmul_scratch_len, preparing_pays,
};
use std::hint::black_box;
use std::time::Instant;

/// The least time of one call, in seconds: short calls are timed many together, and the best of the
/// repetitions within a fifth of a second counts.
fn time(mut call: impl FnMut()) -> f64 {
    call();
    let start = Instant::now();
    (0..10).for_each(|_| call());
    let once = start.elapsed().as_secs_f64() / 10.0;
    let together = (20e-6 / once).clamp(1.0, 1000.0) as usize;
    let (begin, mut best) = (Instant::now(), f64::INFINITY);
    while begin.elapsed().as_secs_f64() < 0.2 {
        let start = Instant::now();
        (0..together).for_each(|_| call());
        best = best.min(start.elapsed().as_secs_f64() / together as f64);
    }
    best
}

/// The numbers from the first cache line on: vectors that straddle two lines take twice the loads.
fn at_cache_line(numbers: &mut [f32]) -> &mut [f32] {
    let offset = numbers.as_ptr().align_offset(64);
    &mut numbers[offset..]
}

/// Whether an operand lies transposed in memory.
#[derive(Clone, Copy, PartialEq)]
enum Lies {
    Plain,
    Transposed,
}
use Lies::{Plain, Transposed};

struct Report {
    filter: String,
}

impl Report {
    fn line(&self, group: &str, [m, k, n]: [usize; 3], a_lies: Lies, b_lies: Lies, accumulate: bool) {
        let mark = |lies| if lies == Transposed { "'" } else { " " };
        let name = format!(
            "{group:8} C{}= [{m},{k}]{} [{k},{n}]{}",
            if accumulate { "+" } else { " " },
            mark(a_lies),
            mark(b_lies)
        );
        if !name.contains(&self.filter) {
            return;
        }
        let strides = |lies, rows, columns| match lies {
            Plain => Strides2::row_major(columns),
            Transposed => Strides2::row_major(rows).transposed(),
        };
        let product =
            Product { a: strides(a_lies, m, k), b: strides(b_lies, k, n), ..Product::row_major(m, n, k) };
        let (mut a, mut b) = (vec![0.5f32; m * k + 16], vec![0.25f32; k * n + 16]);
        let mut c = vec![0.0; m * n + 16];
        let (a, b, c) = (at_cache_line(&mut a), at_cache_line(&mut b), at_cache_line(&mut c));
        let mut scratch = vec![0.0; matmul_scratch_len::<f32>(&product)];
        let update = if accumulate { Update::add_scaled(0.5) } else { Update::SET };
        let seconds = time(|| {
            matmul(black_box(&product), 0..m, 0..n, a, b, c, update, &mut scratch);
            black_box(&c);
        });
        let operations = 2.0 * (m * n * k) as f64;
        let bytes = 4.0 * (m * k + k * n + m * n * (1 + usize::from(accumulate))) as f64;
        println!(
            "{name:48} {:12.3} us {:8.1} GFLOP/s {:8.1} GB/s",
            seconds * 1e6,
            operations / seconds / 1e9,
            bytes / seconds / 1e9
        );
    }
}

impl Report {
    /// A product in blocks of rows, B as it lies and prepared before.
    fn blocks(&self, rows: usize, [m, k, n]: [usize; 3], b_lies: Lies) {
        let name = format!("{m} rows by {rows} [{k},{n}]{}", if b_lies == Plain { " " } else { "'" });
        if !name.contains(&self.filter) {
            return;
        }
        let mut product = Product::row_major(m, n, k);
        if b_lies == Transposed {
            product.b = Strides2::row_major(k).transposed();
        }
        let form = Prepared::new::<f32>(isa::current(), &product);
        let (mut a, mut b) = (vec![0.5f32; m * k + 16], vec![0.25f32; k * n + 16]);
        let (mut c, mut panels) = (vec![0.0; m * n + 16], vec![0.0; form.len() + 16]);
        let (a, b, c) = (at_cache_line(&mut a), at_cache_line(&mut b), at_cache_line(&mut c));
        let panels = &mut at_cache_line(&mut panels)[..form.len()];
        let mut scratch = vec![0.0; matmul_scratch_len::<f32>(&product)];
        let parts = || (0..m).step_by(rows).map(|row| row..m.min(row + rows));
        let prepare = time(|| form.fill(0..form.panels(), b, panels));
        let plain = time(|| {
            parts().for_each(|rows| matmul(&product, rows, 0..n, a, b, c, Update::SET, &mut scratch))
        });
        let prepared = time(|| {
            parts().for_each(|rows| {
                matmul_prepared(&form, rows, 0..n, a, panels, c, Update::SET, &mut scratch);
            });
        });
        println!(
            "{name:48} {:10.3} us, prepared {:10.3} us and {:8.3} us once; pays: {}",
            plain * 1e6,
            prepared * 1e6,
            prepare * 1e6,
            preparing_pays::<f32>(&product, rows, product.m),
        );
    }
}

fn main() {
    let report = Report { filter: std::env::args().nth(1).unwrap_or_default() };
    println!("instruction set: {}", isa::current().name());

    for (size, a, b) in [
        ([4, 2, 8], Plain, Plain),
        ([4, 8, 1], Plain, Plain),
        ([8, 4, 1], Transposed, Plain),
        ([8, 4, 1], Plain, Plain),
        ([2, 4, 8], Transposed, Plain),
        ([2, 4, 8], Plain, Plain),
        ([4, 1, 8], Plain, Transposed),
        ([4, 8, 2], Plain, Transposed),
        ([1, 1, 1], Plain, Plain),
        ([10, 16, 16], Plain, Plain),
        ([10, 16, 10], Plain, Plain),
        ([10, 10, 16], Plain, Transposed),
        ([10, 16, 16], Plain, Transposed),
        ([16, 10, 10], Transposed, Plain),
        ([16, 10, 16], Transposed, Plain),
    ] {
        report.line("tiny", size, a, b, false);
    }
    for (size, b) in [
        ([1, 784, 128], Plain),
        ([1, 128, 10], Plain),
        ([1, 128, 784], Transposed),
        ([1, 10, 128], Transposed),
        ([1, 128, 512], Plain),
    ] {
        report.line("row", size, Plain, b, false);
    }
    for size in [[784, 1, 128], [128, 1, 10]] {
        report.line("outer", size, Plain, Plain, false);
        report.line("outer", size, Plain, Plain, true);
    }
    for batch in [32, 128] {
        report.line("narrow", [batch, 128, 10], Plain, Plain, false);
        report.line("narrow", [batch, 10, 128], Plain, Transposed, false);
        report.line("narrow", [128, batch, 10], Transposed, Plain, false);
    }
    for (size, a, b, accumulate) in [
        ([1024, 128, 10], Plain, Plain, false),
        ([128, 1024, 10], Transposed, Plain, true),
        ([10, 784, 16], Plain, Plain, false),
        ([784, 10, 16], Transposed, Plain, true),
        ([16, 784, 16], Plain, Plain, false),
        ([784, 1024, 128], Transposed, Plain, true),
        ([32, 784, 128], Plain, Plain, false),
        ([128, 784, 128], Plain, Plain, false),
        ([784, 32, 128], Transposed, Plain, false),
        ([784, 32, 128], Transposed, Plain, true),
        ([784, 128, 128], Transposed, Plain, true),
        ([64, 32, 64], Plain, Transposed, false),
        ([64, 64, 32], Plain, Plain, false),
        ([64, 64, 32], Transposed, Plain, false),
        ([64, 128, 512], Plain, Plain, false),
        ([64, 512, 128], Plain, Plain, false),
        ([64, 128, 384], Plain, Plain, false),
        ([64, 512, 128], Plain, Transposed, false),
        ([64, 128, 512], Plain, Transposed, false),
        ([128, 1024, 512], Transposed, Plain, true),
    ] {
        report.line("layers", size, a, b, accumulate);
    }
    report.line("lstm", [32, 128, 512], Plain, Plain, false);
    report.line("lstm", [32, 128, 512], Plain, Plain, true);
    report.line("lstm", [32, 512, 128], Plain, Transposed, false);
    report.line("lstm", [128, 32, 512], Transposed, Plain, true);
    for rows in [256, 4096, 65_536, 1_000_000] {
        let wide = if rows == 256 { 64 } else { 32 };
        report.line("tall", [rows, wide, 1], Plain, Plain, false);
        report.line("tall", [wide, rows, 1], Transposed, Plain, true);
    }
    for (rows, size, b) in [
        (64, [1024, 128, 512], Plain),
        (64, [1024, 512, 128], Plain),
        (64, [1024, 128, 384], Plain),
        (64, [1024, 128, 128], Plain),
        (64, [1024, 784, 128], Plain),
        (64, [1024, 128, 512], Transposed),
        (64, [1024, 512, 128], Transposed),
        (64, [1024, 64, 128], Plain),
        (16, [128, 784, 128], Plain),
        (16, [128, 128, 512], Plain),
        (32, [2048, 128, 512], Plain),
        (32, [2048, 512, 128], Transposed),
        (16, [128, 128, 10], Plain),
        (64, [1024, 128, 64], Plain),
        (128, [256, 128, 512], Plain),
    ] {
        report.blocks(rows, size, b);
    }
    for size in [512, 1024] {
        report.line("large", [size; 3], Plain, Plain, false);
        report.line("large", [size; 3], Transposed, Plain, false);
        report.line("large", [size; 3], Plain, Transposed, false);
    }
}
