//! Functions with one minimum and no valley, flat or steep.

use super::{Coordinates, Dimension, Minimum, MinimumKind, TestFunction, index, within};

pub(super) const SPHERE: TestFunction = TestFunction {
    name: "sphere",
    dimension: Dimension::at_least(1),
    value_and_gradient: sphere,
    bounds: within(&[-5.12], &[5.12]),
    start: Coordinates::Cycle(&[3.0, -2.0]),
    minima: &[Minimum::global(&[0.0], |_| 0.0)],
    formula: "sum x_i^2",
    note: "the easiest: gradient descent with a rate of 1/2 needs one step",
    not_differentiable: None,
    source: "SB; De Jong 1975, function 1",
};

fn sphere(x: &[f64], gradient: &mut [f64]) -> f64 {
    for (g, x) in gradient.iter_mut().zip(x) {
        *g = 2.0 * x;
    }
    x.iter().map(|x| x * x).sum()
}

pub(super) const SUM_OF_SQUARES: TestFunction = TestFunction {
    name: "sum_of_squares",
    dimension: Dimension::at_least(1),
    value_and_gradient: sum_of_squares,
    bounds: within(&[-10.0], &[10.0]),
    start: Coordinates::Cycle(&[8.0, -6.0]),
    minima: &[Minimum::global(&[0.0], |_| 0.0)],
    formula: "sum i x_i^2",
    note: "a bowl whose condition number is its dimension",
    not_differentiable: None,
    source: "SB; JY",
};

fn sum_of_squares(x: &[f64], gradient: &mut [f64]) -> f64 {
    let mut value = 0.0;
    for (i, (g, x)) in gradient.iter_mut().zip(x).enumerate() {
        value += index(i) * x * x;
        *g = 2.0 * index(i) * x;
    }
    value
}

pub(super) const ROTATED_HYPER_ELLIPSOID: TestFunction = TestFunction {
    name: "rotated_hyper_ellipsoid",
    dimension: Dimension::at_least(1),
    value_and_gradient: rotated_hyper_ellipsoid,
    bounds: within(&[-65.536], &[65.536]),
    start: Coordinates::Cycle(&[40.0, -30.0]),
    minima: &[Minimum::global(&[0.0], |_| 0.0)],
    formula: "sum over i of sum_(j<=i) x_j^2",
    note: "a bowl whose condition number is its dimension, in the other order of its variables than sum_of_squares",
    not_differentiable: None,
    source: "SB",
};

fn rotated_hyper_ellipsoid(x: &[f64], gradient: &mut [f64]) -> f64 {
    let mut value = 0.0;
    for (i, (g, xi)) in gradient.iter_mut().zip(x).enumerate() {
        // As many of the inner sums have x_i.
        let times = (x.len() - i) as f64;
        value += times * xi * xi;
        *g = 2.0 * times * xi;
    }
    value
}

pub(super) const BOOTH: TestFunction = TestFunction {
    name: "booth",
    dimension: Dimension::fixed(2),
    value_and_gradient: booth,
    bounds: within(&[-10.0], &[10.0]),
    start: Coordinates::Cycle(&[-8.0, -5.0]),
    minima: &[Minimum::global(&[1.0, 3.0], |_| 0.0)],
    formula: "(x + 2y - 7)^2 + (2x + y - 5)^2",
    note: "an oblique bowl of condition 9",
    not_differentiable: None,
    source: "SB; JY",
};

fn booth(x: &[f64], gradient: &mut [f64]) -> f64 {
    let first = x[0] + 2.0 * x[1] - 7.0;
    let second = 2.0 * x[0] + x[1] - 5.0;
    gradient[0] = 2.0 * first + 4.0 * second;
    gradient[1] = 4.0 * first + 2.0 * second;
    first * first + second * second
}

pub(super) const MATYAS: TestFunction = TestFunction {
    name: "matyas",
    dimension: Dimension::fixed(2),
    value_and_gradient: matyas,
    bounds: within(&[-10.0], &[10.0]),
    start: Coordinates::Cycle(&[8.0, 2.0]),
    minima: &[Minimum::global(&[0.0, 0.0], |_| 0.0)],
    formula: "0.26 (x^2 + y^2) - 0.48 x y",
    note: "a bowl stretched along the diagonal, of condition 25",
    not_differentiable: None,
    source: "SB; JY",
};

fn matyas(x: &[f64], gradient: &mut [f64]) -> f64 {
    gradient[0] = 0.52 * x[0] - 0.48 * x[1];
    gradient[1] = 0.52 * x[1] - 0.48 * x[0];
    0.26 * (x[0] * x[0] + x[1] * x[1]) - 0.48 * x[0] * x[1]
}

pub(super) const TRID: TestFunction = TestFunction {
    name: "trid",
    dimension: Dimension::at_least(2),
    value_and_gradient: trid,
    bounds: (Coordinates::Formula(|_, n| -((n * n) as f64)), Coordinates::Formula(|_, n| (n * n) as f64)),
    start: Coordinates::Cycle(&[0.0]),
    minima: &[Minimum {
        point: Coordinates::Formula(|i, n| (i * (n + 1 - i)) as f64),
        value: |n| -(((n - 1) * n * (n + 4)) as f64) / 6.0,
        kind: MinimumKind::Global,
    }],
    formula: "sum (x_i - 1)^2 - sum_(i>1) x_i x_(i-1)",
    note: "a bowl whose variables are chained; its condition grows with the square of the dimension",
    not_differentiable: None,
    source: "SB; JY",
};

fn trid(x: &[f64], gradient: &mut [f64]) -> f64 {
    let mut value = 0.0;
    for i in 0..x.len() {
        let before = if i > 0 { x[i - 1] } else { 0.0 };
        let after = x.get(i + 1).copied().unwrap_or(0.0);
        value += (x[i] - 1.0).powi(2) - x[i] * before;
        gradient[i] = 2.0 * (x[i] - 1.0) - before - after;
    }
    value
}

pub(super) const ZAKHAROV: TestFunction = TestFunction {
    name: "zakharov",
    dimension: Dimension::at_least(1),
    value_and_gradient: zakharov,
    bounds: within(&[-5.0], &[10.0]),
    start: Coordinates::Cycle(&[6.0, -3.0]),
    minima: &[Minimum::global(&[0.0], |_| 0.0)],
    formula: "sum x_i^2 + s^2 + s^4 with s = sum i x_i / 2",
    note: "a bowl that is far steeper in one direction the further out it is",
    not_differentiable: None,
    source: "SB; JY",
};

fn zakharov(x: &[f64], gradient: &mut [f64]) -> f64 {
    let s: f64 = x.iter().enumerate().map(|(i, x)| 0.5 * index(i) * x).sum();
    let slope = 2.0 * s + 4.0 * s.powi(3);
    for (i, (g, x)) in gradient.iter_mut().zip(x).enumerate() {
        *g = 2.0 * x + 0.5 * index(i) * slope;
    }
    x.iter().map(|x| x * x).sum::<f64>() + s.powi(2) + s.powi(4)
}

pub(super) const EXPONENTIAL: TestFunction = TestFunction {
    name: "exponential",
    dimension: Dimension::at_least(1),
    value_and_gradient: exponential,
    bounds: within(&[-1.0], &[1.0]),
    start: Coordinates::Cycle(&[0.9, -0.7]),
    minima: &[Minimum::global(&[0.0], |_| -1.0)],
    formula: "-exp(-1/2 sum x_i^2)",
    note: "a dent in a plain: not convex further than 1 from its minimum",
    not_differentiable: None,
    source: "JY",
};

fn exponential(x: &[f64], gradient: &mut [f64]) -> f64 {
    let value = -(-0.5 * x.iter().map(|x| x * x).sum::<f64>()).exp();
    for (g, x) in gradient.iter_mut().zip(x) {
        *g = -x * value;
    }
    value
}

pub(super) const QUARTIC: TestFunction = TestFunction {
    name: "quartic",
    dimension: Dimension::at_least(1),
    value_and_gradient: quartic,
    bounds: within(&[-1.28], &[1.28]),
    start: Coordinates::Cycle(&[1.0]),
    minima: &[Minimum::global(&[0.0], |_| 0.0)],
    formula: "sum x_i^4",
    note: "no curvature at its minimum: Newton's method gains a third of the way at each step, and no more",
    not_differentiable: None,
    source: "JY, without weights and noise",
};

fn quartic(x: &[f64], gradient: &mut [f64]) -> f64 {
    for (g, x) in gradient.iter_mut().zip(x) {
        *g = 4.0 * x.powi(3);
    }
    x.iter().map(|x| x.powi(4)).sum()
}

pub(super) const VARIABLY_DIMENSIONED: TestFunction = TestFunction {
    name: "variably_dimensioned",
    dimension: Dimension::at_least(1),
    value_and_gradient: variably_dimensioned,
    bounds: within(&[-10.0], &[10.0]),
    start: Coordinates::Formula(|i, n| 1.0 - i as f64 / n as f64),
    minima: &[Minimum::global(&[1.0], |_| 0.0)],
    formula: "sum (x_i - 1)^2 + s^2 + s^4 with s = sum i (x_i - 1)",
    note: "one steep direction among many flat ones",
    not_differentiable: None,
    source: "MGH 25",
};

fn variably_dimensioned(x: &[f64], gradient: &mut [f64]) -> f64 {
    let s: f64 = x.iter().enumerate().map(|(i, x)| index(i) * (x - 1.0)).sum();
    let slope = 2.0 * s + 4.0 * s.powi(3);
    for (i, (g, x)) in gradient.iter_mut().zip(x).enumerate() {
        *g = 2.0 * (x - 1.0) + index(i) * slope;
    }
    x.iter().map(|x| (x - 1.0).powi(2)).sum::<f64>() + s.powi(2) + s.powi(4)
}
