//! How fast convolutions run on this machine, on one thread: forward, gradient by the input, gradient by the
//! weights, in the arithmetic of the plain loops (an algorithm that needs less of it shows more).
//!
//! `cargo run --release -p downhill-tensor --example convolution_speed [FILTER]`
#![allow(clippy::print_stdout)]

use downhill_tensor::kernels::conv::{
    Conv2dGeometry, Conv2dOptions, Conv2dPart, conv2d, conv2d_input_gradient, conv2d_prepare,
    conv2d_prepared_len, conv2d_scratch_len, conv2d_weight_gradient,
};
use downhill_tensor::kernels::isa;
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

/// The best time of one call, in seconds, over three tenths of a second of calls.
fn time(mut call: impl FnMut()) -> f64 {
    call();
    let begin = Instant::now();
    let mut best = f64::INFINITY;
    while begin.elapsed().as_secs_f64() < 0.3 {
        let start = Instant::now();
        call();
        best = best.min(start.elapsed().as_secs_f64());
    }
    best
}

/// Times all that a layer needs, for images and weights of these sizes.
fn measure(
    images: usize,
    image: [usize; 3],
    weight: [usize; 4],
    options: Conv2dOptions,
) -> Result<(), Box<dyn Error>> {
    let geometry = Conv2dGeometry::new(image, weight, options)?;
    // Calls so short that other programs leave some of them alone.
    let of_image = 2.0 * (geometry.output_len() * geometry.weight_len() / geometry.out_channels) as f64;
    let images = images.min((3e8 / of_image) as usize).max(1);
    let mut x = vec![0.5f32; images * geometry.input_len()];
    let mut w = vec![0.25f32; geometry.weight_len()];
    let mut y = vec![0.125f32; images * geometry.output_len()];
    let operations = 2.0 * (y.len() * (geometry.weight_len() / geometry.out_channels)) as f64;
    let name = format!("{images}x{image:?} {weight:?}");
    let line = |part: &str, seconds: f64| {
        println!("{name:34} {part:16} {:10.1} us {:7.1} GFLOP/s", seconds * 1e6, operations / seconds / 1e9);
    };
    for part in [Conv2dPart::Forward, Conv2dPart::InputGradient, Conv2dPart::WeightGradient] {
        let mut prepared = vec![0.0; conv2d_prepared_len(&geometry, part)];
        let mut scratch = vec![0.0; conv2d_scratch_len::<f32>(&geometry, part)];
        let seconds = time(|| conv2d_prepare(&geometry, part, &w, &mut prepared));
        if part != Conv2dPart::WeightGradient {
            println!("{name:34} {:16} {:10.1} us", "  prepare", seconds * 1e6);
        }
        match part {
            Conv2dPart::Forward => line(
                "forward",
                time(|| {
                    conv2d(&geometry, &prepared, &x, &mut y, &mut scratch);
                    black_box(&y);
                }),
            ),
            Conv2dPart::InputGradient => line(
                "input gradient",
                time(|| {
                    conv2d_input_gradient(&geometry, &prepared, &y, &mut x, &mut scratch);
                    black_box(&x);
                }),
            ),
            Conv2dPart::WeightGradient => line(
                "weight gradient",
                time(|| {
                    conv2d_weight_gradient(&geometry, 0..weight[0], &x, &y, &mut w, false, &mut scratch);
                    black_box(&w);
                }),
            ),
        }
        x.fill(0.5);
        y.fill(0.125);
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let filter = std::env::args().nth(1).unwrap_or_default();
    println!("instruction set: {}", isa::current().name());
    let plain = Conv2dOptions { padding: [1, 1], ..Conv2dOptions::default() };
    let halving = Conv2dOptions { stride: [2, 2], ..plain };
    let single = Conv2dOptions::default();
    let layers = [
        (64, [1, 28, 28], [16, 1, 3, 3], plain),
        (4, [1, 28, 28], [16, 1, 3, 3], plain),
        (64, [16, 14, 14], [32, 16, 3, 3], plain),
        (8, [16, 14, 14], [32, 16, 3, 3], plain),
        (32, [3, 32, 32], [64, 3, 3, 3], plain),
        (32, [64, 32, 32], [64, 64, 3, 3], plain),
        (32, [64, 16, 16], [128, 64, 3, 3], plain),
        (32, [128, 7, 7], [128, 128, 3, 3], plain),
        (32, [8, 28, 28], [8, 8, 3, 3], plain),
        (32, [32, 28, 28], [32, 1, 3, 3], Conv2dOptions { groups: 32, ..plain }),
        (32, [16, 28, 28], [32, 16, 5, 5], Conv2dOptions { padding: [2, 2], ..plain }),
        (32, [64, 16, 16], [64, 64, 3, 3], halving),
        (32, [64, 16, 16], [64, 64, 1, 1], single),
    ];
    for (images, image, weight, options) in layers {
        if format!("{images}x{image:?} {weight:?}").contains(&filter) {
            measure(images, image, weight, options)?;
        }
    }
    Ok(())
}
