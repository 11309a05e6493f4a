//! What must hold whatever the function: on random convex quadratics, and along the way of every method.

use downhill_optim::minimize::*;
use downhill_optim::test_functions;
use proptest::prelude::*;
use std::ops::ControlFlow;

/// `x·A x / 2 - b·x` with `A = Q D Qᵀ`, of curvatures between 1 and a limit.
#[derive(Clone, Debug)]
struct Quadratic {
    rows: Vec<Vec<f64>>,
    solution: Vec<f64>,
}

impl Quadratic {
    fn product(&self, x: &[f64], product: &mut [f64]) {
        for (product, row) in product.iter_mut().zip(&self.rows) {
            *product = row.iter().zip(x).map(|(a, x)| a * x).sum();
        }
    }

    /// The value above the minimum.
    fn value_and_gradient(&self, x: &[f64], gradient: &mut [f64]) -> f64 {
        let off: Vec<f64> = x.iter().zip(&self.solution).map(|(x, s)| x - s).collect();
        self.product(&off, gradient);
        0.5 * off.iter().zip(&*gradient).map(|(x, g)| x * g).sum::<f64>()
    }
}

fn quadratics() -> impl Strategy<Value = Quadratic> {
    (1_usize..9).prop_flat_map(|n| {
        let curvatures = prop::collection::vec(0.0..3.0_f64, n);
        let mirrors = prop::collection::vec(prop::collection::vec(-1.0..1.0_f64, n), 3);
        (curvatures, mirrors, prop::collection::vec(-5.0..5.0_f64, n)).prop_map(
            move |(d, mirrors, solution)| {
                let mut rows = vec![vec![0.0; n]; n];
                (0..n).for_each(|i| rows[i][i] = 10f64.powf(d[i]));
                // Reflections turn the axes: A <- H A H.
                for v in mirrors {
                    let square: f64 = v.iter().map(|v| v * v).sum::<f64>().max(1e-3);
                    let reflect = |rows: &mut Vec<Vec<f64>>| {
                        for row in rows.iter_mut() {
                            let along: f64 =
                                row.iter().zip(&v).map(|(a, v)| a * v).sum::<f64>() * 2.0 / square;
                            row.iter_mut().zip(&v).for_each(|(a, v)| *a -= along * v);
                        }
                    };
                    reflect(&mut rows);
                    rows = (0..n).map(|i| (0..n).map(|j| rows[j][i]).collect()).collect();
                    reflect(&mut rows);
                }
                for i in 0..n {
                    for j in 0..i {
                        rows[i][j] = rows[j][i];
                    }
                }
                Quadratic { rows, solution }
            },
        )
    })
}

fn searches() -> Vec<LineSearch> {
    vec![
        LineSearch::Backtracking(Backtracking::default()),
        LineSearch::Armijo(Armijo::default()),
        LineSearch::StrongWolfe(StrongWolfe::default()),
        LineSearch::HagerZhang(HagerZhang::default()),
    ]
}

fn methods(bounds: &Bounds) -> Vec<Method> {
    let mut methods: Vec<Method> = vec![NewtonCg::default().into(), TrustRegion::default().into()];
    for line_search in searches() {
        methods.push(Lbfgs { line_search: line_search.clone(), ..Lbfgs::default() }.into());
        methods.push(LbfgsB { line_search, bounds: bounds.clone(), ..LbfgsB::default() }.into());
    }
    for formula in [
        ConjugateGradientFormula::FletcherReeves,
        ConjugateGradientFormula::PolakRibiere,
        ConjugateGradientFormula::HagerZhang,
        ConjugateGradientFormula::DaiYuan,
    ] {
        methods.push(ConjugateGradient { formula, ..ConjugateGradient::default() }.into());
    }
    methods
}

/// The worst that rounding may do to a value of this size.
fn rounding(value: f64) -> f64 {
    1e-15 * value.abs()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_method_reaches_the_solution_of_a_convex_quadratic(quadratic in quadratics()) {
        for method in methods(&Bounds::default()) {
            let mut objective = WithHessian::new(
                |x: &[f64], gradient: &mut [f64]| quadratic.value_and_gradient(x, gradient),
                |_: &[f64], v: &[f64], product: &mut [f64]| quadratic.product(v, product),
            );
            let mut x = vec![1.0; quadratic.solution.len()];
            let options = MinimizeOptions { gradient_tolerance: 1e-8, iterations: 5000, ..Default::default() };
            let end = minimize(&mut objective, &mut x, &method, &options, unobserved).unwrap();
            prop_assert!(end.reason.converged(), "{method:?}: {end:?}");
            for (x, s) in x.iter().zip(&quadratic.solution) {
                // The smallest curvature is 1, so the gradient bounds the distance.
                prop_assert!((x - s).abs() < 1e-7, "{method:?}: {x} is not {s}: {end:?}");
            }
        }
    }

    #[test]
    fn the_value_never_rises_for_methods_that_search_by_values(quadratic in quadratics()) {
        let mut methods: Vec<Method> = methods(&Bounds::default());
        methods.extend(searches().into_iter().map(|line_search| SteepestDescent { line_search }.into()));
        for method in methods {
            // The search of Hager and Zhang may rise by a millionth where values are noise.
            let hager_zhang = format!("{method:?}").contains("HagerZhang(HagerZhang");
            let mut before = f64::INFINITY;
            let mut rose = None;
            let observer = |progress: &Progress<'_, f64>| {
                let allowed = rounding(before) + if hager_zhang { 1e-6 * before } else { 0.0 };
                if progress.value > before + allowed {
                    rose = Some((before, progress.value));
                }
                before = progress.value;
                ControlFlow::Continue(())
            };
            let mut objective = |x: &[f64], gradient: &mut [f64]| quadratic.value_and_gradient(x, gradient);
            let mut x = vec![1.0; quadratic.solution.len()];
            let options = MinimizeOptions { iterations: 200, ..Default::default() };
            minimize(&mut objective, &mut x, &method, &options, observer).unwrap();
            prop_assert!(rose.is_none(), "{method:?}: {rose:?}");
        }
    }

    #[test]
    fn bounds_are_never_left_and_the_end_satisfies_the_conditions_of_a_minimum_within_them(
        quadratic in quadratics(), ends in prop::collection::vec((-6.0..6.0_f64, 0.0..4.0_f64, any::<[bool; 2]>()), 8),
    ) {
        let n = quadratic.solution.len();
        let intervals: Vec<Interval> = ends[..n].iter().map(|&(lower, width, [low, high])| Interval {
            lower: low.then_some(lower),
            upper: high.then_some(lower + width),
        }).collect();
        for line_search in searches() {
            let mut outside = None;
            let mut objective = |x: &[f64], gradient: &mut [f64]| {
                for (x, interval) in x.iter().zip(&intervals) {
                    if interval.lower.is_some_and(|l| *x < l) || interval.upper.is_some_and(|u| *x > u) {
                        outside = Some((*x, *interval));
                    }
                }
                quadratic.value_and_gradient(x, gradient)
            };
            let bounds = Bounds::Each(intervals.clone());
            let method = LbfgsB { bounds, line_search, ..LbfgsB::default() }.into();
            let mut x = vec![1.0; n];
            let options = MinimizeOptions { gradient_tolerance: 1e-8, iterations: 2000, ..Default::default() };
            let end = minimize(&mut objective, &mut x, &method, &options, unobserved).unwrap();
            prop_assert!(outside.is_none(), "{method:?}: {outside:?}");
            prop_assert!(end.reason.converged(), "{method:?}: {end:?}");
            // Karush, Kuhn and Tucker: the gradient is 0 between the bounds and points outwards at them. A value of this
            // size rounds away the last of it.
            let tolerance = 1e-6 + 1e-5 * end.value.sqrt();
            let mut gradient = vec![0.0; n];
            quadratic.value_and_gradient(&x, &mut gradient);
            for i in 0..n {
                let at_lower = intervals[i].lower.is_some_and(|l| x[i] - l < 1e-6);
                let at_upper = intervals[i].upper.is_some_and(|u| u - x[i] < 1e-6);
                prop_assert!(gradient[i] < tolerance || at_lower, "{method:?} {x:?} {gradient:?} {end:?}");
                prop_assert!(gradient[i] > -tolerance || at_upper, "{method:?} {x:?} {gradient:?} {end:?}");
            }
        }
    }

    #[test]
    fn accepted_steps_satisfy_the_strong_wolfe_conditions(
        which in 0..test_functions::ALL.len(), place in prop::collection::vec(0.1..0.9_f64, 10),
        conjugate in any::<bool>(),
    ) {
        let function = &test_functions::ALL[which];
        prop_assume!(function.not_differentiable.is_none());
        let n = function.dimension.usual();
        let bounds = function.bounds(n).unwrap();
        let start: Vec<f64> = bounds.iter().zip(&place).map(|((low, high), at)| low + at * (high - low)).collect();
        let search = match conjugate {
            true => StrongWolfe { decrease: 1e-4, curvature: 0.1, ..StrongWolfe::default() },
            false => StrongWolfe::default(),
        };
        let line_search = LineSearch::StrongWolfe(search.clone());
        let method: Method = match conjugate {
            true => ConjugateGradient { line_search, ..ConjugateGradient::default() }.into(),
            false => Lbfgs { line_search, ..Lbfgs::default() }.into(),
        };
        let mut before: Option<(Vec<f64>, f64, f64)> = None;
        let mut broken = None;
        let observer = |progress: &Progress<'_, f64>| {
            if let (Some((x, value, sum)), Some(last)) = (&before, progress.last)
                && last.satisfied
            {
                // The direction, from the points; its slope where the step ends.
                let along: Vec<f64> = progress.x.iter().zip(x).map(|(a, b)| (a - b) / last.step).collect();
                let slope: f64 = along.iter().zip(progress.gradient).map(|(d, g)| d * g).sum();
                let size: f64 = along.iter().zip(progress.gradient).map(|(d, g)| (d * g).abs()).sum();
                let lost: f64 = progress.x.iter().zip(progress.gradient)
                    .map(|(x, g)| 4e-16 * (x * g / last.step).abs()).sum();
                let falls = progress.value
                    <= value + search.decrease * last.step * last.slope + 1e-12 * (value.abs() + sum);
                let flat = slope.abs() <= -search.curvature * last.slope + 1e-9 * size + 4.0 * lost;
                if !falls || !flat {
                    broken = Some((progress.iteration, *value, progress.value, last, slope));
                }
            }
            let sum = progress.x.iter().zip(progress.gradient).map(|(x, g)| (x * g).abs()).sum();
            before = Some((progress.x.to_vec(), progress.value, sum));
            ControlFlow::Continue(())
        };
        let mut objective = function.value_and_gradient;
        let mut x = start.clone();
        let options = MinimizeOptions { iterations: 100, ..Default::default() };
        minimize(&mut objective, &mut x, &method, &options, observer).unwrap();
        prop_assert!(broken.is_none(), "{} from {start:?}: {broken:?}", function.name);
    }
}
