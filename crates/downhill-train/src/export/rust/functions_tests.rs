//! The functions of exported files, against the loops of this workspace.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "a file takes the functions that it needs, and a test may fail"
)]

use downhill_tensor::kernels::scalar::Unary;

include!("functions.rs");

/// From -8 to 8.
fn grid() -> Vec<f32> {
    (-800..=800).map(|step| step as f32 / 100.0).collect()
}

#[test]
fn activations_are_those_of_the_kernels() {
    for (function, kernel) in [
        (relu as fn(&mut [f32]), Unary::Relu),
        (sigmoid, Unary::Sigmoid),
        (tanh, Unary::Tanh),
        (gelu, Unary::Gelu),
        (|x| x.iter_mut().for_each(|x| *x = erf(*x)), Unary::Erf),
    ] {
        let mut results = grid();
        function(&mut results);
        for (x, y) in grid().into_iter().zip(results) {
            let expected: f32 = kernel.apply(x);
            assert!((y - expected).abs() <= 1e-6, "{kernel:?} of {x} is {y} instead of {expected}");
        }
    }
}

#[test]
fn shares_of_nothing_are_equal() {
    let mut x = [-1.0, -2.0, 0.0, -0.5];
    shares(&mut x);
    assert_eq!(x, [0.25; 4]);
    let mut x = [-1.0, 3.0, 1.0];
    shares(&mut x);
    assert_eq!(x, [0.0, 0.75, 0.25]);
}

#[test]
fn convolutions_see_the_channels_of_their_group_and_the_margin() {
    let window = Window {
        size: [1, 3],
        kernel: [1, 2],
        stride: [1, 2],
        padding: [0, 1],
        dilation: [1, 1],
        windows: [1, 2],
    };
    // Two groups of one channel each; windows at (margin, first) and (second, third).
    let mut y = [0.0; 4];
    convolve(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &window, 2, &[10.0, 1.0, 0.0, 1.0], &[0.5, 0.0], &mut y);
    assert_eq!(y, [1.5, 23.5, 4.0, 6.0]);
    let mut y = [0.0; 4];
    pool(&[-1.0, -2.0, -3.0, 4.0, 5.0, 6.0], &window, true, &mut y);
    assert_eq!(y, [-1.0, -2.0, 4.0, 6.0]);
    pool(&[-1.0, -2.0, -3.0, 4.0, 5.0, 6.0], &window, false, &mut y);
    assert_eq!(y, [-0.5, -2.5, 2.0, 5.5]);
}
