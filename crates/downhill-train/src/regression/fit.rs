//! From a model and examples to a fitted one.

use super::certificate::{Certificate, certify, duality};
use super::dense::{Factor, dependent_rows};
use super::examples::Examples;
use super::fitted::{Because, FitStop, Fitted, LeftOut};
use super::inference::{Inference, infer};
use super::loss::Loss;
use super::newton::Ended;
use super::problem::{Evaluated, Penalty, Problem, Want};
use super::quality::{measure, shares};
use super::{Regression, RegressionError, Solver, first_order, lasso, newton, separation};
use crate::Result;
use downhill_optim::minimize::Lbfgs;

/// The most parameters with which Hessians are made unless they are asked for.
const SMALL: usize = 1024;
/// The most parameters with which Hessians are made at all: 512 MiB for each.
const MOST_OF_NEWTON: usize = 8192;
/// A column is a combination of others if no more than this part of its variance is its own.
const OWN_PART: f64 = 1e-11;

/// Fits a model to checked examples.
pub(crate) fn fit(model: &Regression, examples: &Examples<'_>, classes: usize) -> Result<Fitted> {
    model.validate()?;
    let (options, penalty, loss) = (model.options(), model.penalty(), model.loss(classes));
    check_targets(loss, examples)?;
    check_existence(loss, examples)?;
    let mut problem = Problem::new(examples, loss, penalty, options)?;
    let solver = choose(model, &problem)?;
    let left_out = leave_out(&mut problem, penalty);

    let problem = problem;
    let (tolerance, most) = (options.tolerance, options.max_iterations);
    let ended = match &solver {
        Solver::CoordinateDescent | Solver::ProximalGradient => {
            lasso::minimize(&problem, &solver, tolerance, most)?
        }
        Solver::Lbfgs => first_order::minimize(&problem, &Lbfgs::default().into(), tolerance, most)?,
        Solver::Method(method) => first_order::minimize(&problem, method, tolerance, most)?,
        _ => newton::minimize(&problem, tolerance, most)?,
    };
    let Ended { point, iterations, stop, passes, last } = ended;
    check_scale(&problem, &point)?;
    let small = problem.dimension() <= SMALL;
    let here = match last {
        Some(last) if !last.hessian.is_empty() || penalty.l1 > 0.0 || !small => last,
        _ => problem.evaluate(&point, if small { Want::Hessian } else { Want::Gradient }),
    };
    let factor = (!here.hessian.is_empty())
        .then(|| Factor::of(&here.hessian, problem.dimension(), 0.0, 1e-13))
        .flatten();
    let certificate = if penalty.l1 > 0.0 {
        duality(&problem, &point, &here)
    } else {
        certify(&problem, &point, &here, factor.as_ref(), penalty.l2)
    };
    check_minimum(&problem, &certificate, &here, iterations)?;

    let (coefficients, intercepts) = problem.in_units(&point);
    let inference = match stop {
        FitStop::Iterations { .. } => {
            Inference::unknown("the solver was stopped before it came to the minimum")
        }
        _ => infer(&problem, &here, factor.as_ref(), &coefficients, intercepts[0], options.confidence),
    };
    let l1_norm: f64 = problem.l1.iter().zip(&point).map(|(l1, x)| l1 * x.abs()).sum();
    let mut fitted = Fitted {
        model: model.clone(),
        names: examples.names.clone(),
        classes,
        coefficients,
        intercepts,
        scale: loss.has_scale().then(|| point[point.len() - 1]),
        left_out,
        objective: here.value + l1_norm,
        gradient_norm: gradient_norm(&problem, &point, &here),
        solver: solver.name(),
        iterations,
        passes,
        stop,
        certificate,
        inference,
        quality: Default::default(),
    };
    let width = examples.columns;
    fitted.quality = if width == 0 {
        let eta: Vec<f64> = examples.targets.iter().flat_map(|_| fitted.intercepts.clone()).collect();
        measure(loss, &eta, examples)
    } else {
        measure(loss, &fitted.linear_predictors(examples.rows)?, examples)
    };
    Ok(fitted)
}

/// The solver that is taken, if it fits the model.
fn choose(model: &Regression, problem: &Problem<'_>) -> Result<Solver> {
    let refused = |reason| {
        let (solver, model) = (model.options().solver.name(), model.name());
        Err(RegressionError::Solver { solver, model, reason }.into())
    };
    let is_l1 = model.penalty().l1 > 0.0;
    match &model.options().solver {
        Solver::Auto if is_l1 => Ok(Solver::CoordinateDescent),
        Solver::Auto if problem.dimension() <= SMALL => Ok(Solver::Newton),
        Solver::Auto => Ok(Solver::Lbfgs),
        Solver::CoordinateDescent | Solver::ProximalGradient if problem.loss != Loss::Squares => {
            refused("it is for squares; take auto, newton, lbfgs or an optimizer")
        }
        Solver::CoordinateDescent | Solver::ProximalGradient => Ok(model.options().solver.clone()),
        Solver::Newton if problem.dimension() > MOST_OF_NEWTON => Err(RegressionError::TooManyColumns {
            solver: "newton".into(),
            columns: problem.dimension(),
            most: MOST_OF_NEWTON,
            advice: "take lbfgs",
        }
        .into()),
        _ if is_l1 => refused("it wants a smooth objective; take auto, coordinate or proximal-gradient"),
        solver => Ok(solver.clone()),
    }
}

/// Takes columns out of the design that say nothing of their own, where no penalty decides between them.
fn leave_out(problem: &mut Problem<'_>, penalty: Penalty) -> Vec<LeftOut> {
    let mut because: Vec<Option<Because>> =
        problem.left_out.iter().map(|&out| out.then_some(Because::Constant)).collect();
    if penalty == Penalty::default() && problem.width() <= SMALL {
        for column in combinations(problem) {
            if because[column].is_none() {
                because[column] = Some(Because::Combination);
                problem.leave_out(column);
            }
        }
    }
    let named = problem.examples.names.iter().zip(because);
    named.filter_map(|(name, why)| Some(LeftOut { column: name.clone(), because: why? })).collect()
}

/// Columns that are combinations of the ones before them.
fn combinations(problem: &Problem<'_>) -> Vec<usize> {
    let width = problem.width();
    let squares = Problem {
        examples: problem.examples,
        frame: problem.frame.clone(),
        loss: Loss::Squares,
        l2: vec![0.0; problem.l2.len()],
        l1: problem.l1.clone(),
        left_out: problem.left_out.clone(),
        penalized: false,
        threads: problem.threads,
        total: problem.total,
        unit: 1.0,
        spread: 1.0,
    };
    let products = squares.evaluate(&vec![0.0; width], Want::Hessian).hessian;
    let columns = problem.examples.columns;
    // The column of ones stands last and is orthogonal to the others, which are centred.
    dependent_rows(&products, width, OWN_PART).into_iter().filter(|&j| j < columns).collect()
}

/// Refuses targets that the loss has no meaning for.
pub(crate) fn check_targets(loss: Loss, examples: &Examples<'_>) -> Result<()> {
    let (expected, fits): (_, Box<dyn Fn(f64) -> bool>) = match loss {
        Loss::Poisson => ("a count: a number that is not negative", Box::new(|y| y >= 0.0)),
        Loss::Logistic => ("class 0 or 1", Box::new(|y| y == 0.0 || y == 1.0)),
        Loss::Softmax { classes } => (
            "the position of a class, a whole number from 0 to below their number",
            Box::new(move |y| y >= 0.0 && y.fract() == 0.0 && y < classes as f64),
        ),
        _ => return Ok(()),
    };
    match examples.targets.iter().position(|&y| !fits(y)) {
        Some(row) => Err(RegressionError::Target { row, value: examples.targets[row], expected }.into()),
        None => Ok(()),
    }
}

/// Refuses targets for which the constant alone has no finite estimate.
fn check_existence(loss: Loss, examples: &Examples<'_>) -> Result<()> {
    match loss {
        Loss::Logistic | Loss::Softmax { .. } => {
            let shares = shares(examples, loss.outputs().max(2));
            let there: Vec<usize> = (0..shares.len()).filter(|&class| shares[class] > 0.0).collect();
            if let [class] = there[..] {
                return Err(RegressionError::OneClass { class }.into());
            }
            match shares.iter().position(|&share| share == 0.0) {
                Some(class) => Err(RegressionError::EmptyClass { class }.into()),
                None => Ok(()),
            }
        }
        Loss::Poisson if examples.mean(|y| y) == 0.0 => {
            Err(RegressionError::NoMaximum { reason: "all counts are 0" }.into())
        }
        _ => Ok(()),
    }
}

/// Refuses a σ of nothing.
fn check_scale(problem: &Problem<'_>, point: &[f64]) -> Result<()> {
    const LEAST: f64 = 1e-8;
    let scale = problem.scale(point);
    if problem.loss.has_scale() && scale <= LEAST * problem.spread {
        return Err(RegressionError::NoScale { scale }.into());
    }
    Ok(())
}

/// Where nothing proves that there is a minimum nearby, asks whether the objective falls without end from here.
fn check_minimum(
    problem: &Problem<'_>,
    certificate: &Certificate,
    here: &Evaluated,
    iterations: u64,
) -> Result<()> {
    if problem.penalized || certificate.gap().is_some() || here.hessian.is_empty() {
        return Ok(());
    }
    let Some(factor) = Factor::shifted(&here.hessian, problem.dimension()) else { return Ok(()) };
    let direction: Vec<f64> = factor.solve(&here.gradient).iter().map(|x| -x).collect();
    separation::check_direction(problem, &direction, iterations)
}

/// The length of the gradient; of the smallest subgradient where an l1 penalty has a kink.
fn gradient_norm(problem: &Problem<'_>, point: &[f64], here: &Evaluated) -> f64 {
    let l1 = problem.l1.iter().copied().chain(std::iter::repeat(0.0));
    let outputs = problem.loss.outputs();
    if outputs > 1 {
        return here.gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    }
    let elements = here.gradient.iter().zip(point).zip(l1);
    let least =
        elements.map(|((&g, &x), l1)| if x == 0.0 { (g.abs() - l1).max(0.0) } else { g + l1 * x.signum() });
    least.map(|g| g * g).sum::<f64>().sqrt()
}
