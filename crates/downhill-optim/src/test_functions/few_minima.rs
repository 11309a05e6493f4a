//! Functions with a handful of minima or saddles, which can be named.

use super::{Coordinates, Dimension, Minimum, MinimumKind, TestFunction, index, within};
use std::f64::consts::PI;

pub(super) const HIMMELBLAU: TestFunction = TestFunction {
    name: "himmelblau",
    dimension: Dimension::fixed(2),
    value_and_gradient: himmelblau,
    bounds: within(&[-5.0], &[5.0]),
    start: Coordinates::Cycle(&[0.0, 0.0]),
    minima: &[
        Minimum::global(&[3.0, 2.0], |_| 0.0),
        Minimum::global(&[-2.805118086952745, 3.131312518250573], |_| 0.0),
        Minimum::global(&[-3.779310253377747, -3.283185991286169], |_| 0.0),
        Minimum::global(&[3.58442834033049, -1.848126526964404], |_| 0.0),
    ],
    formula: "(x^2 + y - 11)^2 + (x + y^2 - 7)^2",
    note: "four minima, all global: which one is reached shows the path of a method",
    not_differentiable: None,
    source: "JY; Himmelblau 1972",
};

fn himmelblau(x: &[f64], gradient: &mut [f64]) -> f64 {
    let first = x[0] * x[0] + x[1] - 11.0;
    let second = x[0] + x[1] * x[1] - 7.0;
    gradient[0] = 4.0 * x[0] * first + 2.0 * second;
    gradient[1] = 2.0 * first + 4.0 * x[1] * second;
    first * first + second * second
}

pub(super) const GOLDSTEIN_PRICE: TestFunction = TestFunction {
    name: "goldstein_price",
    dimension: Dimension::fixed(2),
    value_and_gradient: goldstein_price,
    bounds: within(&[-2.0], &[2.0]),
    start: Coordinates::Cycle(&[0.5, -0.25]),
    minima: &[
        Minimum::global(&[0.0, -1.0], |_| 3.0),
        Minimum::local(&[-0.6, -0.4], |_| 30.0),
        Minimum::local(&[1.8, 0.2], |_| 84.0),
        Minimum::local(&[1.2, 0.8], |_| 840.0),
    ],
    formula: "(1 + (x + y + 1)^2 (19 - 14x + 3x^2 - 14y + 6xy + 3y^2)) \
              (30 + (2x - 3y)^2 (18 - 32x + 12x^2 + 48y - 36xy + 27y^2))",
    note: "values over six orders of magnitude, and three local minima",
    not_differentiable: None,
    source: "SB; JY",
};

fn goldstein_price(x: &[f64], gradient: &mut [f64]) -> f64 {
    let (a, b) = (x[0], x[1]);
    // Both quadratics are functions of the sum, and of the difference, that they are multiplied by.
    let sum = a + b + 1.0;
    let quadratic = 19.0 - 14.0 * (a + b) + 3.0 * (a + b).powi(2);
    let first = 1.0 + sum * sum * quadratic;
    let by_sum = 2.0 * sum * quadratic + sum * sum * (6.0 * (a + b) - 14.0);
    let difference = 2.0 * a - 3.0 * b;
    let other = 18.0 - 16.0 * difference + 3.0 * difference.powi(2);
    let second = 30.0 + difference.powi(2) * other;
    let by_difference = 2.0 * difference * other + difference.powi(2) * (6.0 * difference - 16.0);
    gradient[0] = by_sum * second + first * by_difference * 2.0;
    gradient[1] = by_sum * second - first * by_difference * 3.0;
    first * second
}

pub(super) const MCCORMICK: TestFunction = TestFunction {
    name: "mccormick",
    dimension: Dimension::fixed(2),
    value_and_gradient: mccormick,
    bounds: (Coordinates::Cycle(&[-1.5, -3.0]), Coordinates::Cycle(&[4.0, 4.0])),
    start: Coordinates::Cycle(&[0.0, 0.0]),
    minima: &[
        Minimum::global(&[-0.5471975511965977, -1.5471975511965979], |_| -1.9132229549810367),
        Minimum::local(&[2.5943951023931957, 1.5943951023931955], |_| 1.2283696986087569),
    ],
    formula: "sin(x + y) + (x - y)^2 - 1.5x + 2.5y + 1",
    note: "outside the bounds it falls for ever along x = y",
    not_differentiable: None,
    source: "SB; JY",
};

fn mccormick(x: &[f64], gradient: &mut [f64]) -> f64 {
    let (sum, difference) = (x[0] + x[1], x[0] - x[1]);
    gradient[0] = sum.cos() + 2.0 * difference - 1.5;
    gradient[1] = sum.cos() - 2.0 * difference + 2.5;
    sum.sin() + difference * difference - 1.5 * x[0] + 2.5 * x[1] + 1.0
}

pub(super) const THREE_HUMP_CAMEL: TestFunction = TestFunction {
    name: "three_hump_camel",
    dimension: Dimension::fixed(2),
    value_and_gradient: three_hump_camel,
    bounds: within(&[-5.0], &[5.0]),
    start: Coordinates::Cycle(&[-1.5, -1.5]),
    minima: &[
        Minimum::global(&[0.0, 0.0], |_| 0.0),
        Minimum::local(&[1.7475523458302888, -0.8737761729151444], |_| 0.298638442236859),
        Minimum::local(&[-1.7475523458302888, 0.8737761729151444], |_| 0.298638442236859),
    ],
    formula: "2x^2 - 1.05x^4 + x^6/6 + xy + y^2",
    note: "a minimum between two others that are a little higher",
    not_differentiable: None,
    source: "SB; JY",
};

fn three_hump_camel(x: &[f64], gradient: &mut [f64]) -> f64 {
    let (a, b) = (x[0], x[1]);
    gradient[0] = 4.0 * a - 4.2 * a.powi(3) + a.powi(5) + b;
    gradient[1] = a + 2.0 * b;
    2.0 * a.powi(2) - 1.05 * a.powi(4) + a.powi(6) / 6.0 + a * b + b * b
}

pub(super) const SIX_HUMP_CAMEL: TestFunction = TestFunction {
    name: "six_hump_camel",
    dimension: Dimension::fixed(2),
    value_and_gradient: six_hump_camel,
    bounds: (Coordinates::Cycle(&[-3.0, -2.0]), Coordinates::Cycle(&[3.0, 2.0])),
    start: Coordinates::Cycle(&[1.0, 0.1]),
    minima: &[
        Minimum::global(&[0.08984201310031806, -0.7126564030207396], |_| -1.0316284534898774),
        Minimum::global(&[-0.08984201310031806, 0.7126564030207396], |_| -1.0316284534898774),
        Minimum::local(&[1.7036067149699807, -0.7960835686726252], |_| -0.21546382438371725),
        Minimum::local(&[-1.7036067149699807, 0.7960835686726252], |_| -0.21546382438371725),
        Minimum::local(&[1.6071047529201974, 0.5686514548841314], |_| 2.1042503103112584),
        Minimum::local(&[-1.6071047529201974, -0.5686514548841314], |_| 2.1042503103112584),
    ],
    formula: "(4 - 2.1x^2 + x^4/3) x^2 + xy + (4y^2 - 4) y^2",
    note: "six minima, two of them global; at (0, 0) is a saddle",
    not_differentiable: None,
    source: "SB; JY",
};

fn six_hump_camel(x: &[f64], gradient: &mut [f64]) -> f64 {
    let (a, b) = (x[0], x[1]);
    gradient[0] = 8.0 * a - 8.4 * a.powi(3) + 2.0 * a.powi(5) + b;
    gradient[1] = a - 8.0 * b + 16.0 * b.powi(3);
    (4.0 - 2.1 * a.powi(2) + a.powi(4) / 3.0) * a * a + a * b + (4.0 * b * b - 4.0) * b * b
}

pub(super) const BRANIN: TestFunction = TestFunction {
    name: "branin",
    dimension: Dimension::fixed(2),
    value_and_gradient: branin,
    bounds: (Coordinates::Cycle(&[-5.0, 0.0]), Coordinates::Cycle(&[10.0, 15.0])),
    start: Coordinates::Cycle(&[2.5, 7.5]),
    minima: &[
        Minimum::global(&[-PI, 12.275], branin_least),
        Minimum::global(&[PI, 2.275], branin_least),
        Minimum::global(&[3.0 * PI, 2.475], branin_least),
    ],
    formula: "(y - 5.1x^2/(4 pi^2) + 5x/pi - 6)^2 + 10 (1 - 1/(8 pi)) cos x + 10",
    note: "three minima, all global",
    not_differentiable: None,
    source: "SB; JY",
};

/// At the minima the square is 0 and the cosine -1.
fn branin_least(_: usize) -> f64 {
    10.0 / (8.0 * PI)
}

fn branin(x: &[f64], gradient: &mut [f64]) -> f64 {
    let (curve, slope, wave) = (5.1 / (4.0 * PI * PI), 5.0 / PI, 10.0 * (1.0 - 1.0 / (8.0 * PI)));
    let off = x[1] - curve * x[0] * x[0] + slope * x[0] - 6.0;
    gradient[0] = 2.0 * off * (slope - 2.0 * curve * x[0]) - wave * x[0].sin();
    gradient[1] = 2.0 * off;
    off * off + wave * x[0].cos() + 10.0
}

pub(super) const HARTMANN_3: TestFunction = TestFunction {
    name: "hartmann_3",
    dimension: Dimension::fixed(3),
    value_and_gradient: hartmann_3,
    bounds: within(&[0.0], &[1.0]),
    start: Coordinates::Cycle(&[0.5, 0.5, 0.5]),
    minima: &[Minimum::global(&[0.11458887665506896, 0.5556488946169301, 0.8525469846866774], |_| {
        -3.862779787332663
    })],
    formula: "-sum_(i<=4) a_i exp(-sum_j A_ij (x_j - P_ij)^2)",
    note: "four dents of different depth in a plain",
    not_differentiable: None,
    source: "SB; JY",
};

fn hartmann_3(x: &[f64], gradient: &mut [f64]) -> f64 {
    const DENTS: [(f64, [f64; 3], [f64; 3]); 4] = [
        (1.0, [3.0, 10.0, 30.0], [0.3689, 0.1170, 0.2673]),
        (1.2, [0.1, 10.0, 35.0], [0.4699, 0.4387, 0.7470]),
        (3.0, [3.0, 10.0, 30.0], [0.1091, 0.8732, 0.5547]),
        (3.2, [0.1, 10.0, 35.0], [0.0381, 0.5743, 0.8828]),
    ];
    gradient.fill(0.0);
    let mut value = 0.0;
    for (depth, narrow, place) in DENTS {
        let square: f64 = (0..3).map(|j| narrow[j] * (x[j] - place[j]).powi(2)).sum();
        let term = depth * (-square).exp();
        value -= term;
        for j in 0..3 {
            gradient[j] += 2.0 * term * narrow[j] * (x[j] - place[j]);
        }
    }
    value
}

pub(super) const STYBLINSKI_TANG: TestFunction = TestFunction {
    name: "styblinski_tang",
    dimension: Dimension::at_least(1),
    value_and_gradient: styblinski_tang,
    bounds: within(&[-5.0], &[5.0]),
    start: Coordinates::Cycle(&[0.0]),
    minima: &[
        Minimum::global(&[-2.9035340277711774], |n| -39.16616570377142 * n as f64),
        Minimum::local(&[2.746802770990837], |n| -25.029446655283945 * n as f64),
    ],
    formula: "1/2 sum x_i^4 - 16x_i^2 + 5x_i",
    note: "two minima in each variable, so 2^n in all, one of them global",
    not_differentiable: None,
    source: "SB; JY",
};

fn styblinski_tang(x: &[f64], gradient: &mut [f64]) -> f64 {
    for (g, x) in gradient.iter_mut().zip(x) {
        *g = 2.0 * x.powi(3) - 16.0 * x + 2.5;
    }
    x.iter().map(|x| 0.5 * (x.powi(4) - 16.0 * x * x + 5.0 * x)).sum()
}

pub(super) const QING: TestFunction = TestFunction {
    name: "qing",
    dimension: Dimension::at_least(1),
    value_and_gradient: qing,
    bounds: within(&[-500.0], &[500.0]),
    start: Coordinates::Cycle(&[30.0]),
    minima: &[Minimum {
        point: Coordinates::Formula(|i, _| (i as f64).sqrt()),
        value: |_| 0.0,
        kind: MinimumKind::Global,
    }],
    formula: "sum (x_i^2 - i)^2",
    note: "2^n minima, all global: the signs of the square roots",
    not_differentiable: None,
    source: "JY",
};

fn qing(x: &[f64], gradient: &mut [f64]) -> f64 {
    let mut value = 0.0;
    for (i, (g, x)) in gradient.iter_mut().zip(x).enumerate() {
        let off = x * x - index(i);
        value += off * off;
        *g = 4.0 * x * off;
    }
    value
}

pub(super) const EASOM: TestFunction = TestFunction {
    name: "easom",
    dimension: Dimension::fixed(2),
    value_and_gradient: easom,
    bounds: within(&[-100.0], &[100.0]),
    start: Coordinates::Cycle(&[2.0, 2.0]),
    minima: &[Minimum::global(&[PI, PI], |_| -1.0)],
    formula: "-cos x cos y exp(-(x - pi)^2 - (y - pi)^2)",
    note: "a needle's eye in a plain, where the gradient is 0 to the last digit almost everywhere",
    not_differentiable: None,
    source: "SB; JY",
};

fn easom(x: &[f64], gradient: &mut [f64]) -> f64 {
    let (a, b) = (x[0] - PI, x[1] - PI);
    let bell = (-a * a - b * b).exp();
    gradient[0] = bell * x[1].cos() * (x[0].sin() + 2.0 * a * x[0].cos());
    gradient[1] = bell * x[0].cos() * (x[1].sin() + 2.0 * b * x[1].cos());
    -x[0].cos() * x[1].cos() * bell
}

pub(super) const MONKEY_SADDLE: TestFunction = TestFunction {
    name: "monkey_saddle",
    dimension: Dimension::fixed(2),
    value_and_gradient: monkey_saddle,
    bounds: within(&[-2.0], &[2.0]),
    start: Coordinates::Cycle(&[1.0, 0.1]),
    minima: &[],
    formula: "x^3 - 3xy^2",
    note: "no minimum: it falls for ever in three directions from (0, 0), where gradient and Hessian are both 0",
    not_differentiable: None,
    source: "Hilbert & Cohn-Vossen, Geometry and the Imagination, 1932",
};

fn monkey_saddle(x: &[f64], gradient: &mut [f64]) -> f64 {
    gradient[0] = 3.0 * (x[0] * x[0] - x[1] * x[1]);
    gradient[1] = -6.0 * x[0] * x[1];
    x[0].powi(3) - 3.0 * x[0] * x[1] * x[1]
}
