//! Convolution and pooling against the plain loops, over random geometries.

mod kernel_support;

use downhill_tensor::Float;
use downhill_tensor::kernels::conv::{
    Conv2dGeometry, Conv2dOptions, conv2d, conv2d_input_gradient, conv2d_scratch_len, conv2d_weight_gradient,
};
use downhill_tensor::kernels::naive;
use downhill_tensor::kernels::pool::{
    Pool2dGeometry, avg_pool2d, avg_pool2d_gradient, max_pool2d, max_pool2d_gather, max_pool2d_scatter,
};
use kernel_support::{assert_close, numbers, same_bits, to_f64};
use proptest::prelude::*;

fn pair(range: std::ops::Range<usize>) -> impl Strategy<Value = [usize; 2]> {
    prop::array::uniform2(range)
}

fn convolution() -> impl Strategy<Value = Conv2dGeometry> {
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

fn convolution_agrees<T: Float>(geometry: &Conv2dGeometry, images: usize) {
    let x = numbers::<T>(images * geometry.input_len(), 1);
    let weight = numbers::<T>(geometry.weight_len(), 2);
    let g = numbers::<T>(images * geometry.output_len(), 3);
    let (wide_x, wide_weight, wide_g) = (to_f64(&x), to_f64(&weight), to_f64(&g));
    let mut scratch = vec![T::NAN; conv2d_scratch_len::<T>(geometry)];
    let bound = T::EPSILON.to_f64() * 1000.0;

    let (mut out, mut expected) = (vec![T::NAN; g.len()], vec![f64::NAN; g.len()]);
    conv2d(geometry, &x, &weight, &mut out, &mut scratch);
    naive::conv2d(geometry, &wide_x, &wide_weight, &mut expected);
    assert_close(&out, &expected, bound);

    let (mut dx, mut expected) = (vec![T::NAN; x.len()], vec![f64::NAN; x.len()]);
    conv2d_input_gradient(geometry, &weight, &g, &mut dx, &mut scratch);
    naive::conv2d_input_gradient(geometry, &wide_weight, &wide_g, &mut expected);
    assert_close(&dx, &expected, bound);

    let mut dw = numbers::<T>(weight.len(), 4);
    let mut expected = to_f64(&dw);
    let (channels, window) =
        (geometry.out_channels, weight.len().checked_div(geometry.out_channels).unwrap_or(0));
    let start = dw.clone();
    conv2d_weight_gradient(geometry, 0..channels, &x, &g, &mut dw, true, &mut scratch);
    naive::conv2d_weight_gradient(geometry, &wide_x, &wide_g, &mut expected, true);
    let terms = (images * geometry.out_height * geometry.out_width) as f64;
    assert_close(&dw, &expected, bound + T::EPSILON.to_f64() * terms);

    let mut parts = start;
    let cut = channels / 2;
    let (left, right) = parts.split_at_mut(cut * window);
    conv2d_weight_gradient(geometry, 0..cut, &x, &g, left, true, &mut scratch);
    conv2d_weight_gradient(geometry, cut..channels, &x, &g, right, true, &mut scratch);
    assert!(same_bits(&parts, &dw), "the cut of the output channels changed a bit");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn convolutions_and_their_gradients_agree_with_the_seven_loops(
        geometry in convolution(),
        images in 0usize..4,
    ) {
        convolution_agrees::<f32>(&geometry, images);
        convolution_agrees::<f64>(&geometry, images);
    }

    #[test]
    fn images_do_not_touch_each_other(geometry in convolution()) {
        let x = numbers::<f32>(3 * geometry.input_len(), 1);
        let weight = numbers::<f32>(geometry.weight_len(), 2);
        let mut scratch = vec![f32::NAN; conv2d_scratch_len::<f32>(&geometry)];
        let (mut whole, mut single) = (vec![0.0; 3 * geometry.output_len()], vec![0.0; geometry.output_len()]);
        conv2d(&geometry, &x, &weight, &mut whole, &mut scratch);
        conv2d(&geometry, &x[geometry.input_len()..2 * geometry.input_len()], &weight, &mut single, &mut scratch);
        prop_assert!(same_bits(&whole[geometry.output_len()..2 * geometry.output_len()], &single));
    }

    #[test]
    fn pooling_and_its_gradients_agree_with_the_plain_loops(
        plane in pair(0..12), kernel in pair(1..5), stride in pair(1..4), padding in pair(0..3),
        planes in 0usize..4, ties in any::<bool>(), not_a_number in any::<bool>(),
    ) {
        if let Ok(geometry) = Pool2dGeometry::new(plane, kernel, stride, padding) {
            let mut x = numbers::<f32>(planes * geometry.input_len(), 1);
            if ties {
                x.iter_mut().for_each(|v| *v = (*v * 2.0).round());
            }
            if let (true, Some(middle)) = (not_a_number, x.len().checked_sub(1)) {
                x[middle / 2] = f32::NAN;
            }
            let u = numbers::<f32>(x.len(), 2);
            let g = numbers::<f32>(planes * geometry.output_len(), 3);
            let (wide_x, wide_u, wide_g) = (to_f64(&x), to_f64(&u), to_f64(&g));
            let (mut out, mut expected) = (vec![7.0; g.len()], vec![7.0; g.len()]);
            max_pool2d(&geometry, &x, &mut out);
            naive::max_pool2d(&geometry, &wide_x, &mut expected);
            assert_close(&out, &expected, 0.0);
            max_pool2d_gather(&geometry, &x, &u, &mut out);
            naive::max_pool2d_gather(&geometry, &wide_x, &wide_u, &mut expected);
            assert_close(&out, &expected, 0.0);
            avg_pool2d(&geometry, &x, &mut out);
            naive::avg_pool2d(&geometry, &wide_x, &mut expected);
            assert_close(&out, &expected, 1e-6);
            let (mut dx, mut expected) = (vec![7.0; x.len()], vec![7.0; x.len()]);
            max_pool2d_scatter(&geometry, &x, &g, &mut dx);
            naive::max_pool2d_scatter(&geometry, &wide_x, &wide_g, &mut expected);
            assert_close(&dx, &expected, 2e-6);
            avg_pool2d_gradient(&geometry, &g, &mut dx);
            naive::avg_pool2d_gradient(&geometry, &wide_g, &mut expected);
            assert_close(&dx, &expected, 2e-6);
        }
    }
}

#[test]
fn among_equals_the_first_of_the_window_gets_the_gradient() {
    let geometry = Pool2dGeometry::new([2, 4], [2, 2], [2, 2], [0, 0]).unwrap();
    let x = [1.0f32, 3.0, 5.0, 5.0, 3.0, 3.0, 5.0, 5.0];
    let mut dx = [9.0; 8];
    max_pool2d_scatter(&geometry, &x, &[1.0, 2.0], &mut dx);
    assert_eq!(dx, [0.0, 1.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn sizes_follow_the_formula() {
    let options = Conv2dOptions { stride: [2, 1], padding: [1, 2], dilation: [2, 1], groups: 1 };
    let geometry = Conv2dGeometry::new([3, 28, 20], [8, 3, 3, 5], options).unwrap();
    assert_eq!([geometry.out_height, geometry.out_width], [13, 20]);
    let geometry = Pool2dGeometry::new([28, 20], [3, 2], [2, 2], [1, 0]).unwrap();
    assert_eq!([geometry.out_height, geometry.out_width], [14, 10]);
}

#[test]
fn geometries_that_cannot_be_say_why() {
    let conv = |image, weight, options| Conv2dGeometry::new(image, weight, options).unwrap_err().to_string();
    let options = Conv2dOptions::default();
    assert!(conv([3, 8, 8], [4, 2, 3, 3], options).contains("weight's channels"));
    assert!(conv([3, 2, 8], [4, 3, 3, 3], options).contains("at most the padded image"));
    assert!(conv([3, 8, 8], [4, 3, 0, 3], options).contains("kernel must be at least 1"));
    assert!(conv([3, 8, 8], [4, 3, 3, 3], Conv2dOptions { groups: 2, ..options }).contains("groups"));
    assert!(conv([3, 8, 8], [4, 3, 3, 3], Conv2dOptions { groups: 0, ..options }).contains("groups"));
    assert!(conv([3, 8, 8], [4, 3, 3, 3], Conv2dOptions { stride: [0, 1], ..options }).contains("stride"));
    let huge = Conv2dOptions { padding: [usize::MAX, 0], dilation: [usize::MAX, 1], ..options };
    assert!(conv([3, 8, 8], [4, 3, 3, 3], huge).contains("at most the padded image"));
    let pool = |kernel, stride, padding| {
        Pool2dGeometry::new([4, 4], kernel, stride, padding).unwrap_err().to_string()
    };
    assert!(pool([0, 2], [1, 1], [0, 0]).contains("kernel must be at least 1"));
    assert!(pool([2, 2], [1, 1], [2, 0]).contains("at most half of the kernel"));
    assert!(pool([5, 2], [1, 1], [0, 0]).contains("at most the padded plane"));
}
