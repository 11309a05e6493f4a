//! Exponentials and their kin, without branches, so that loops over them become vector instructions.
//!
//! In f32 these are polynomials in plain arithmetic (no fused operations, so the bits are the same on every
//! machine); in f64 they are those of the standard library and of `libm`. Each function states its greatest error in units in
//! the last place (ulp), which the tests check against f64 over dense sweeps.
//!
//! # Source
//! Argument reductions and the coefficients of `exp`, `ln` and `tanh`: Moshier, Cephes Mathematical Library
//! (single precision). Those of `erf` and of the normal distribution are least-maximum fits made for this file.

use crate::{DType, Float};

/// Calls the f32 form for f32 and the other for f64; the comparison and conversions vanish in compilation.
#[inline(always)]
fn choose<T: Float>(x: T, single: impl Fn(f32) -> f32, double: impl Fn(f64) -> f64) -> T {
    if T::DTYPE == DType::F32 {
        T::from_f64(f64::from(single(x.to_f64() as f32)))
    } else {
        T::from_f64(double(x.to_f64()))
    }
}

/// `e^x`: at most 2 ulp, subnormal results included.
#[inline(always)]
pub fn exp<T: Float>(x: T) -> T {
    choose(x, exp_f32, f64::exp)
}

/// The natural logarithm: at most 2 ulp; -infinity at 0, NaN below.
#[inline(always)]
pub fn ln<T: Float>(x: T) -> T {
    choose(x, ln_f32, f64::ln)
}

/// `e^x - 1`: at most 3 ulp, near 0 too.
#[inline(always)]
pub fn exp_m1<T: Float>(x: T) -> T {
    choose(x, exp_m1_f32, f64::exp_m1)
}

/// `ln(1 + x)`: at most 3 ulp, near 0 too.
#[inline(always)]
pub fn ln_1p<T: Float>(x: T) -> T {
    choose(x, ln_1p_f32, f64::ln_1p)
}

/// The hyperbolic tangent: at most 3 ulp.
#[inline(always)]
pub fn tanh<T: Float>(x: T) -> T {
    choose(x, tanh_f32, f64::tanh)
}

/// The logistic function `1 / (1 + e^-x)`: at most 3 ulp where the result is normal; subnormal results may
/// be 0.
#[inline(always)]
pub fn sigmoid<T: Float>(x: T) -> T {
    choose(
        x,
        #[inline(always)]
        |x| 1.0 / (1.0 + exp_f32(-x)),
        |x| 1.0 / (1.0 + (-x).exp()),
    )
}

/// `ln(1 + e^x)`, without overflow: at most 4 ulp where the result is normal; subnormal results may be 0.
#[inline(always)]
pub fn softplus<T: Float>(x: T) -> T {
    x.maximum(T::ZERO) + ln_1p(exp(-x.abs()))
}

const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23: adding it leaves the nearest integer in the low bits

/// `(e^r - 1, n)` with `x = n ln 2 + r` and r at most half of ln 2, for x from -104.5 to 89. A NaN gives a NaN.
#[inline(always)]
fn reduced_exp_m1(x: f32) -> (f32, i32) {
    reduced_exp_m1_of(x, 0.0)
}

/// [`reduced_exp_m1`] of `x - rest`, where the rest is so small that it does not move r far.
#[inline(always)]
fn reduced_exp_m1_of(x: f32, rest: f32) -> (f32, i32) {
    const LN_2_HIGH: f32 = 0.693_359_4; // 9 bits, so that its products with exponents are exact
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW - rest;
    // In pairs, so that fewer of the operations wait for one another.
    let square = r * r;
    let mut p = 1.987_569_1e-4 * r + 1.398_2e-3;
    p = p * square + (8.333_452e-3 * r + 4.166_579_6e-2);
    p = p * square + (1.666_666_5e-1 * r + 5e-1);
    (p * square + r, (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32))
}

#[inline(always)]
fn exp_f32(x: f32) -> f32 {
    // Beyond these the result is infinite or 0; a NaN passes through both comparisons.
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -104.5 { -104.5 } else { x };
    let (y, n) = reduced_exp_m1(x);
    // 2^n in two factors, for neither alone may overflow or be subnormal.
    let half = n >> 1;
    (y + 1.0) * power_of_two(half) * power_of_two(n.wrapping_sub(half))
}

#[inline(always)]
fn exp_m1_f32(x: f32) -> f32 {
    let low = if x < -30.0 { -30.0 } else { x };
    let low = if low > 80.0 { 80.0 } else { low };
    let (y, n) = reduced_exp_m1(low);
    let scale = power_of_two(n);
    let near = y * scale + (scale - 1.0);
    // From here on the 1 is far below the last place; and the sign of a zero is that of x.
    if x > 80.0 { exp_f32(x) } else { near.copysign(x) }
}

#[inline(always)]
fn ln_1p_f32(x: f32) -> f32 {
    // What 1 + x lost by rounding is added back to first order (Goldberg, "What Every Computer Scientist Should
    // Know About Floating-Point Arithmetic", 1991, theorem 4, in another form).
    let u = 1.0 + x;
    let y = ln_f32(u) + (x - (u - 1.0)) / u;
    let y = if u == 0.0 || u == f32::INFINITY { ln_f32(u) } else { y };
    if x == 0.0 { x } else { y }
}

#[inline(always)]
fn power_of_two(exponent: i32) -> f32 {
    f32::from_bits((exponent.wrapping_add(127) as u32) << 23)
}

#[inline(always)]
fn ln_f32(x: f32) -> f32 {
    let subnormal = x < f32::MIN_POSITIVE;
    let scaled = if subnormal { x * 8_388_608.0 } else { x };
    let bias = if subnormal { -23.0 } else { 0.0 };
    // x = m 2^e with m from sqrt(1/2) to sqrt(2).
    let bits = scaled.to_bits() as i32;
    let shifted = bits.wrapping_sub(std::f32::consts::FRAC_1_SQRT_2.to_bits() as i32);
    let e = (shifted >> 23) as f32 + bias;
    let m = f32::from_bits(bits.wrapping_sub(shifted & !0x7f_ffff) as u32);
    let r = m - 1.0;
    let mut p = 7.037_683_6e-2;
    p = p * r - 1.151_461e-1;
    p = p * r + 1.167_699_9e-1;
    p = p * r - 1.242_014_1e-1;
    p = p * r + 1.424_932_3e-1;
    p = p * r - 1.666_805_8e-1;
    p = p * r + 2.000_071_5e-1;
    p = p * r - 2.499_999_4e-1;
    p = p * r + 3.333_333e-1;
    let square = r * r;
    let y = p * (r * square) + e * -2.121_944_4e-4 - 0.5 * square;
    let y = (r + y) + e * 0.693_359_4;
    let y = if x == f32::INFINITY { x } else { y };
    let y = if x == 0.0 { f32::NEG_INFINITY } else { y };
    if x < 0.0 || x.is_nan() { f32::NAN } else { y }
}

#[inline(always)]
fn tanh_f32(x: f32) -> f32 {
    let magnitude = x.abs();
    let s = x * x;
    let mut p = -5.704_988_7e-3;
    p = p * s + 2.063_909e-2;
    p = p * s - 5.373_971_6e-2;
    p = p * s + 1.333_144_2e-1;
    p = p * s - 3.333_328e-1;
    let near = p * s * x + x;
    let far = 1.0 - 2.0 / (exp_f32(2.0 * magnitude) + 1.0);
    (if magnitude < 0.625 { near } else { far }).copysign(x)
}

/// The error function `2/√π ∫₀ˣ exp(-t²) dt`: at most 4 ulp.
#[inline(always)]
pub fn erf<T: Float>(x: T) -> T {
    choose(x, erf_f32, libm::erf)
}

#[inline(always)]
fn erf_f32(x: f32) -> f32 {
    // Below 1: x P(x²).
    let s = x * x;
    let mut p = 7.889_123e-5;
    p = p * s - 8.020_842e-4;
    p = p * s + 5.189_535_7e-3;
    p = p * s - 2.685_444_4e-2;
    p = p * s + 1.128_36e-1;
    p = p * s - 3.761_262_6e-1;
    p = p * s + 1.283_791_7e-1;
    let near = x + x * p;
    // Above: 1 - exp(-Q(x)), which is 1 in f32 from 4 on.
    let t = x.abs();
    let t = if t > 4.0 { 4.0 } else { t };
    let mut q = 2.169_762_6e-5;
    q = q * t - 4.414_728e-4;
    q = q * t + 4.205_285_6e-3;
    q = q * t - 2.521_034_1e-2;
    q = q * t + 1.084_221e-1;
    q = q * t + 6.332_164e-1;
    q = q * t + 1.129_580_3;
    q = q * t - 1.884_684_9e-4;
    let far = (1.0 - exp_f32(-q)).copysign(x);
    if x.abs() < 1.0 { near } else { far }
}

/// The Gaussian error linear unit `x Φ(x)`, where Φ is the distribution function of the standard normal
/// distribution: at most 8 ulp where the result is normal; 0 below -13.2.
#[inline(always)]
pub fn gelu<T: Float>(x: T) -> T {
    choose(x, gelu_f32, gelu_f64)
}

/// The derivative `Φ(x) + x φ(x)` of [`gelu`], where φ is the density of the standard normal distribution: within
/// 2^-22, for it has a root near -0.75; at most 3 ulp from 0 on.
#[inline(always)]
pub fn gelu_slope<T: Float>(x: T) -> T {
    choose(x, gelu_slope_f32, gelu_slope_f64)
}

/// 1/√(2π)
const DENSITY_AT_0: f64 = 0.398_942_280_401_432_7;

/// From here on, what is left of the normal distribution is no normal number.
const TAIL_END: f32 = 13.2;

#[inline(always)]
fn gelu_f32(x: f32) -> f32 {
    let (bell, ratio, _) = normal_tail(x);
    let tail = bell * ratio;
    // -infinity times 0 would be NaN.
    let factor = if x < -TAIL_END { -TAIL_END } else { x };
    factor * if x < 0.0 { tail } else { 1.0 - tail }
}

#[inline(always)]
fn gelu_slope_f32(x: f32) -> f32 {
    let (bell, ratio, magnitude) = normal_tail(x);
    let tail = bell * (ratio - magnitude * DENSITY_AT_0 as f32);
    if x < 0.0 { tail } else { 1.0 - tail }
}

/// `(exp(-t²/2), (1 - Φ(t)) exp(t²/2), t)` with t the magnitude of x, or 13.2 if that is less; there the first is 0
/// already.
#[inline(always)]
fn normal_tail(x: f32) -> (f32, f32, f32) {
    let t = x.abs();
    let t = if t > TAIL_END { TAIL_END } else { t };
    // t²/2 in two parts, the first exact: half of t's digits squared.
    let high = f32::from_bits(t.to_bits() & 0xffff_f000);
    let (y, n) = reduced_exp_m1_of(-0.5 * high * high, 0.5 * (t - high) * (t + high));
    let bell = if t < TAIL_END { (y + 1.0) * power_of_two(n) } else { 0.0 };
    // All terms are positive, so none takes digits from another.
    let square = t * t;
    let mut p = 4.011_729e-3 * square + (3.992_685_3e-2 * t + 1.811_361_2e-1);
    p = p * square + (4.354_548e-1 * t + 5e-1);
    let mut q = 1.005_576_7e-2 * t + 1.000_892_5e-1;
    q = q * square + (4.639_299_5e-1 * t + 1.193_773_6);
    q = q * square + (1.668_794_6 * t + 1.0);
    (bell, p / q, t)
}

/// Φ(x) = erfc(-x/√2) / 2, which keeps its digits in the lower tail.
fn normal_distribution(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

fn gelu_f64(x: f64) -> f64 {
    // Below -40 everything is 0, but infinity times 0 would be NaN.
    let x = if x < -40.0 { -40.0 } else { x };
    x * normal_distribution(x)
}

fn gelu_slope_f64(x: f64) -> f64 {
    let x = if x.is_infinite() { 40f64.copysign(x) } else { x };
    normal_distribution(x) + x * (-0.5 * x * x).exp() * DENSITY_AT_0
}
