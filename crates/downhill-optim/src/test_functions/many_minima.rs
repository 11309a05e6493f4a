//! Functions with so many minima that a walk downhill finds the lowest only by luck.

use super::{Coordinates, Dimension, Minimum, MinimumKind, TestFunction, index, within};
use std::f64::consts::{E, PI, TAU};

pub(super) const ACKLEY: TestFunction = TestFunction {
    name: "ackley",
    dimension: Dimension::at_least(1),
    value_and_gradient: ackley,
    bounds: within(&[-32.768], &[32.768]),
    start: Coordinates::Cycle(&[2.6, -1.7]),
    minima: &[Minimum::global(&[0.0], |_| 0.0)],
    formula: "-20 exp(-0.2 sqrt(sum x_i^2 / n)) - exp(sum cos(2 pi x_i) / n) + 20 + e",
    note: "a nearly flat outer region full of dents, and a funnel to the minimum, which is the tip of a cone",
    not_differentiable: Some("at the minimum, the tip of a cone"),
    source: "SB; JY",
};

fn ackley(x: &[f64], gradient: &mut [f64]) -> f64 {
    let n = x.len() as f64;
    let root = (x.iter().map(|x| x * x).sum::<f64>() / n).sqrt();
    let funnel = 20.0 * (-0.2 * root).exp();
    let waves = (x.iter().map(|x| (TAU * x).cos()).sum::<f64>() / n).exp();
    for (g, x) in gradient.iter_mut().zip(x) {
        let outward = if root > 0.0 { 0.2 * funnel * x / (n * root) } else { 0.0 };
        *g = outward + waves * TAU * (TAU * x).sin() / n;
    }
    -funnel - waves + 20.0 + E
}

pub(super) const RASTRIGIN: TestFunction = TestFunction {
    name: "rastrigin",
    dimension: Dimension::at_least(1),
    value_and_gradient: rastrigin,
    bounds: within(&[-5.12], &[5.12]),
    start: Coordinates::Cycle(&[3.2, -1.7]),
    minima: &[Minimum::global(&[0.0], |_| 0.0)],
    formula: "10n + sum x_i^2 - 10 cos(2 pi x_i)",
    note: "a bowl with deep waves: 11 minima along each axis in the bounds",
    not_differentiable: None,
    source: "SB; JY",
};

fn rastrigin(x: &[f64], gradient: &mut [f64]) -> f64 {
    for (g, x) in gradient.iter_mut().zip(x) {
        *g = 2.0 * x + 10.0 * TAU * (TAU * x).sin();
    }
    x.iter().map(|x| 10.0 + x * x - 10.0 * (TAU * x).cos()).sum()
}

pub(super) const GRIEWANK: TestFunction = TestFunction {
    name: "griewank",
    dimension: Dimension::at_least(1),
    value_and_gradient: griewank,
    bounds: within(&[-600.0], &[600.0]),
    start: Coordinates::Cycle(&[25.0, -14.0]),
    minima: &[Minimum::global(&[0.0], |_| 0.0)],
    formula: "sum x_i^2 / 4000 - product cos(x_i / sqrt(i)) + 1",
    note: "a wide bowl with small waves, which a walk sees and a view from afar does not",
    not_differentiable: None,
    source: "SB; JY",
};

fn griewank(x: &[f64], gradient: &mut [f64]) -> f64 {
    // The product of all cosines but one is that of those before and of those behind it.
    let mut product = 1.0;
    for (i, (g, x)) in gradient.iter_mut().zip(x).enumerate() {
        *g = product;
        product *= (x / index(i).sqrt()).cos();
    }
    let mut behind = 1.0;
    for (i, (g, x)) in gradient.iter_mut().zip(x).enumerate().rev() {
        let root = index(i).sqrt();
        let (sin, cos) = (x / root).sin_cos();
        *g = x / 2000.0 + *g * behind * sin / root;
        behind *= cos;
    }
    x.iter().map(|x| x * x).sum::<f64>() / 4000.0 - product + 1.0
}

pub(super) const LEVY: TestFunction = TestFunction {
    name: "levy",
    dimension: Dimension::at_least(1),
    value_and_gradient: levy,
    bounds: within(&[-10.0], &[10.0]),
    start: Coordinates::Cycle(&[-4.0, 5.0]),
    minima: &[Minimum::global(&[1.0], |_| 0.0)],
    formula: "sin^2(pi w_1) + sum_(i<n) (w_i - 1)^2 (1 + 10 sin^2(pi w_i + 1)) + (w_n - 1)^2 (1 + sin^2(2 pi w_n)) \
              with w_i = 1 + (x_i - 1) / 4",
    note: "waves of growing height",
    not_differentiable: None,
    source: "SB",
};

fn levy(x: &[f64], gradient: &mut [f64]) -> f64 {
    let w = |x: f64| 1.0 + (x - 1.0) / 4.0;
    let first = w(x[0]);
    let mut value = (PI * first).sin().powi(2);
    let last = x.len() - 1;
    for (i, (g, &x)) in gradient.iter_mut().zip(x).enumerate() {
        let (w, off) = (w(x), w(x) - 1.0);
        let (scale, rate, shift) = if i < last { (10.0, PI, 1.0) } else { (1.0, TAU, 0.0) };
        let wave = 1.0 + scale * (rate * w + shift).sin().powi(2);
        value += off * off * wave;
        *g = (2.0 * off * wave + off * off * scale * rate * (2.0 * (rate * w + shift)).sin()) / 4.0;
    }
    gradient[0] += PI * (TAU * first).sin() / 4.0;
    value
}

pub(super) const SCHWEFEL: TestFunction = TestFunction {
    name: "schwefel",
    dimension: Dimension::at_least(1),
    value_and_gradient: schwefel,
    bounds: within(&[-500.0], &[500.0]),
    start: Coordinates::Cycle(&[330.0, 150.0]),
    minima: &[Minimum::global(&[420.96874635998205], |_| 0.0)],
    formula: "418.9828872724337n - sum x_i sin(sqrt(|x_i|))",
    note: "Schwefel's function 2.26: the second lowest minimum is far from the lowest, and beyond the bounds it falls \
           further",
    not_differentiable: None,
    source: "SB; JY",
};

fn schwefel(x: &[f64], gradient: &mut [f64]) -> f64 {
    /// The highest value of x sin(sqrt x) for x up to 500, so that the minimum is 0.
    const HIGHEST: f64 = 418.9828872724337;
    let mut value = 0.0;
    for (g, x) in gradient.iter_mut().zip(x) {
        let (sin, cos) = x.abs().sqrt().sin_cos();
        value += HIGHEST - x * sin;
        *g = -sin - 0.5 * x.abs().sqrt() * cos;
    }
    value
}

pub(super) const MICHALEWICZ: TestFunction = TestFunction {
    name: "michalewicz",
    dimension: Dimension { least: 1, most: 10 },
    value_and_gradient: michalewicz,
    bounds: within(&[0.0], &[PI]),
    start: Coordinates::Cycle(&[2.0, 1.3]),
    minima: &[Minimum {
        point: Coordinates::Formula(|i, _| MICHALEWICZ_LOWEST[i - 1].0),
        value: |n| MICHALEWICZ_LOWEST[..n].iter().map(|(_, value)| value).sum(),
        kind: MinimumKind::Global,
    }],
    formula: "-sum sin(x_i) sin^20(i x_i^2 / pi)",
    note: "n! valleys with steep walls and flat ground between; known up to 10 variables",
    not_differentiable: None,
    source: "SB; JY",
};

/// Each variable stands alone: where its term is lowest, and its value there.
const MICHALEWICZ_LOWEST: [(f64, f64); 10] = [
    (2.2029055201726093, -0.8013034100985528),
    (PI / 2.0, -1.0),
    (1.2849915705529242, -0.9590912698960063),
    (1.9230584698663629, -0.9384624184720837),
    (1.7204697725658413, -0.988801080621504),
    (PI / 2.0, -1.0),
    (1.4544139713623792, -0.9932271353558829),
    (1.7560865209450265, -0.9828720362722102),
    (1.6557174168210291, -0.9963943649251021),
    (PI / 2.0, -1.0),
];

fn michalewicz(x: &[f64], gradient: &mut [f64]) -> f64 {
    let mut value = 0.0;
    for (i, (g, x)) in gradient.iter_mut().zip(x).enumerate() {
        let (sin, cos) = (index(i) * x * x / PI).sin_cos();
        value -= x.sin() * sin.powi(20);
        *g = -x.cos() * sin.powi(20) - x.sin() * 20.0 * sin.powi(19) * cos * 2.0 * index(i) * x / PI;
    }
    value
}

pub(super) const BOHACHEVSKY: TestFunction = TestFunction {
    name: "bohachevsky",
    dimension: Dimension::fixed(2),
    value_and_gradient: bohachevsky,
    bounds: within(&[-100.0], &[100.0]),
    start: Coordinates::Cycle(&[8.0, -6.0]),
    minima: &[Minimum::global(&[0.0, 0.0], |_| 0.0)],
    formula: "x^2 + 2y^2 - 0.3 cos(3 pi x) - 0.4 cos(4 pi y) + 0.7",
    note: "Bohachevsky's first function: a bowl with small waves near its bottom",
    not_differentiable: None,
    source: "SB; JY",
};

fn bohachevsky(x: &[f64], gradient: &mut [f64]) -> f64 {
    gradient[0] = 2.0 * x[0] + 0.9 * PI * (3.0 * PI * x[0]).sin();
    gradient[1] = 4.0 * x[1] + 1.6 * PI * (4.0 * PI * x[1]).sin();
    x[0] * x[0] + 2.0 * x[1] * x[1] - 0.3 * (3.0 * PI * x[0]).cos() - 0.4 * (4.0 * PI * x[1]).cos() + 0.7
}

pub(super) const DROP_WAVE: TestFunction = TestFunction {
    name: "drop_wave",
    dimension: Dimension::fixed(2),
    value_and_gradient: drop_wave,
    bounds: within(&[-5.12], &[5.12]),
    start: Coordinates::Cycle(&[1.4, -0.9]),
    minima: &[Minimum::global(&[0.0, 0.0], |_| -1.0)],
    formula: "-(1 + cos(12 r)) / (r^2/2 + 2) with r = sqrt(x^2 + y^2)",
    note: "rings around a drop: a walk ends in the groove of the ring that it starts in",
    not_differentiable: None,
    source: "SB",
};

fn drop_wave(x: &[f64], gradient: &mut [f64]) -> f64 {
    let radius = x[0].hypot(x[1]);
    let (sin, cos) = (12.0 * radius).sin_cos();
    let width = 0.5 * radius * radius + 2.0;
    // The derivative by r, over r: sin(12 r) / r goes to 12.
    let sine = if radius > 0.0 { sin / radius } else { 12.0 };
    let slope = 12.0 * sine / width + (1.0 + cos) / (width * width);
    gradient[0] = slope * x[0];
    gradient[1] = slope * x[1];
    -(1.0 + cos) / width
}

pub(super) const SCHAFFER_2: TestFunction = TestFunction {
    name: "schaffer_2",
    dimension: Dimension::fixed(2),
    value_and_gradient: schaffer_2,
    bounds: within(&[-100.0], &[100.0]),
    start: Coordinates::Cycle(&[2.5, -1.0]),
    minima: &[Minimum::global(&[0.0, 0.0], |_| 0.0)],
    formula: "0.5 + (sin^2(x^2 - y^2) - 0.5) / (1 + 0.001 (x^2 + y^2))^2",
    note: "waves that get narrower outwards, along hyperbolas",
    not_differentiable: None,
    source: "SB; JY",
};

fn schaffer_2(x: &[f64], gradient: &mut [f64]) -> f64 {
    let (difference, square) = (x[0] * x[0] - x[1] * x[1], x[0] * x[0] + x[1] * x[1]);
    let height = difference.sin().powi(2) - 0.5;
    let width = 1.0 + 0.001 * square;
    let by_difference = (2.0 * difference).sin() / width.powi(2);
    let by_square = -0.002 * height / width.powi(3);
    gradient[0] = 2.0 * x[0] * (by_square + by_difference);
    gradient[1] = 2.0 * x[1] * (by_square - by_difference);
    0.5 + height / width.powi(2)
}
