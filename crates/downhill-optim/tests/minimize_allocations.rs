//! An iteration of any method allocates nothing.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

#[path = "../../downhill-engine/tests/counting/mod.rs"]
mod counting;

use counting::allocations;
use downhill_optim::minimize::{Bounds, Interval, LbfgsB, Method, MinimizeOptions, Minimizer};
use downhill_optim::test_functions;

// One test: allocations of another on a thread beside it would be counted too.
#[test]
fn an_iteration_allocates_nothing() {
    let function = test_functions::by_name("rosenbrock").unwrap();
    let mut objective = function.value_and_gradient;
    let start = function.start(40).unwrap();
    let bounds = Bounds::Each((0..40).map(|i| Interval::new(-2.0, 0.5 + 0.1 * f64::from(i % 7))).collect());
    let mut methods: Vec<Method> = vec![LbfgsB { bounds, ..LbfgsB::default() }.into()];
    methods.extend(Method::names().map(|name| Method::from_name(name).unwrap()));
    for method in methods {
        // These two say so: they work on matrices.
        if ["muon", "lookahead"].contains(&method.name()) {
            continue;
        }
        let options = MinimizeOptions::default();
        let mut minimizer = Minimizer::new(&mut objective, &start, &method, &options).unwrap();
        for iteration in 0..60 {
            let before = allocations();
            let outcome = minimizer.step(&mut objective).unwrap();
            let made = allocations() - before;
            assert_eq!(made, 0, "{}, iteration {iteration}", method.name());
            if outcome.is_break() {
                break;
            }
        }
        // With its default rate an optimizer may leave the numbers sooner.
        let searches = !matches!(method, Method::Optimizer(_));
        assert!(minimizer.progress().iteration > 10 || !searches, "{}", method.name());
    }
}
