//! Sums of squares between a curve and measured points, as fits of models to data make them.

use super::{Coordinates, Dimension, Minimum, TestFunction, within};

pub(super) const JENNRICH_SAMPSON: TestFunction = TestFunction {
    name: "jennrich_sampson",
    dimension: Dimension::fixed(2),
    value_and_gradient: jennrich_sampson,
    bounds: within(&[-1.0], &[1.0]),
    start: Coordinates::Cycle(&[0.3, 0.4]),
    minima: &[Minimum::global(&[0.2578252136703641, 0.2578252136703641], |_| 124.3621823556148)],
    formula: "sum_(i<=10) (2 + 2i - exp(i x) - exp(i y))^2",
    note: "far from 0 at its minimum, so that methods for small residuals slow down",
    not_differentiable: None,
    source: "MGH 6; JY",
};

fn jennrich_sampson(x: &[f64], gradient: &mut [f64]) -> f64 {
    gradient.fill(0.0);
    let mut value = 0.0;
    for i in 1..=10 {
        let i = f64::from(i);
        let (left, right) = ((i * x[0]).exp(), (i * x[1]).exp());
        let residual = 2.0 + 2.0 * i - (left + right);
        value += residual * residual;
        gradient[0] -= 2.0 * residual * i * left;
        gradient[1] -= 2.0 * residual * i * right;
    }
    value
}

pub(super) const BARD: TestFunction = TestFunction {
    name: "bard",
    dimension: Dimension::fixed(3),
    value_and_gradient: bard,
    bounds: within(&[0.01], &[3.0]),
    start: Coordinates::Cycle(&[1.0, 1.0, 1.0]),
    minima: &[Minimum::global(&[0.08241055974978899, 1.1330360920297224, 2.3436951786425366], |_| {
        0.008214877306578982
    })],
    formula: "sum_(i<=15) (y_i - x_1 - i / (v_i x_2 + w_i x_3))^2 with v_i = 16 - i, w_i = min(i, v_i)",
    note: "a fit to 15 points; beyond the bounds, with x_2 and x_3 towards -infinity, it goes to 17.4286 and stays there",
    not_differentiable: None,
    source: "MGH 8",
};

fn bard(x: &[f64], gradient: &mut [f64]) -> f64 {
    const MEASURED: [f64; 15] =
        [0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39];
    gradient.fill(0.0);
    let mut value = 0.0;
    for (u, y) in (1..).map(f64::from).zip(MEASURED) {
        let v = 16.0 - u;
        let w = u.min(v);
        let below = v * x[1] + w * x[2];
        let residual = y - (x[0] + u / below);
        value += residual * residual;
        gradient[0] -= 2.0 * residual;
        gradient[1] += 2.0 * residual * u * v / (below * below);
        gradient[2] += 2.0 * residual * u * w / (below * below);
    }
    value
}

pub(super) const BOX: TestFunction = TestFunction {
    name: "box",
    dimension: Dimension::fixed(3),
    value_and_gradient: box_three_dimensional,
    bounds: within(&[0.0], &[20.0]),
    start: Coordinates::Cycle(&[0.0, 10.0, 20.0]),
    minima: &[Minimum::global(&[1.0, 10.0, 1.0], |_| 0.0)],
    formula: "sum_(i<=10) (exp(-t x_1) - exp(-t x_2) - x_3 (exp(-t) - exp(-10t)))^2 with t = i/10",
    note: "Box's three-dimensional function; it is 0 along the line x_1 = x_2, x_3 = 0 too, and at (10, 1, -1)",
    not_differentiable: None,
    source: "MGH 12",
};

fn box_three_dimensional(x: &[f64], gradient: &mut [f64]) -> f64 {
    gradient.fill(0.0);
    let mut value = 0.0;
    for i in 1..=10 {
        let t = 0.1 * f64::from(i);
        let (left, right) = ((-t * x[0]).exp(), (-t * x[1]).exp());
        let scale = (-t).exp() - (-10.0 * t).exp();
        let residual = left - right - x[2] * scale;
        value += residual * residual;
        gradient[0] -= 2.0 * residual * t * left;
        gradient[1] += 2.0 * residual * t * right;
        gradient[2] -= 2.0 * residual * scale;
    }
    value
}

pub(super) const KOWALIK_OSBORNE: TestFunction = TestFunction {
    name: "kowalik_osborne",
    dimension: Dimension::fixed(4),
    value_and_gradient: kowalik_osborne,
    bounds: within(&[0.0], &[0.42]),
    start: Coordinates::Cycle(&[0.25, 0.39, 0.415, 0.39]),
    minima: &[Minimum::global(
        &[0.19280693457903786, 0.1912823287343672, 0.12305650692632084, 0.13606233068379492],
        |_| 0.0003075056038492379,
    )],
    formula: "sum_(i<=11) (y_i - x_1 (u_i^2 + u_i x_2) / (u_i^2 + u_i x_3 + x_4))^2",
    note: "a rate of a chemical reaction fitted to 11 points: flat around its minimum",
    not_differentiable: None,
    source: "MGH 15",
};

fn kowalik_osborne(x: &[f64], gradient: &mut [f64]) -> f64 {
    const MEASURED: [(f64, f64); 11] = [
        (4.0, 0.1957),
        (2.0, 0.1947),
        (1.0, 0.1735),
        (0.5, 0.1600),
        (0.25, 0.0844),
        (0.167, 0.0627),
        (0.125, 0.0456),
        (0.1, 0.0342),
        (0.0833, 0.0323),
        (0.0714, 0.0235),
        (0.0625, 0.0246),
    ];
    gradient.fill(0.0);
    let mut value = 0.0;
    for (u, y) in MEASURED {
        let (above, below) = (u * u + u * x[1], u * u + u * x[2] + x[3]);
        let residual = y - x[0] * above / below;
        value += residual * residual;
        gradient[0] -= 2.0 * residual * above / below;
        gradient[1] -= 2.0 * residual * x[0] * u / below;
        gradient[2] += 2.0 * residual * x[0] * above * u / (below * below);
        gradient[3] += 2.0 * residual * x[0] * above / (below * below);
    }
    value
}

pub(super) const BROWN_DENNIS: TestFunction = TestFunction {
    name: "brown_dennis",
    dimension: Dimension::fixed(4),
    value_and_gradient: brown_dennis,
    bounds: within(&[-30.0], &[30.0]),
    start: Coordinates::Cycle(&[25.0, 5.0, -5.0, -1.0]),
    minima: &[Minimum::global(
        &[-11.594439904762163, 13.203630051207202, -0.40343948817685954, 0.2367787744557362],
        |_| 85822.20162635634,
    )],
    formula: "sum_(i<=20) ((x_1 + t x_2 - exp(t))^2 + (x_3 + t' x_4 - cos(t))^2)^2 with t = i/5, t' = sin(t)",
    note: "values in the millions around a minimum of 85822.2",
    not_differentiable: None,
    source: "MGH 16",
};

fn brown_dennis(x: &[f64], gradient: &mut [f64]) -> f64 {
    gradient.fill(0.0);
    let mut value = 0.0;
    for i in 1..=20 {
        let t = f64::from(i) / 5.0;
        let first = x[0] + t * x[1] - t.exp();
        let second = x[2] + t.sin() * x[3] - t.cos();
        let square = first * first + second * second;
        value += square * square;
        gradient[0] += 4.0 * square * first;
        gradient[1] += 4.0 * square * first * t;
        gradient[2] += 4.0 * square * second;
        gradient[3] += 4.0 * square * second * t.sin();
    }
    value
}
