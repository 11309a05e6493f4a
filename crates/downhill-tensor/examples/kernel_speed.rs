//! How fast the kernels run on this machine, on one thread: the shapes that training small networks meets.
//!
//! `cargo run --release -p downhill-tensor --example kernel_speed [FILTER]`
#![allow(clippy::print_stdout)]

use downhill_tensor::kernels::matmul::{Product, Strides2, Update, matmul, matmul_scratch_len};
use downhill_tensor::kernels::pool::{
    Pool2dGeometry, avg_pool2d, avg_pool2d_gradient, max_pool2d, max_pool2d_scatter,
};
use downhill_tensor::kernels::reduce::{Axes, argmax, sum};
use downhill_tensor::kernels::{copy, elementwise, isa, math, softmax};
use downhill_tensor::{Layout, Shape};
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

/// The best time of one call, in seconds, over a tenth of a second of calls.
fn time(mut call: impl FnMut()) -> f64 {
    call();
    let begin = Instant::now();
    let mut best = f64::INFINITY;
    while begin.elapsed().as_secs_f64() < 0.1 {
        let start = Instant::now();
        call();
        best = best.min(start.elapsed().as_secs_f64());
    }
    best
}

/// The numbers from the first cache line on: vectors that straddle two lines take twice the loads.
fn at_cache_line(numbers: &mut [f32]) -> &mut [f32] {
    let offset = numbers.as_ptr().align_offset(64);
    &mut numbers[offset..]
}

struct Report {
    filter: String,
}

impl Report {
    /// Prints the time of a call and how many billions of `unit` it did each second.
    fn line(&self, name: &str, amount: f64, unit: &str, call: impl FnMut()) {
        if name.contains(&self.filter) {
            let seconds = time(call);
            println!("{name:44} {:10.2} us {:8.1} G{unit}/s", seconds * 1e6, amount / seconds / 1e9);
        }
    }

    fn product(&self, name: &str, product: Product, a_len: usize, b_len: usize) {
        let (mut a, mut b) = (vec![0.5f32; a_len + 16], vec![0.25f32; b_len + 16]);
        let mut c = vec![0.0; product.m * product.n + 16];
        let (a, b, c) = (at_cache_line(&mut a), at_cache_line(&mut b), at_cache_line(&mut c));
        let mut scratch = vec![0.0; matmul_scratch_len::<f32>(&product)];
        let operations = 2.0 * (product.m * product.n * product.k) as f64;
        self.line(
            &format!("matmul {name} {}x{}x{}", product.m, product.k, product.n),
            operations,
            "FLOP",
            || {
                matmul(&product, 0..product.m, 0..product.n, a, b, c, Update::SET, &mut scratch);
                black_box(&c);
            },
        );
    }

    fn products(&self, m: usize, k: usize, n: usize) {
        let plain = Product::row_major(m, n, k);
        self.product("A B  ", plain, m * k, k * n);
        let first = Product { a: Strides2::row_major(m).transposed(), ..plain };
        self.product("A'B  ", first, m * k, k * n);
        let second = Product { b: Strides2::row_major(k).transposed(), ..plain };
        self.product("A B' ", second, m * k, k * n);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let report = Report { filter: std::env::args().nth(1).unwrap_or_default() };
    println!("instruction set: {}", isa::current().name());

    report.products(512, 512, 512);
    report.products(1024, 1024, 1024);
    for batch in [1, 10, 32, 128, 1024] {
        report.product("x W  ", Product::row_major(batch, 128, 784), batch * 784, 784 * 128);
        let weight =
            Product { a: Strides2::row_major(784).transposed(), ..Product::row_major(784, 128, batch) };
        report.product("x'dy ", weight, batch * 784, batch * 128);
        let input =
            Product { b: Strides2::row_major(128).transposed(), ..Product::row_major(batch, 784, 128) };
        report.product("dy W'", input, batch * 128, 784 * 128);
        report.products(batch, 128, 10);
    }
    report.product("x W  ", Product::row_major(10, 16, 784), 7840, 784 * 16);
    report.product("x w  ", Product::row_major(1 << 16, 1, 32), 1 << 21, 32);
    let gradient = Product { a: Strides2::row_major(32).transposed(), ..Product::row_major(32, 1, 1 << 16) };
    report.product("x'r  ", gradient, 1 << 21, 1 << 16);

    let n = 4096;
    let (x, mut y) = (vec![0.3f32; n], vec![0.0f32; n]);
    let (count, bytes) = (n as f64, 8.0 * n as f64);
    report.line("map relu 4096", bytes, "B", || {
        elementwise::map(&x, &mut y, |v| if v > 0.0 { v } else { 0.0 });
        black_box(&y);
    });
    for (name, f) in
        [("exp", 0), ("ln", 1), ("tanh", 2), ("sigmoid", 3), ("erf", 4), ("gelu", 5), ("gelu_slope", 6)]
    {
        report.line(&format!("map {name} 4096"), count, "elements", || {
            match f {
                0 => elementwise::map(&x, &mut y, math::exp),
                1 => elementwise::map(&x, &mut y, math::ln),
                2 => elementwise::map(&x, &mut y, math::tanh),
                3 => elementwise::map(&x, &mut y, math::sigmoid),
                4 => elementwise::map(&x, &mut y, math::erf),
                5 => elementwise::map(&x, &mut y, math::gelu),
                _ => elementwise::map(&x, &mut y, math::gelu_slope),
            }
            black_box(&y);
        });
    }
    let matrix = Layout::contiguous(Shape::from([128, 32]));
    let row = Layout::contiguous(Shape::from([32])).broadcast_to(matrix.shape())?;
    report.line("zip matrix + row [128, 32]", bytes, "B", || {
        elementwise::zip_strided((&x, &matrix), (&x, &row), 0..n, &mut y, |a, b| a + b);
        black_box(&y);
    });
    let transposed = Layout::contiguous(Shape::from([64, 64])).permute(&[1, 0])?;
    report.line("copy transposed [64, 64]", bytes, "B", || {
        copy::copy_strided(&x, &transposed, 0..n, &mut y);
        black_box(&y);
    });
    let mut sums = vec![0.0f32; 128];
    report.line("sum of all [4096]", 4.0 * count, "B", || {
        sum(&x, Axes { outer: 1, reduced: n, inner: 1 }, 0..1, &mut sums[..1]);
        black_box(&sums);
    });
    report.line("sum of rows [128, 32]", 4.0 * count, "B", || {
        sum(&x, Axes { outer: 128, reduced: 32, inner: 1 }, 0..128, &mut sums);
        black_box(&sums);
    });
    report.line("sum of columns [32, 128]", 4.0 * count, "B", || {
        sum(&x, Axes { outer: 1, reduced: 32, inner: 128 }, 0..128, &mut sums);
        black_box(&sums);
    });
    let mut places = vec![0i64; 400];
    report.line("argmax of rows [400, 10]", 400.0, "rows", || {
        argmax(&x[..4000], Axes { outer: 400, reduced: 10, inner: 1 }, 0..400, &mut places);
        black_box(&places);
    });
    report.line("softmax of rows [400, 10]", 4000.0, "elements", || {
        softmax::softmax(&x[..4000], 10, &mut y[..4000]);
        black_box(&y);
    });
    report.line("softmax of rows [4, 1024]", 4096.0, "elements", || {
        softmax::softmax(&x, 1024, &mut y);
        black_box(&y);
    });
    let geometry = Pool2dGeometry::new([28, 28], [2, 2], [2, 2], [0, 0])?;
    let mut pooled = vec![0.0f32; 16 * 196];
    // Without a pattern that a branch could learn.
    let planes: Vec<f32> = (0..16 * 784).map(|i: u32| (i.wrapping_mul(2_654_435_769) >> 8) as f32).collect();
    let mut gradient = vec![0.0f32; 16 * 784];
    report.line("max_pool2d 16x28x28 2x2", 4.0 * planes.len() as f64, "B", || {
        max_pool2d(&geometry, &planes, &mut pooled);
        black_box(&pooled);
    });
    report.line("max_pool2d_scatter 16x28x28 2x2", 4.0 * planes.len() as f64, "B", || {
        max_pool2d_scatter(&geometry, &planes, &pooled, &mut gradient);
        black_box(&gradient);
    });
    let geometry = Pool2dGeometry::new([28, 28], [28, 28], [1, 1], [0, 0])?;
    report.line("avg_pool2d 16x28x28 whole planes", 4.0 * planes.len() as f64, "B", || {
        avg_pool2d(&geometry, &planes, &mut pooled[..16]);
        black_box(&pooled);
    });
    report.line("avg_pool2d_gradient 16x28x28 whole planes", 4.0 * planes.len() as f64, "B", || {
        avg_pool2d_gradient(&geometry, &pooled[..16], &mut gradient);
        black_box(&gradient);
    });
    Ok(())
}
