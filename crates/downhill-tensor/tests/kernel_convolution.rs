//! Convolution and its gradients against the plain loops in double precision, over random geometries and all
//! instruction sets.
//!
//! The bound: an element is off by at most `BOUND` units of rounding of the largest element of the result (or
//! of 1, if that is larger).

mod kernel_support;

use downhill_tensor::Float;
use downhill_tensor::kernels::conv::{
    Conv2dGeometry, Conv2dOptions, Conv2dPart, conv2d_input_gradient_with, conv2d_prepare_with,
    conv2d_prepared_len, conv2d_scratch_len, conv2d_weight_gradient_with, conv2d_with,
};
use downhill_tensor::kernels::isa::{Isa, current};
use downhill_tensor::kernels::naive;
use kernel_support::{assert_close, numbers, same_bits, to_f64};
use proptest::prelude::*;
use std::ops::Range;

/// In units of the precision's `EPSILON`.
const BOUND: f64 = 64.0;

/// One convolution on one instruction set.
#[derive(Clone, Copy)]
struct Kernels<'a> {
    isa: Isa,
    geometry: &'a Conv2dGeometry,
}

impl Kernels<'_> {
    fn scratch<T: Float>(&self, part: Conv2dPart) -> Vec<T> {
        vec![T::NAN; conv2d_scratch_len::<T>(self.geometry, part)]
    }

    fn prepared<T: Float>(&self, part: Conv2dPart, weights: &[T]) -> Vec<T> {
        let mut prepared = vec![T::NAN; conv2d_prepared_len(self.geometry, part)];
        conv2d_prepare_with(self.isa, self.geometry, part, weights, &mut prepared);
        prepared
    }

    fn forward<T: Float>(&self, x: &[T], prepared: &[T]) -> Vec<T> {
        let images = x.len().checked_div(self.geometry.input_len()).unwrap_or(0);
        let mut out = vec![T::NAN; images * self.geometry.output_len()];
        let mut scratch = self.scratch(Conv2dPart::Forward);
        conv2d_with(self.isa, self.geometry, prepared, x, &mut out, &mut scratch);
        out
    }

    fn input_gradient<T: Float>(&self, g: &[T], prepared: &[T], images: usize) -> Vec<T> {
        let mut dx = vec![T::NAN; images * self.geometry.input_len()];
        let mut scratch = self.scratch(Conv2dPart::InputGradient);
        conv2d_input_gradient_with(self.isa, self.geometry, prepared, g, &mut dx, &mut scratch);
        dx
    }

    fn weight_gradient<T: Float>(
        &self,
        x: &[T],
        g: &[T],
        part: Range<usize>,
        dw: &mut [T],
        accumulate: bool,
    ) {
        let mut scratch = self.scratch(Conv2dPart::WeightGradient);
        conv2d_weight_gradient_with(self.isa, self.geometry, part, x, g, dw, accumulate, &mut scratch);
    }
}

fn pair(range: Range<usize>) -> impl Strategy<Value = [usize; 2]> {
    prop::array::uniform2(range)
}

/// Geometries of all kinds, small.
fn any_geometry() -> impl Strategy<Value = Conv2dGeometry> {
    let kernel = prop_oneof![1 => Just([1, 1]), 2 => Just([3, 3]), 3 => pair(1..5)];
    let options = (prop_oneof![Just([1, 1]), pair(1..4)], pair(0..3), prop_oneof![Just([1, 1]), pair(1..3)]);
    ((1usize..4, 0usize..4, 0usize..5), prop_oneof![4 => pair(0..12), 1 => pair(30..50)], kernel, options)
        .prop_filter_map(
            "the window must fit",
            |((groups, group_in, group_out), [height, width], kernel, (stride, padding, dilation))| {
                let options = Conv2dOptions { stride, padding, dilation, groups };
                let weight = [group_out * groups, group_in, kernel[0], kernel[1]];
                Conv2dGeometry::new([group_in * groups, height, width], weight, options).ok()
            },
        )
}

/// Windows 3 × 3 side by side, over channels enough for any way of computing them, and planes of one place
/// up to several tiles.
fn three_by_three() -> impl Strategy<Value = Conv2dGeometry> {
    let channels = || prop_oneof![4 => 1usize..20, 2 => Just(16), 1 => 60usize..70];
    let length = || prop_oneof![1 => 1usize..10, 1 => 10usize..20];
    ((1usize..3, channels(), channels()), (length(), length()), pair(0..4)).prop_filter_map(
        "the window must fit",
        |((groups, group_in, group_out), (height, width), padding)| {
            let options = Conv2dOptions { padding, groups, ..Conv2dOptions::default() };
            let weight = [group_out * groups, group_in, 3, 3];
            Conv2dGeometry::new([group_in * groups, height, width], weight, options).ok()
        },
    )
}

#[track_caller]
fn assert_within_bound<T: Float>(actual: &[T], expected: &[f64]) {
    let largest = expected.iter().fold(1.0f64, |largest, v| largest.max(v.abs()));
    assert_close(actual, expected, BOUND * T::EPSILON.to_f64() * largest);
}

/// Compares all three parts with the plain loops, and parts of the work with the whole.
fn agrees<T: Float>(isa: Isa, geometry: &Conv2dGeometry, images: usize) {
    let kernels = Kernels { isa, geometry };
    let (input, output) = (geometry.input_len(), geometry.output_len());
    let x = numbers::<T>(images * input, 1);
    let weight = numbers::<T>(geometry.weight_len(), 2);
    let g = numbers::<T>(images * output, 3);
    let (wide_x, wide_weight, wide_g) = (to_f64(&x), to_f64(&weight), to_f64(&g));
    let first = images / 2;

    let mut expected = vec![f64::NAN; g.len()];
    naive::conv2d(geometry, &wide_x, &wide_weight, &mut expected);
    let prepared = kernels.prepared(Conv2dPart::Forward, &weight);
    if output > 0 && input > 0 {
        let out = kernels.forward(&x, &prepared);
        assert_within_bound(&out, &expected);
        let (left, right) = x.split_at(first * input);
        let parts = [kernels.forward(left, &prepared), kernels.forward(right, &prepared)].concat();
        assert!(same_bits(&parts, &out), "the cut of the images changed a bit");
    }

    let mut expected = vec![f64::NAN; x.len()];
    naive::conv2d_input_gradient(geometry, &wide_weight, &wide_g, &mut expected);
    let prepared = kernels.prepared(Conv2dPart::InputGradient, &weight);
    let dx = kernels.input_gradient(&g, &prepared, images);
    assert_within_bound(&dx, &expected);
    let (left, right) = g.split_at(first * output);
    let parts = [(left, first), (right, images - first)];
    let parts = parts.map(|(g, images)| kernels.input_gradient(g, &prepared, images)).concat();
    assert!(same_bits(&parts, &dx), "the cut of the images changed a bit");

    let start = numbers::<T>(weight.len(), 4);
    let mut expected = to_f64(&start);
    naive::conv2d_weight_gradient(geometry, &wide_x, &wide_g, &mut expected, true);
    let channels = geometry.out_channels;
    let mut dw = start.clone();
    kernels.weight_gradient(&x, &g, 0..channels, &mut dw, true);
    assert_within_bound(&dw, &expected);
    let (mut parts, cut) = (start, channels / 2);
    let (left, right) = parts.split_at_mut(weight.len().checked_div(channels).unwrap_or(0) * cut);
    kernels.weight_gradient(&x, &g, 0..cut, left, true);
    kernels.weight_gradient(&x, &g, cut..channels, right, true);
    assert!(same_bits(&parts, &dw), "the cut of the output channels changed a bit");
    let mut expected = vec![f64::NAN; weight.len()];
    naive::conv2d_weight_gradient(geometry, &wide_x, &wide_g, &mut expected, false);
    dw.fill(T::NAN);
    kernels.weight_gradient(&x, &g, 0..channels, &mut dw, false);
    assert_within_bound(&dw, &expected);
}

fn agrees_everywhere(geometry: &Conv2dGeometry, images: usize) {
    for isa in Isa::available() {
        agrees::<f32>(isa, geometry, images);
        agrees::<f64>(isa, geometry, images);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn convolutions_and_their_gradients_agree_with_the_seven_loops(
        geometry in any_geometry(),
        images in 0usize..4,
    ) {
        agrees_everywhere(&geometry, images);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn windows_of_three_by_three_agree_with_the_seven_loops(
        geometry in three_by_three(),
        images in 0usize..4,
    ) {
        agrees_everywhere(&geometry, images);
    }
}

/// The layers of small networks for images, as a training step meets them.
#[test]
fn whole_layers_stay_within_the_bound() {
    let options = Conv2dOptions { padding: [1, 1], ..Conv2dOptions::default() };
    let layers = [
        (4, [1, 28, 28], 16),
        (4, [16, 14, 14], 32),
        (2, [3, 32, 32], 64),
        (2, [64, 32, 32], 64),
        (2, [64, 16, 16], 128),
    ];
    for (images, image, outputs) in layers {
        let geometry = Conv2dGeometry::new(image, [outputs, image[0], 3, 3], options).unwrap();
        agrees::<f32>(current(), &geometry, images);
    }
}

/// What large weights and images that are not centred do to the interpolation.
#[test]
fn numbers_of_one_sign_and_of_many_sizes_stay_within_the_bound() {
    let options = Conv2dOptions { padding: [1, 1], ..Conv2dOptions::default() };
    let geometry = Conv2dGeometry::new([64, 16, 16], [64, 64, 3, 3], options).unwrap();
    let kernels = Kernels { isa: current(), geometry: &geometry };
    let x: Vec<f32> = numbers(geometry.input_len(), 1);
    let weight: Vec<f32> = numbers(geometry.weight_len(), 2);
    let shapes: [fn(f32) -> f32; 3] = [|v| v.max(0.0), |v| v + 1.0, |v| v * (16.0 * v).exp2()];
    for shape in shapes {
        let x: Vec<f32> = x.iter().map(|&v| shape(v)).collect();
        let out = kernels.forward(&x, &kernels.prepared(Conv2dPart::Forward, &weight));
        let mut expected = vec![0.0; out.len()];
        naive::conv2d(&geometry, &to_f64(&x), &to_f64(&weight), &mut expected);
        assert_within_bound(&out, &expected);
    }
}

#[test]
fn sums_over_images_go_on_where_they_stopped() {
    let options = Conv2dOptions { padding: [1, 1], ..Conv2dOptions::default() };
    let geometry = Conv2dGeometry::new([16, 6, 5], [8, 16, 3, 3], options).unwrap();
    let kernels = Kernels { isa: current(), geometry: &geometry };
    let x: Vec<f32> = numbers(4 * geometry.input_len(), 1);
    let g: Vec<f32> = numbers(4 * geometry.output_len(), 2);
    let mut dw = vec![f32::NAN; geometry.weight_len()];
    let cut = (2 * geometry.input_len(), 2 * geometry.output_len());
    kernels.weight_gradient(&x[..cut.0], &g[..cut.1], 0..8, &mut dw, false);
    kernels.weight_gradient(&x[cut.0..], &g[cut.1..], 0..8, &mut dw, true);
    let mut expected = vec![0.0; dw.len()];
    naive::conv2d_weight_gradient(&geometry, &to_f64(&x), &to_f64(&g), &mut expected, false);
    assert_within_bound(&dw, &expected);
}
