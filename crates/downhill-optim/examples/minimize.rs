//! Minimize a function that has nothing to do with networks, with nine methods: what each of them costs, and why it
//! ends.
//!
//! Rosenbrock's valley is curved and nearly flat along its bottom: easy to reach, slow to follow. Its minimum is 0, where
//! all variables are 1.
#![allow(clippy::print_stdout)]

use downhill_optim::minimize::{
    ConjugateGradient, ConjugateGradientFormula, HagerZhang, LineSearch, Method, MinimizeOptions,
    WithHessian, minimize, unobserved,
};
use downhill_optim::{Adam, GradientDescent, OptimizerConfig};

/// `Σ (1 - x_i)² + 100 (x_{i+1} - x_i²)²`.
fn rosenbrock(x: &[f64], gradient: &mut [f64]) -> f64 {
    gradient.fill(0.0);
    let mut value = 0.0;
    for i in 0..x.len() - 1 {
        let (short, off) = (1.0 - x[i], x[i + 1] - x[i] * x[i]);
        value += short * short + 100.0 * off * off;
        gradient[i] += -2.0 * short - 400.0 * x[i] * off;
        gradient[i + 1] += 200.0 * off;
    }
    value
}

/// The second derivatives of it at `x`, times `v`.
fn hessian(x: &[f64], v: &[f64], product: &mut [f64]) {
    product.fill(0.0);
    for i in 0..x.len() - 1 {
        product[i] += (2.0 - 400.0 * (x[i + 1] - 3.0 * x[i] * x[i])) * v[i] - 400.0 * x[i] * v[i + 1];
        product[i + 1] += 200.0 * v[i + 1] - 400.0 * x[i] * v[i];
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let optimizer = |config: OptimizerConfig| Method::from(config);
    let hager_zhang = ConjugateGradient {
        formula: ConjugateGradientFormula::HagerZhang,
        line_search: LineSearch::HagerZhang(HagerZhang::default()),
    };
    let methods = [
        ("gradient descent", optimizer(GradientDescent { learning_rate: 1e-3 }.into())),
        ("gradient descent, searching", Method::from_name("steepest_descent")?),
        ("Adam", optimizer(Adam { learning_rate: 0.01, ..Adam::default() }.into())),
        ("conjugate gradients", Method::from_name("conjugate_gradient")?),
        ("the same, Hager and Zhang", hager_zhang.into()),
        ("L-BFGS", Method::from_name("lbfgs")?),
        ("L-BFGS-B", Method::from_name("lbfgsb")?),
        ("Newton-CG", Method::from_name("newton_cg")?),
        ("trust region", Method::from_name("trust_region")?),
    ];
    let options = MinimizeOptions { iterations: 50_000, ..MinimizeOptions::default() };

    println!("{:<28} {:>10} {:>9} {:>9}  {:>9}", "method", "iterations", "gradients", "products", "value");
    for (name, method) in methods {
        let mut x = [-1.2, 1.0, -1.2, 1.0, -1.2, 1.0];
        let mut objective = WithHessian::new(rosenbrock, hessian);
        let end = minimize(&mut objective, &mut x, &method, &options, unobserved)?;
        println!(
            "{name:<28} {:>10} {:>9} {:>9}  {:>9.2e}  {}",
            end.iterations,
            end.evaluations.gradients,
            end.evaluations.hessian_products,
            end.value,
            end.reason
        );
    }
    Ok(())
}
