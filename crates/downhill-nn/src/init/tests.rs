//! The moments of each distribution, the structure of each matrix, and what is refused.

use super::*;

fn drawn(init: Init, shape: &[usize]) -> Vec<f64> {
    let shape = Shape::new(shape).unwrap();
    init.check(shape).unwrap();
    let mut out = vec![f64::NAN; shape.size()];
    init.fill(shape, Key::new(11).named("weight"), &mut out);
    out
}

/// Mean, standard deviation and largest absolute value.
fn moments(values: &[f64]) -> [f64; 3] {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let std = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n).sqrt();
    [mean, std, values.iter().fold(0.0, |max: f64, x| max.max(x.abs()))]
}

#[test]
fn every_distribution_has_its_mean_its_spread_and_its_bounds() {
    // 200 inputs and 300 outputs, as a matrix and as a convolution with a window of 2 by 5.
    let (matrix, window): (&[usize], &[usize]) = (&[200, 300], &[30, 20, 2, 5]);
    let root3 = 3f64.sqrt();
    let xavier = (2.0 / 500.0f64).sqrt();
    let scaling = |scale, fan, spread| Init::VarianceScaling { scale, fan, spread };
    let fifth = 0.2 / TRUNCATED_STD;
    let cases: [(Init, f64, f64, f64); 13] = [
        (Init::Uniform { low: -1.0, high: 3.0 }, 1.0, 4.0 / 12f64.sqrt(), 3.0),
        (Init::Normal { mean: 2.0, std: 0.5 }, 2.0, 0.5, f64::INFINITY),
        (Init::TruncatedNormal { mean: 1.0, std: 0.5 }, 1.0, 0.87962566 * 0.5, 2.0),
        (Init::xavier_uniform(), 0.0, xavier, root3 * xavier),
        (Init::XavierNormal { gain: 2.0 }, 0.0, 2.0 * xavier, f64::INFINITY),
        (Init::kaiming_uniform(), 0.0, 0.1, root3 * 0.1),
        (Init::KaimingNormal { fan: Fan::Out, gain: 3.0 }, 0.0, (9.0f64 / 300.0).sqrt(), f64::INFINITY),
        (Init::LecunUniform, 0.0, 1.0 / 200f64.sqrt(), root3 / 200f64.sqrt()),
        (Init::LecunNormal, 0.0, 1.0 / 200f64.sqrt(), f64::INFINITY),
        (Init::fan_in_uniform(200), 0.0, 1.0 / 600f64.sqrt(), 1.0 / 200f64.sqrt()),
        (scaling(8.0, Fan::In, Spread::TruncatedNormal), 0.0, 0.2, 2.0 * fifth),
        (scaling(12.0, Fan::Out, Spread::Normal), 0.0, 0.2, f64::INFINITY),
        (scaling(2.5, Fan::Average, Spread::Uniform), 0.0, 0.1, root3 * 0.1),
    ];
    // All others have a structure, which the tests below look at.
    let structured = ["Zeros", "Ones", "Constant", "Orthogonal", "Identity", "Dirac", "Sparse"];
    for init in Init::ALL {
        let drawn = cases.iter().any(|(case, ..)| case.name() == init.name());
        assert!(drawn != structured.contains(&init.name()), "{init:?} needs a case here or a test below");
    }
    for shape in [matrix, window] {
        for (init, mean, std, bound) in cases {
            let values = drawn(init, shape);
            let [found_mean, found_std, largest] = moments(&values);
            // Five standard errors.
            let slack = 5.0 * std / (values.len() as f64).sqrt();
            assert!((found_mean - mean).abs() < slack, "{init:?}: {found_mean}");
            assert!((found_std - std).abs() < slack, "{init:?}: {found_std}, expected {std}");
            assert!(largest <= bound, "{init:?}: {largest}");
            assert!(bound.is_infinite() || largest > 0.97 * bound, "{init:?}: {largest} of {bound}");
        }
    }
}

#[test]
fn orthogonal_matrices_have_orthonormal_rows_or_columns() {
    for (rows, columns) in [(5, 3), (3, 5), (4, 4), (1, 6)] {
        let q = drawn(Init::Orthogonal { gain: 2.0 }, &[rows, columns]);
        let product = |a: usize, b: usize| -> f64 {
            if rows <= columns {
                (0..columns).map(|k| q[a * columns + k] * q[b * columns + k]).sum()
            } else {
                (0..rows).map(|k| q[k * columns + a] * q[k * columns + b]).sum()
            }
        };
        for a in 0..rows.min(columns) {
            for b in 0..rows.min(columns) {
                let expected = if a == b { 4.0 } else { 0.0 };
                assert!((product(a, b) - expected).abs() < 1e-12);
            }
        }
    }
    assert!(drawn(Init::Orthogonal { gain: 1.0 }, &[0, 3]).is_empty());
}

#[test]
fn the_usual_rules_are_cases_of_variance_scaling() {
    let scaling = |scale, fan, spread| Init::VarianceScaling { scale, fan, spread };
    for (rule, scaling) in [
        (Init::xavier_uniform(), scaling(1.0, Fan::Average, Spread::Uniform)),
        (Init::kaiming_normal(), scaling(2.0, Fan::In, Spread::Normal)),
        (Init::LecunNormal, scaling(1.0, Fan::In, Spread::Normal)),
    ] {
        let (rule, scaling) = (drawn(rule, &[4, 6]), drawn(scaling, &[4, 6]));
        assert!(rule.iter().zip(&scaling).all(|(a, b)| (a - b).abs() < 1e-15));
    }
}

#[test]
fn the_identity_and_its_convolution_pass_things_through() {
    assert_eq!(drawn(Init::Identity { gain: 2.0 }, &[2, 3]), [2.0, 0.0, 0.0, 0.0, 2.0, 0.0]);
    assert_eq!(drawn(Init::Identity { gain: 1.0 }, &[3, 2]), [1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    // Two groups of two outputs and one input each, a window of 3: the second output of each is without partner.
    let dirac = drawn(Init::Dirac { groups: 2 }, &[4, 1, 3]);
    assert_eq!(dirac, [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    let dirac = drawn(Init::Dirac { groups: 1 }, &[2, 2, 2, 3]);
    let ones: Vec<_> = (0..24).filter(|&i| dirac[i] != 0.0).collect();
    // From channel 0 to 0 and 1 to 1, each at row 1 and column 1 of the window.
    assert_eq!(ones, [4, 6 + 12 + 4]);
    assert!(ones.iter().all(|&i| dirac[i] == 1.0));
}

#[test]
fn sparse_matrices_have_as_many_zeros_in_the_outputs_of_each_input() {
    let (inputs, outputs) = (40, 11);
    let values = drawn(Init::Sparse { sparsity: 0.3, std: 2.0 }, &[inputs, outputs]);
    let mut places = vec![0; outputs];
    for row in values.chunks(outputs) {
        // 3.3, rounded up.
        assert_eq!(row.iter().filter(|&&x| x == 0.0).count(), 4);
        row.iter().enumerate().for_each(|(i, &x)| places[i] += usize::from(x == 0.0));
    }
    assert!(places.iter().all(|&zeros| zeros > 2), "{places:?}");
    let rest: Vec<_> = values.into_iter().filter(|&x| x != 0.0).collect();
    let [mean, std, _] = moments(&rest);
    assert!(mean.abs() < 0.6 && (std - 2.0).abs() < 0.45, "{mean} {std}");
    assert_eq!(drawn(Init::Sparse { sparsity: 1.0, std: 2.0 }, &[2, 2]), [0.0; 4]);
}

#[test]
fn every_initializer_fills_all_of_its_shape_and_depends_on_its_key_alone() {
    for init in Init::ALL {
        let shape = if matches!(init, Init::Dirac { .. }) { vec![3, 3, 3] } else { vec![3, 3] };
        let values = drawn(init, &shape);
        assert!(values.iter().all(|x| x.is_finite()), "{init:?}");
        assert_eq!(values, drawn(init, &shape), "{init:?}");
        let shape = Shape::new(&shape).unwrap();
        let mut single = vec![f32::NAN; values.len()];
        init.fill(shape, Key::new(11).named("weight"), &mut single);
        assert!(values.iter().zip(&single).all(|(d, s)| *d as f32 == *s), "{init:?}");
        let mut other = vec![f64::NAN; values.len()];
        init.fill(shape, Key::new(12).named("weight"), &mut other);
        let constant = ["Zeros", "Ones", "Constant", "Identity", "Dirac"].contains(&init.name());
        assert_eq!(values == other, constant, "{init:?}");
    }
}

#[test]
fn constants_are_what_they_say() {
    assert_eq!(drawn(Init::Zeros, &[2]), [0.0; 2]);
    assert_eq!(drawn(Init::Ones, &[2]), [1.0; 2]);
    assert_eq!(drawn(Init::Constant(-0.5), &[2]), [-0.5; 2]);
    assert_eq!(drawn(Init::normal(0.0), &[2]), [0.0; 2]);
}

#[test]
fn impossible_initializers_say_why() {
    let vector = Shape::from([3]);
    assert!(Init::kaiming_normal().check(vector).unwrap_err().contains("fewer than two dimensions"));
    assert!(Init::Uniform { low: 1.0, high: 0.0 }.check(vector).is_err());
    assert!(Init::normal(-1.0).check(vector).is_err() && Init::normal(f64::NAN).check(vector).is_err());
    assert!(Init::TruncatedNormal { mean: 0.0, std: 0.0 }.check(vector).is_err());
    assert!(Init::XavierUniform { gain: -1.0 }.check(Shape::from([2, 2])).is_err());
    assert!(Init::Constant(f64::INFINITY).check(vector).is_err());
    assert!(Init::Identity { gain: 1.0 }.check(vector).unwrap_err().contains("two dimensions"));
    assert!(Init::Dirac { groups: 2 }.check(Shape::from([3, 1, 3])).unwrap_err().contains("groups divide"));
    assert!(Init::Sparse { sparsity: 1.5, std: 1.0 }.check(Shape::from([2, 2])).is_err());
    let scaling = Init::VarianceScaling { scale: 0.0, fan: Fan::In, spread: Spread::Normal };
    assert!(scaling.check(Shape::from([2, 2])).is_err());
}
