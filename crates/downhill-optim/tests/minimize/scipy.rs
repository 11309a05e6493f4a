//! Where SciPy's L-BFGS-B goes, and how many evaluations it takes; `oracles/minimize.py` wrote the file.

use crate::certificate::extreme_curvatures;
use downhill_optim::minimize::*;
use downhill_optim::test_functions;
use serde::Deserialize;

/// How many more evaluations than SciPy all cases may take together.
const ALLOWED: f64 = 1.2;

#[derive(Deserialize)]
struct Case {
    function: String,
    start: Vec<f64>,
    evaluations: u64,
    value: f64,
    converged: bool,
    bounds: Option<Vec<(f64, f64)>>,
}

fn cases(bounded: bool) -> Vec<Case> {
    let all: Vec<Case> = serde_json::from_str(include_str!("../oracles/minimize.json")).unwrap();
    all.into_iter().filter(|case| case.bounds.is_some() == bounded).collect()
}

impl Case {
    /// Goes down with a method, and checks that no evaluation is outside the bounds.
    fn run(&self, method: &Method) -> (Vec<f64>, Ending<f64>) {
        let function = test_functions::by_name(&self.function).unwrap().value_and_gradient;
        let bounds = self.bounds.clone().unwrap_or_default();
        let mut objective = |x: &[f64], gradient: &mut [f64]| {
            for (x, (low, high)) in x.iter().zip(&bounds) {
                assert!(low <= x && x <= high, "{}: {x} is not between {low} and {high}", self.function);
            }
            function(x, gradient)
        };
        let mut x = self.start.clone();
        let options = MinimizeOptions { iterations: 3000, ..MinimizeOptions::default() };
        let end = minimize(&mut objective, &mut x, method, &options, unobserved).unwrap();
        (x, end)
    }

    /// Whether the point is a minimum that is known, or has a small gradient and no negative curvature; or whether the
    /// function has no minimum, and the ending says so.
    fn check(&self, name: &str, x: &[f64], end: &Ending<f64>) {
        let context = || format!("{name} on {} from {:?}: {end:?} at {x:?}", self.function, self.start);
        let function = test_functions::by_name(&self.function).unwrap();
        let unbounded =
            matches!(end.reason, StopReason::UnboundedBelow { .. } | StopReason::Iterations { .. });
        if function.minima.is_empty() && unbounded {
            return;
        }
        assert!(end.reason.converged(), "{}", context());
        let known = function.minima.iter().any(|minimum| {
            let value = (minimum.value)(x.len());
            (end.value - value).abs() <= 1e-8 * value.abs().max(1.0)
        });
        if !known {
            let (least, most) = extreme_curvatures(function.value_and_gradient, x);
            assert!(least >= -1e-5 * most.max(1.0), "{least} of {most}: {}", context());
        }
    }
}

/// The evaluations of SciPy and ours, over the cases in which both converge; and how often each is lower.
fn compare(name: &str, bounded: bool, method: impl Fn(&Case) -> Method) -> (u64, u64) {
    let (mut theirs, mut ours) = (0, 0);
    println!("{name:<24} variables   SciPy    ours");
    for case in cases(bounded) {
        let (x, end) = case.run(&method(&case));
        if !bounded {
            case.check(name, &x, &end);
        }
        let evaluations = end.evaluations.values;
        println!("{:<24} {:>9} {:>7} {evaluations:>7}", case.function, case.start.len(), case.evaluations);
        if case.converged && end.reason.converged() {
            (theirs, ours) = (theirs + case.evaluations, ours + evaluations);
        }
    }
    println!("{:<34} {theirs:>7} {ours:>7}", "together");
    (theirs, ours)
}

#[test]
fn lbfgs_reaches_a_minimum_from_every_start_in_about_as_many_evaluations_as_scipy() {
    let (theirs, ours) = compare("lbfgs", false, |_| Lbfgs::default().into());
    assert!(ours as f64 <= ALLOWED * theirs as f64, "{ours} against {theirs}");
}

#[test]
fn lbfgsb_without_bounds_reaches_a_minimum_in_about_as_many_evaluations_as_scipy() {
    let (theirs, ours) = compare("lbfgsb", false, |_| LbfgsB::default().into());
    assert!(ours as f64 <= ALLOWED * theirs as f64, "{ours} against {theirs}");
}

fn within(case: &Case) -> LbfgsB {
    let bounds = case.bounds.as_ref().unwrap();
    let bounds = Bounds::Each(bounds.iter().map(|&(low, high)| Interval::new(low, high)).collect());
    LbfgsB { bounds, ..LbfgsB::default() }
}

#[test]
fn lbfgsb_within_bounds_ends_where_scipy_ends_in_about_as_many_evaluations() {
    let (mut higher, mut lower) = (0, 0);
    for case in cases(true) {
        let (_, end) = case.run(&within(&case).into());
        let context = || format!("{} from {:?}: {end:?}", case.function, case.start);
        assert!(end.reason.converged(), "{}", context());
        let tolerance = 1e-6 * case.value.abs().max(1.0);
        lower += u32::from(end.value < case.value - tolerance);
        if end.value > case.value + tolerance {
            println!("{} instead of {}: {}", end.value, case.value, context());
            higher += 1;
        }
    }
    println!("lower than SciPy {lower} times, higher {higher} times");
    assert!(higher <= lower, "{higher} higher, {lower} lower");
    let (theirs, ours) = compare("lbfgsb", true, |case| within(case).into());
    assert!(ours as f64 <= ALLOWED * theirs as f64, "{ours} against {theirs}");
}

#[test]
fn every_other_method_reaches_a_minimum_from_every_start() {
    let mut methods: Vec<(String, Method)> = Vec::new();
    for formula in [
        ConjugateGradientFormula::PolakRibiere,
        ConjugateGradientFormula::FletcherReeves,
        ConjugateGradientFormula::DaiYuan,
    ] {
        let options = ConjugateGradient { formula, ..ConjugateGradient::default() };
        methods.push((format!("{formula:?}"), options.into()));
    }
    let line_search = LineSearch::HagerZhang(HagerZhang::default());
    let formula = ConjugateGradientFormula::HagerZhang;
    methods
        .push(("HagerZhang".into(), ConjugateGradient { formula, line_search: line_search.clone() }.into()));
    methods.push(("lbfgs, HagerZhang".into(), Lbfgs { line_search, ..Lbfgs::default() }.into()));
    for line_search in
        [LineSearch::Armijo(Armijo::default()), LineSearch::Backtracking(Backtracking::default())]
    {
        methods.push((format!("lbfgs, {line_search:?}"), Lbfgs { line_search, ..Lbfgs::default() }.into()));
    }
    for name in ["newton_cg", "trust_region"] {
        methods.push((name.into(), Method::from_name(name).unwrap()));
    }
    for (name, method) in methods {
        let (mut total, mut worst) = (0, (0, String::new()));
        for case in cases(false) {
            let (x, end) = case.run(&method);
            case.check(&name, &x, &end);
            total += end.evaluations.gradients;
            worst = worst.max((end.evaluations.gradients, case.function.clone()));
        }
        println!("{name:<60} {total:>7} gradients, at most {worst:?}");
    }
}
