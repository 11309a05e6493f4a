//! The polynomial functions against f64, over dense sweeps of all f32 numbers.

use downhill_tensor::kernels::math;
use downhill_tensor::kernels::scalar::{Binary, Unary};

/// The distance of a result from the exact value, in units in the last place of the exact value.
fn ulp_error(actual: f32, exact: f64) -> f64 {
    let rounded = exact as f32;
    if actual == rounded || (actual.is_nan() && exact.is_nan()) {
        return 0.0;
    }
    let magnitude = rounded.abs().clamp(f32::MIN_POSITIVE, f32::MAX);
    let unit = f64::from(f32::from_bits(magnitude.to_bits() + 1)) - f64::from(magnitude);
    let unit = if unit.is_finite() { unit } else { f64::from(f32::MAX) * 2f64.powi(-24) };
    (f64::from(actual) - exact).abs() / unit
}

/// The greatest error over numbers of both signs, 2003 apart in the order of their bits.
fn worst(f: impl Fn(f32) -> f32, exact: impl Fn(f64) -> f64, suits: impl Fn(f32) -> bool) -> (f64, f32) {
    let mut worst = (0.0, 0.0);
    for bits in (0..=u32::MAX).step_by(2003) {
        let x = f32::from_bits(bits);
        if suits(x) {
            let error = ulp_error(f(x), exact(f64::from(x)));
            if error > worst.0 || error.is_nan() {
                worst = (error, x);
            }
        }
    }
    worst
}

#[track_caller]
fn assert_within(bound: f64, (error, x): (f64, f32)) {
    assert!(error <= bound, "{error} ulp at {x:e}");
}

#[test]
fn exp_is_within_two_ulp() {
    assert_within(2.0, worst(math::exp, f64::exp, |_| true));
}

#[test]
fn ln_is_within_two_ulp() {
    assert_within(2.0, worst(math::ln, f64::ln, |_| true));
}

#[test]
fn exp_m1_is_within_three_ulp() {
    assert_within(3.0, worst(math::exp_m1, f64::exp_m1, |_| true));
}

#[test]
fn ln_1p_is_within_three_ulp() {
    assert_within(3.0, worst(math::ln_1p, f64::ln_1p, |_| true));
}

#[test]
fn tanh_is_within_three_ulp() {
    assert_within(3.0, worst(math::tanh, f64::tanh, |_| true));
}

#[test]
fn sigmoid_is_within_three_ulp_where_it_is_normal() {
    assert_within(3.0, worst(math::sigmoid, |x| 1.0 / (1.0 + (-x).exp()), |x| x >= -87.0 || x.is_nan()));
}

#[test]
fn erf_is_within_four_ulp_of_its_double_precision_form() {
    assert_within(4.0, worst(math::erf, math::erf::<f64>, |_| true));
}

#[test]
fn softplus_is_within_four_ulp_where_it_is_normal() {
    let exact = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    assert_within(4.0, worst(math::softplus, exact, |x| x >= -87.0));
}

#[test]
fn scalar_functions_are_within_four_ulp_where_they_are_normal() {
    for function in Unary::ALL {
        let exact = |x: f64| function.apply(x);
        let normal = |x: f32| {
            let y = exact(f64::from(x)).abs();
            y == 0.0 || y >= f64::from(f32::MIN_POSITIVE)
        };
        let (error, x) = worst(|x| function.apply(x), exact, normal);
        assert!(error <= 4.0, "{}: {error} ulp at {x:e}", function.name());
    }
}

#[test]
fn powers_are_within_two_ulp_where_they_are_normal() {
    for exponent in [-2.5f32, -1.0, -0.5, 0.0, 0.3, 0.5, 1.0, 1.7, 2.0, 3.0, 10.0] {
        let exact = |x: f64| x.powf(f64::from(exponent));
        let normal = |x: f32| {
            let y = exact(f64::from(x)).abs();
            !x.is_nan() && (y == 0.0 || y >= f64::from(f32::MIN_POSITIVE))
        };
        assert_within(2.0, worst(|x| Binary::Pow.apply(x, exponent), exact, normal));
    }
}

#[test]
fn gelu_is_within_eight_ulp_where_it_is_normal() {
    let normal = |x: f32| (x >= -12.9 && x.abs() >= 1e-37) || x.is_nan();
    assert_within(8.0, worst(math::gelu, math::gelu::<f64>, normal));
}

#[test]
fn gelu_slope_is_within_three_ulp_from_0_on_and_close_below() {
    assert_within(3.0, worst(math::gelu_slope, math::gelu_slope::<f64>, |x| x >= 0.0 || x.is_nan()));
    for bits in ((-0f32).to_bits()..=f32::NEG_INFINITY.to_bits()).step_by(2003) {
        let x = f32::from_bits(bits);
        let error = (f64::from(math::gelu_slope(x)) - math::gelu_slope(f64::from(x))).abs();
        assert!(error <= 2f64.powi(-22), "{error} at {x:e}");
    }
}

#[test]
fn gelu_and_its_slope_in_double_precision_follow_from_the_error_function() {
    for x in (-80..=80).map(|i| f64::from(i) / 10.0) {
        let (phi, density) =
            (0.5 * (1.0 + libm::erf(x / 2f64.sqrt())), (-0.5 * x * x).exp() / std::f64::consts::TAU.sqrt());
        assert!((math::gelu(x) - x * phi).abs() <= 1e-14, "gelu at {x}");
        assert!((math::gelu_slope(x) - (phi + x * density)).abs() <= 1e-14, "slope at {x}");
    }
}

#[test]
fn extremes_are_what_they_should_be() {
    assert_eq!(math::exp(f32::NEG_INFINITY), 0.0);
    assert_eq!(math::exp(f32::INFINITY), f32::INFINITY);
    assert_eq!(math::exp(0.0f32), 1.0);
    assert_eq!(math::ln(0.0f32), f32::NEG_INFINITY);
    assert_eq!(math::ln(f32::INFINITY), f32::INFINITY);
    assert!(math::ln(-1.0f32).is_nan());
    assert_eq!([-1.0, 0.0, f32::INFINITY].map(math::ln_1p), [f32::NEG_INFINITY, 0.0, f32::INFINITY]);
    assert_eq!([f32::NEG_INFINITY, 0.0, f32::INFINITY].map(math::exp_m1), [-1.0, 0.0, f32::INFINITY]);
    assert!(math::exp_m1(-0.0f32).is_sign_negative() && math::ln_1p(-0.0f32).is_sign_negative());
    assert_eq!([f32::NEG_INFINITY, 0.0, f32::INFINITY].map(math::tanh), [-1.0, 0.0, 1.0]);
    assert!(math::tanh(-0.0f32).is_sign_negative() && math::erf(-0.0f32).is_sign_negative());
    assert_eq!([f32::NEG_INFINITY, 0.0, f32::INFINITY].map(math::sigmoid), [0.0, 0.5, 1.0]);
    assert_eq!([f32::NEG_INFINITY, 0.0, f32::INFINITY].map(math::erf), [-1.0, 0.0, 1.0]);
    assert_eq!(
        [f32::NEG_INFINITY, -100.0, 0.0, f32::INFINITY].map(math::gelu),
        [0.0, 0.0, 0.0, f32::INFINITY]
    );
    assert_eq!(
        [f64::NEG_INFINITY, -100.0, 0.0, f64::INFINITY].map(math::gelu),
        [0.0, 0.0, 0.0, f64::INFINITY]
    );
    assert_eq!([f32::NEG_INFINITY, 0.0, f32::INFINITY].map(math::gelu_slope), [0.0, 0.5, 1.0]);
    assert_eq!([f64::NEG_INFINITY, 0.0, f64::INFINITY].map(math::gelu_slope), [0.0, 0.5, 1.0]);
    for f in [
        math::gelu::<f32>,
        math::gelu_slope,
        math::exp::<f32>,
        math::ln,
        math::exp_m1,
        math::ln_1p,
        math::tanh,
        math::sigmoid,
        math::erf,
    ] {
        assert!(f(f32::NAN).is_nan());
    }
}
