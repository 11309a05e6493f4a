//! Where SciPy's L-BFGS-B goes, and how many evaluations it takes; `oracles/minimize.py` wrote the file.

#[allow(unused_imports)]
use crate::certificate::extreme_curvatures;
use downhill_optim::minimize::*;
use downhill_optim::test_functions::{self, TestFunction};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    function: String,
    start: Vec<f64>,
    evaluations: u64,
    value: f64,
    converged: bool,
    bounds: Option<Vec<(f64, f64)>>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../oracles/minimize.json")).unwrap()
}

fn run(case: &Case, method: &Method) -> (Vec<f64>, Ending<f64>, &'static TestFunction) {
    let function = test_functions::by_name(&case.function).unwrap();
    let mut x = case.start.clone();
    let options = MinimizeOptions { iterations: 2000, ..MinimizeOptions::default() };
    let mut objective = function.value_and_gradient;
    let end = minimize(&mut objective, &mut x, method, &options, unobserved).unwrap();
    (x, end, function)
}

#[test]
fn table() {
    let mut ours = (0, 0);
    for case in cases().iter().filter(|case| case.bounds.is_none()) {
        for method in ["lbfgs", "lbfgsb"] {
            let (_, end, _) = run(case, &Method::from_name(method).unwrap());
            println!(
                "{:<8} {:<24} {:>3} {:>5} {:>5} {:>12.5e} {:>12.5e} {} {}",
                method,
                case.function,
                case.start.len(),
                case.evaluations,
                end.evaluations.gradients,
                case.value,
                end.value,
                case.converged,
                end.reason
            );
            if case.converged && end.reason.converged() && method == "lbfgs" {
                ours = (ours.0 + case.evaluations, ours.1 + end.evaluations.gradients);
            }
        }
    }
    println!("TOTAL {ours:?}");
    let mut total = (0, 0);
    for case in cases().iter() {
        let Some(bounds) = &case.bounds else { continue };
        let bounds = Bounds::Each(bounds.iter().map(|&(low, high)| Interval::new(low, high)).collect());
        let method = LbfgsB { bounds, ..LbfgsB::default() }.into();
        let (_, end, _) = run(case, &method);
        println!(
            "bounded  {:<24} {:>3} {:>5} {:>5} {:>12.5e} {:>12.5e} {} {}",
            case.function,
            case.start.len(),
            case.evaluations,
            end.evaluations.gradients,
            case.value,
            end.value,
            case.converged,
            end.reason
        );
        if case.converged && end.reason.converged() {
            total = (total.0 + case.evaluations, total.1 + end.evaluations.gradients);
        }
    }
    println!("TOTAL {total:?}");
}
