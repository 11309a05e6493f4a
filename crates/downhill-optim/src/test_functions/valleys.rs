//! Functions with a valley that is curved, flat along its bottom, or much narrower than long.

use super::{Coordinates, Dimension, Minimum, MinimumKind, TestFunction, index, within};
use std::f64::consts::TAU;

pub(super) const ROSENBROCK: TestFunction = TestFunction {
    name: "rosenbrock",
    dimension: Dimension::at_least(2),
    value_and_gradient: rosenbrock,
    bounds: within(&[-5.0], &[10.0]),
    start: Coordinates::Cycle(&[-1.2, 1.0]),
    minima: &[Minimum::global(&[1.0], |_| 0.0)],
    formula: "sum_(i<n) 100 (x_(i+1) - x_i^2)^2 + (1 - x_i)^2",
    note: "a valley bent like a banana, easy to reach and slow to follow; from 4 variables on there is another, \
           local minimum near (-1, 1, ..., 1)",
    not_differentiable: None,
    source: "MGH 1; SB; JY",
};

fn rosenbrock(x: &[f64], gradient: &mut [f64]) -> f64 {
    gradient.fill(0.0);
    let mut value = 0.0;
    for i in 0..x.len() - 1 {
        let (off, short) = (x[i + 1] - x[i] * x[i], 1.0 - x[i]);
        value += 100.0 * off * off + short * short;
        gradient[i] += -400.0 * x[i] * off - 2.0 * short;
        gradient[i + 1] += 200.0 * off;
    }
    value
}

pub(super) const CUBE: TestFunction = TestFunction {
    name: "cube",
    dimension: Dimension::fixed(2),
    value_and_gradient: cube,
    bounds: within(&[-10.0], &[10.0]),
    start: Coordinates::Cycle(&[-1.2, 1.0]),
    minima: &[Minimum::global(&[1.0, 1.0], |_| 0.0)],
    formula: "100 (y - x^3)^2 + (1 - x)^2",
    note: "Rosenbrock's valley along a cubic, with steeper ends",
    not_differentiable: None,
    source: "JY",
};

fn cube(x: &[f64], gradient: &mut [f64]) -> f64 {
    let (off, short) = (x[1] - x[0].powi(3), 1.0 - x[0]);
    gradient[0] = -600.0 * x[0] * x[0] * off - 2.0 * short;
    gradient[1] = 200.0 * off;
    100.0 * off * off + short * short
}

pub(super) const DIXON_PRICE: TestFunction = TestFunction {
    name: "dixon_price",
    dimension: Dimension::at_least(1),
    value_and_gradient: dixon_price,
    bounds: within(&[-10.0], &[10.0]),
    start: Coordinates::Cycle(&[5.0, -4.0]),
    minima: &[Minimum {
        // (2^i - 2) / 2^i = 1 - 2^(1 - i), which is exact for every i.
        point: Coordinates::Formula(|i, _| (-(1.0 - (1.0 - i as f64).exp2())).exp2()),
        value: |_| 0.0,
        kind: MinimumKind::Global,
    }],
    formula: "(x_1 - 1)^2 + sum_(i>1) i (2 x_i^2 - x_(i-1))^2",
    note: "a chain of parabolas; (1/3, 0, ..., 0), of value 2/3, is stationary and so flat around that methods end there",
    not_differentiable: None,
    source: "SB; JY",
};

fn dixon_price(x: &[f64], gradient: &mut [f64]) -> f64 {
    gradient.fill(0.0);
    gradient[0] = 2.0 * (x[0] - 1.0);
    let mut value = (x[0] - 1.0).powi(2);
    for i in 1..x.len() {
        let off = 2.0 * x[i] * x[i] - x[i - 1];
        value += index(i) * off * off;
        gradient[i] += 8.0 * index(i) * x[i] * off;
        gradient[i - 1] -= 2.0 * index(i) * off;
    }
    value
}

pub(super) const BEALE: TestFunction = TestFunction {
    name: "beale",
    dimension: Dimension::fixed(2),
    value_and_gradient: beale,
    bounds: within(&[-4.5], &[4.5]),
    start: Coordinates::Cycle(&[1.0, 1.0]),
    minima: &[Minimum::global(&[3.0, 0.5], |_| 0.0)],
    formula: "(1.5 - x (1 - y))^2 + (2.25 - x (1 - y^2))^2 + (2.625 - x (1 - y^3))^2",
    note: "a long flat valley between steep walls; (0, 1) is a saddle, and beyond it walks go off to infinity",
    not_differentiable: None,
    source: "MGH 5; SB; JY",
};

fn beale(x: &[f64], gradient: &mut [f64]) -> f64 {
    gradient.fill(0.0);
    let mut value = 0.0;
    for (power, target) in [(1, 1.5), (2, 2.25), (3, 2.625)] {
        let factor = 1.0 - x[1].powi(power);
        let residual = target - x[0] * factor;
        value += residual * residual;
        gradient[0] -= 2.0 * residual * factor;
        gradient[1] += 2.0 * residual * x[0] * f64::from(power) * x[1].powi(power - 1);
    }
    value
}

pub(super) const FREUDENSTEIN_ROTH: TestFunction = TestFunction {
    name: "freudenstein_roth",
    dimension: Dimension::fixed(2),
    value_and_gradient: freudenstein_roth,
    bounds: within(&[-15.0], &[15.0]),
    start: Coordinates::Cycle(&[0.5, -2.0]),
    minima: &[
        Minimum::global(&[5.0, 4.0], |_| 0.0),
        Minimum::local(&[11.412778986902094, -0.8968052532744765], |_| 48.98425367924003),
    ],
    formula: "(x - 13 + ((5 - y) y - 2) y)^2 + (x - 29 + ((y + 1) y - 14) y)^2",
    note: "from the standard start most methods end in the local minimum",
    not_differentiable: None,
    source: "MGH 2; JY",
};

fn freudenstein_roth(x: &[f64], gradient: &mut [f64]) -> f64 {
    let y = x[1];
    let first = x[0] - 13.0 + ((5.0 - y) * y - 2.0) * y;
    let second = x[0] - 29.0 + ((y + 1.0) * y - 14.0) * y;
    gradient[0] = 2.0 * (first + second);
    gradient[1] =
        2.0 * first * (10.0 * y - 3.0 * y * y - 2.0) + 2.0 * second * (3.0 * y * y + 2.0 * y - 14.0);
    first * first + second * second
}

pub(super) const HELICAL_VALLEY: TestFunction = TestFunction {
    name: "helical_valley",
    dimension: Dimension::fixed(3),
    value_and_gradient: helical_valley,
    bounds: within(&[-10.0], &[10.0]),
    start: Coordinates::Cycle(&[-1.0, 0.0, 0.0]),
    minima: &[Minimum::global(&[1.0, 0.0, 0.0], |_| 0.0)],
    formula: "100 (z - 10 t)^2 + 100 (sqrt(x^2 + y^2) - 1)^2 + z^2 with t = atan(y / x) / (2 pi), plus 1/2 if x < 0",
    note: "a valley that winds around the z axis; the angle jumps where x = 0 and y < 0",
    not_differentiable: Some("where x = 0 and y <= 0, across which it jumps"),
    source: "MGH 7; JY",
};

fn helical_valley(x: &[f64], gradient: &mut [f64]) -> f64 {
    // atan2 is the angle of MGH but for the quarter x < 0, y < 0, where theirs is a full turn more.
    let turn = if x[0] < 0.0 && x[1].is_sign_negative() { 1.0 } else { 0.0 };
    let angle = x[1].atan2(x[0]) / TAU + turn;
    let radius = x[0].hypot(x[1]);
    let (along, across) = (x[2] - 10.0 * angle, radius - 1.0);
    if radius > 0.0 {
        let by_angle = -2000.0 * along / (TAU * radius * radius);
        let by_radius = 200.0 * across / radius;
        gradient[0] = -by_angle * x[1] + by_radius * x[0];
        gradient[1] = by_angle * x[0] + by_radius * x[1];
    } else {
        gradient[..2].fill(0.0);
    }
    gradient[2] = 200.0 * along + 2.0 * x[2];
    100.0 * along * along + 100.0 * across * across + x[2] * x[2]
}

pub(super) const WOOD: TestFunction = TestFunction {
    name: "wood",
    dimension: Dimension::fixed(4),
    value_and_gradient: wood,
    bounds: within(&[-10.0], &[10.0]),
    start: Coordinates::Cycle(&[-3.0, -1.0, -3.0, -1.0]),
    minima: &[Minimum::global(&[1.0, 1.0, 1.0, 1.0], |_| 0.0)],
    formula: "100 (x_2 - x_1^2)^2 + (1 - x_1)^2 + 90 (x_4 - x_3^2)^2 + (1 - x_3)^2 + 10 (x_2 + x_4 - 2)^2 \
              + (x_2 - x_4)^2 / 10",
    note: "two of Rosenbrock's valleys, coupled, also known as Colville's function; methods slow down at a saddle \
           of value 7.877 near (-1, 1, -1, 1)",
    not_differentiable: None,
    source: "MGH 14; SB; JY",
};

fn wood(x: &[f64], gradient: &mut [f64]) -> f64 {
    let (off, short) = (x[1] - x[0] * x[0], 1.0 - x[0]);
    let (other_off, other_short) = (x[3] - x[2] * x[2], 1.0 - x[2]);
    let (sum, difference) = (x[1] + x[3] - 2.0, x[1] - x[3]);
    gradient[0] = -400.0 * x[0] * off - 2.0 * short;
    gradient[1] = 200.0 * off + 20.0 * sum + 0.2 * difference;
    gradient[2] = -360.0 * x[2] * other_off - 2.0 * other_short;
    gradient[3] = 180.0 * other_off + 20.0 * sum - 0.2 * difference;
    100.0 * off * off
        + short * short
        + 90.0 * other_off * other_off
        + other_short * other_short
        + 10.0 * sum * sum
        + 0.1 * difference * difference
}

pub(super) const POWELL_SINGULAR: TestFunction = TestFunction {
    name: "powell_singular",
    dimension: Dimension::fixed(4),
    value_and_gradient: powell_singular,
    bounds: within(&[-4.0], &[5.0]),
    start: Coordinates::Cycle(&[3.0, -1.0, 0.0, 1.0]),
    minima: &[Minimum::global(&[0.0, 0.0, 0.0, 0.0], |_| 0.0)],
    formula: "(x_1 + 10 x_2)^2 + 5 (x_3 - x_4)^2 + (x_2 - 2 x_3)^4 + 10 (x_1 - x_4)^4",
    note: "two directions without curvature at the minimum, where Newton's method is no longer quadratic",
    not_differentiable: None,
    source: "MGH 13; SB; JY",
};

fn powell_singular(x: &[f64], gradient: &mut [f64]) -> f64 {
    let (first, second) = (x[0] + 10.0 * x[1], x[2] - x[3]);
    let (third, fourth) = (x[1] - 2.0 * x[2], x[0] - x[3]);
    gradient[0] = 2.0 * first + 40.0 * fourth.powi(3);
    gradient[1] = 20.0 * first + 4.0 * third.powi(3);
    gradient[2] = 10.0 * second - 8.0 * third.powi(3);
    gradient[3] = -10.0 * second - 40.0 * fourth.powi(3);
    first * first + 5.0 * second * second + third.powi(4) + 10.0 * fourth.powi(4)
}

pub(super) const POWELL_BADLY_SCALED: TestFunction = TestFunction {
    name: "powell_badly_scaled",
    dimension: Dimension::fixed(2),
    value_and_gradient: powell_badly_scaled,
    bounds: within(&[-10.0], &[10.0]),
    start: Coordinates::Cycle(&[0.0, 1.0]),
    minima: &[Minimum::global(&[1.0981593296997259e-5, 9.106146739867283], |_| 0.0)],
    formula: "(10^4 x y - 1)^2 + (exp(-x) + exp(-y) - 1.0001)^2",
    note: "variables of very different size: the condition at the minimum is near 1e18; x and y may change places",
    not_differentiable: None,
    source: "MGH 3; JY",
};

fn powell_badly_scaled(x: &[f64], gradient: &mut [f64]) -> f64 {
    let first = 1e4 * x[0] * x[1] - 1.0;
    let (left, right) = ((-x[0]).exp(), (-x[1]).exp());
    let second = left + right - 1.0001;
    gradient[0] = 2e4 * first * x[1] - 2.0 * second * left;
    gradient[1] = 2e4 * first * x[0] - 2.0 * second * right;
    first * first + second * second
}

pub(super) const BROWN_BADLY_SCALED: TestFunction = TestFunction {
    name: "brown_badly_scaled",
    dimension: Dimension::fixed(2),
    value_and_gradient: brown_badly_scaled,
    bounds: (Coordinates::Cycle(&[0.0, 0.0]), Coordinates::Cycle(&[2e6, 2.0])),
    start: Coordinates::Cycle(&[1.0, 1.0]),
    minima: &[Minimum::global(&[1e6, 2e-6], |_| 0.0)],
    formula: "(x - 10^6)^2 + (y - 2 10^-6)^2 + (x y - 2)^2",
    note: "variables that differ by a factor of 5 10^11 at the minimum",
    not_differentiable: None,
    source: "MGH 4",
};

fn brown_badly_scaled(x: &[f64], gradient: &mut [f64]) -> f64 {
    let (first, second, third) = (x[0] - 1e6, x[1] - 2e-6, x[0] * x[1] - 2.0);
    gradient[0] = 2.0 * first + 2.0 * third * x[1];
    gradient[1] = 2.0 * second + 2.0 * third * x[0];
    first * first + second * second + third * third
}

pub(super) const BUKIN_6: TestFunction = TestFunction {
    name: "bukin_6",
    dimension: Dimension::fixed(2),
    value_and_gradient: bukin_6,
    bounds: (Coordinates::Cycle(&[-15.0, -3.0]), Coordinates::Cycle(&[-5.0, 3.0])),
    start: Coordinates::Cycle(&[-6.0, 2.0]),
    minima: &[Minimum::global(&[-10.0, 1.0], |_| 0.0)],
    formula: "100 sqrt(|y - x^2 / 100|) + |x + 10| / 100",
    note: "a valley with a bottom infinitely sharp: no smooth method gets along it",
    not_differentiable: Some("on the parabola y = x^2 / 100, where the slope is infinite, and on x = -10"),
    source: "SB; JY",
};

fn bukin_6(x: &[f64], gradient: &mut [f64]) -> f64 {
    let off = x[1] - 0.01 * x[0] * x[0];
    let depth = off.abs().sqrt();
    let slope = if depth > 0.0 { 50.0 * off.signum() / depth } else { 0.0 };
    let side = if x[0] == -10.0 { 0.0 } else { 0.01 * (x[0] + 10.0).signum() };
    gradient[0] = -0.02 * x[0] * slope + side;
    gradient[1] = slope;
    100.0 * depth + 0.01 * (x[0] + 10.0).abs()
}
