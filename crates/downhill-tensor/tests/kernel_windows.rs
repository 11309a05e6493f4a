//! Pooling against the plain loops, over random geometries, and the sizes of windows.

mod kernel_support;

use downhill_tensor::kernels::conv::{Conv2dGeometry, Conv2dOptions};
use downhill_tensor::kernels::naive;
use downhill_tensor::kernels::pool::{
    Pool2dGeometry, avg_pool2d, avg_pool2d_gradient, max_pool2d, max_pool2d_gather, max_pool2d_scatter,
};
use kernel_support::{assert_close, numbers, to_f64};
use proptest::prelude::*;

fn pair(range: std::ops::Range<usize>) -> impl Strategy<Value = [usize; 2]> {
    prop::array::uniform2(range)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn pooling_and_its_gradients_agree_with_the_plain_loops(
        plane in prop_oneof![2 => pair(0..12), 1 => pair(12..40)], kernel in prop_oneof![2 => pair(1..5), 1 => Just([2, 2])], stride in prop_oneof![1 => pair(1..4), 1 => Just([2, 2])], padding in prop_oneof![1 => pair(0..3), 1 => Just([0, 0])],
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

proptest! {
    #[test]
    fn a_window_of_the_whole_plane_gives_its_mean(plane in pair(1..40), planes in 1usize..4) {
        let geometry = Pool2dGeometry::new(plane, plane, [1, 1], [0, 0]).unwrap();
        let x = numbers::<f32>(planes * geometry.input_len(), 1);
        let (mut out, mut expected) = (vec![7.0; planes], vec![7.0; planes]);
        avg_pool2d(&geometry, &x, &mut out);
        naive::avg_pool2d(&geometry, &to_f64(&x), &mut expected);
        assert_close(&out, &expected, 1e-6);
        let (mut dx, mut expected) = (vec![7.0; x.len()], vec![7.0; x.len()]);
        avg_pool2d_gradient(&geometry, &out, &mut dx);
        naive::avg_pool2d_gradient(&geometry, &to_f64(&out), &mut expected);
        assert_close(&dx, &expected, 1e-6);
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

#[test]
fn a_window_of_negative_infinities_gives_its_gradient_to_the_first() {
    // Windows of three do not halve the plane; both ways through must hold.
    for (size, window) in [(2, 2), (3, 3)] {
        let geometry = Pool2dGeometry::new([size; 2], [window; 2], [window; 2], [0, 0]).unwrap();
        let x = vec![f32::NEG_INFINITY; size * size];
        let mut dx = vec![9.0; size * size];
        max_pool2d_scatter(&geometry, &x, &[2.0], &mut dx);
        assert_eq!(dx[0], 2.0, "windows of {window}");
        assert!(dx[1..].iter().all(|&dx| dx == 0.0), "windows of {window}: {dx:?}");
    }
}
