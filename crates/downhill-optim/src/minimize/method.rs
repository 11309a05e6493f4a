//! The methods as values, by name.

use super::Objective;
use super::bounds::Feasible;
use super::evaluator::{Evaluator, Halt};
use super::methods::*;
use super::walk::{Moved, Walk};
use crate::{Error, Optimizer, OptimizerConfig, Result, Schedule};
use downhill_tensor::Float;
use downhill_tensor::suggest;
use serde::{Deserialize, Serialize};

/// How to minimize.
///
/// ```
/// use downhill_optim::minimize::Method;
/// let method = Method::from_name("newton-cg")?;
/// assert_eq!(serde_json::to_string(&Method::from_name("adam")?)?.find("optimizer"), Some(2));
/// assert_eq!(serde_json::from_str::<Method>(r#"{"newton_cg": {}}"#)?, method);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Method {
    /// See [`ScheduledOptimizer`].
    Optimizer(ScheduledOptimizer),
    /// See [`SteepestDescent`].
    SteepestDescent(SteepestDescent),
    /// See [`ConjugateGradient`].
    ConjugateGradient(ConjugateGradient),
    /// See [`Lbfgs`].
    Lbfgs(Lbfgs),
    /// See [`LbfgsB`].
    #[serde(rename = "lbfgsb")]
    LbfgsB(LbfgsB),
    /// See [`NewtonCg`].
    NewtonCg(NewtonCg),
    /// See [`TrustRegion`].
    TrustRegion(TrustRegion),
}

/// The methods that are not optimizers, as in files.
const NAMES: &[&str] =
    &["steepest_descent", "conjugate_gradient", "lbfgs", "lbfgsb", "newton_cg", "trust_region"];

impl Default for Method {
    fn default() -> Self {
        Method::Lbfgs(Lbfgs::default())
    }
}

impl Method {
    /// The method of this name with its defaults; any optimizer, by the names of [`OptimizerConfig::from_name`], is one.
    /// Upper case and `-` are understood.
    ///
    /// # Errors
    /// [`Error::UnknownMethod`], with the names that there are.
    pub fn from_name(name: &str) -> Result<Self> {
        match name.to_ascii_lowercase().replace('-', "_").as_str() {
            "steepest_descent" => Ok(Method::SteepestDescent(SteepestDescent::default())),
            "conjugate_gradient" => Ok(Method::ConjugateGradient(ConjugateGradient::default())),
            "lbfgs" => Ok(Method::Lbfgs(Lbfgs::default())),
            "lbfgsb" => Ok(Method::LbfgsB(LbfgsB::default())),
            "newton_cg" => Ok(Method::NewtonCg(NewtonCg::default())),
            "trust_region" => Ok(Method::TrustRegion(TrustRegion::default())),
            other => OptimizerConfig::from_name(other).map(Method::from).map_err(|_| Error::UnknownMethod {
                name: name.into(),
                suggestion: suggest::nearest(other, Self::names()),
                known: Self::names().collect(),
            }),
        }
    }

    /// The names that [`from_name`](Self::from_name) knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().copied().chain(OptimizerConfig::names())
    }

    /// The name, as in files; for an optimizer that of the optimizer.
    pub fn name(&self) -> &str {
        match self {
            Method::Optimizer(method) => crate::Rule::name(&method.optimizer),
            Method::SteepestDescent(_) => "steepest_descent",
            Method::ConjugateGradient(_) => "conjugate_gradient",
            Method::Lbfgs(_) => "lbfgs",
            Method::LbfgsB(_) => "lbfgsb",
            Method::NewtonCg(_) => "newton_cg",
            Method::TrustRegion(_) => "trust_region",
        }
    }

    /// Refuses options outside their domain.
    ///
    /// # Errors
    /// [`Error::InvalidValue`], which names the field.
    pub fn validate(&self) -> Result<()> {
        let check_memory =
            |owner, memory: usize| Error::check(memory > 0, owner, "memory", "at least 1", memory as f64);
        match self {
            Method::Optimizer(method) => {
                crate::Rule::validate(&method.optimizer)?;
                method.schedule.validate()
            }
            Method::SteepestDescent(method) => method.line_search.validate(),
            Method::ConjugateGradient(method) => method.line_search.validate(),
            Method::Lbfgs(method) => {
                check_memory("lbfgs", method.memory)?;
                method.line_search.validate()
            }
            Method::LbfgsB(method) => {
                check_memory("lbfgsb", method.memory)?;
                method.line_search.validate()
            }
            Method::NewtonCg(method) => method.validate(),
            Method::TrustRegion(method) => method.validate(),
        }
    }
}

/// Methods of their options, so that a method can be given as what it is.
macro_rules! from_options {
    ($($options:ident => $variant:ident,)*) => {$(
        impl From<$options> for Method {
            fn from(options: $options) -> Self {
                Method::$variant(options)
            }
        }
    )*};
}

from_options! {
    ScheduledOptimizer => Optimizer,
    SteepestDescent => SteepestDescent,
    ConjugateGradient => ConjugateGradient,
    Lbfgs => Lbfgs,
    LbfgsB => LbfgsB,
    NewtonCg => NewtonCg,
    TrustRegion => TrustRegion,
}

impl From<OptimizerConfig> for Method {
    /// At a constant rate.
    fn from(optimizer: OptimizerConfig) -> Self {
        Method::Optimizer(ScheduledOptimizer { optimizer, schedule: Schedule::Constant })
    }
}

/// The memory of any method.
pub(super) enum Solver<T: Float> {
    Optimizer(Box<Optimizer<T>>, Schedule),
    SteepestDescent(SteepestDescentSolver<T>),
    ConjugateGradient(ConjugateGradientSolver<T>),
    Lbfgs(LbfgsSolver<T>),
    LbfgsB(Box<LbfgsBSolver<T>>),
    NewtonCg(NewtonCgSolver<T>),
    TrustRegion(TrustRegionSolver<T>),
}

impl<T: Float> Solver<T> {
    /// The memory for so many variables, and the box in which they must lie, if there is one.
    pub fn new(method: &Method, variables: usize) -> Result<(Self, Option<Feasible<T>>)> {
        method.validate()?;
        let solver = match method.clone() {
            Method::Optimizer(ScheduledOptimizer { optimizer, schedule }) => {
                Solver::Optimizer(Box::new(Optimizer::new(optimizer, variables)?), schedule)
            }
            Method::SteepestDescent(options) => {
                Solver::SteepestDescent(SteepestDescentSolver::new(options, variables))
            }
            Method::ConjugateGradient(options) => {
                Solver::ConjugateGradient(ConjugateGradientSolver::new(options, variables))
            }
            Method::Lbfgs(options) => Solver::Lbfgs(LbfgsSolver::new(options, variables)),
            Method::LbfgsB(options) => {
                let feasible: Feasible<T> = options.bounds.resolve(variables)?;
                let solver = LbfgsBSolver::new(options, feasible.clone(), variables);
                return Ok((Solver::LbfgsB(Box::new(solver)), Some(feasible)));
            }
            Method::NewtonCg(options) => Solver::NewtonCg(NewtonCgSolver::new(options, variables)),
            Method::TrustRegion(options) => Solver::TrustRegion(TrustRegionSolver::new(options, variables)),
        };
        Ok((solver, None))
    }
}

/// The same call on whichever solver it is.
macro_rules! of_solver {
    ($self:expr, $solver:ident => $call:expr) => {
        match $self {
            Solver::Optimizer(optimizer, schedule) => {
                let $solver = &mut Following { optimizer: &mut **optimizer, schedule };
                $call
            }
            Solver::SteepestDescent($solver) => $call,
            Solver::ConjugateGradient($solver) => $call,
            Solver::Lbfgs($solver) => $call,
            Solver::LbfgsB($solver) => $call,
            Solver::NewtonCg($solver) => $call,
            Solver::TrustRegion($solver) => $call,
        }
    };
}

impl<T: Float> Solve<T> for Solver<T> {
    fn step<O: Objective<T> + ?Sized>(
        &mut self,
        walk: &mut Walk<T>,
        evaluator: &mut Evaluator<'_, T, O>,
    ) -> Result<Moved, Halt<O::Error>> {
        of_solver!(self, solver => solver.step(walk, evaluator))
    }

    fn leave<O: Objective<T> + ?Sized>(
        &mut self,
        walk: &mut Walk<T>,
        evaluator: &mut Evaluator<'_, T, O>,
    ) -> Result<Option<Moved>, Halt<O::Error>> {
        of_solver!(self, solver => solver.leave(walk, evaluator))
    }

    fn may_rise(&self) -> bool {
        matches!(self, Solver::Optimizer(..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_gives_a_valid_method_that_survives_being_written() {
        for name in Method::names() {
            let method = Method::from_name(&name.to_uppercase()).unwrap();
            method.validate().unwrap();
            let text = serde_json::to_string(&method).unwrap();
            assert_eq!(serde_json::from_str::<Method>(&text).unwrap(), method, "{text}");
        }
        for name in NAMES {
            assert_eq!(Method::from_name(name).unwrap().name(), *name);
        }
        let error = Method::from_name("simplex").unwrap_err().to_string();
        assert!(error.starts_with("no method is called \"simplex\"; there are steepest_descent"), "{error}");
    }

    #[test]
    fn options_outside_their_domain_are_refused() {
        for text in [
            r#"{"lbfgs": {"memory": 0}}"#,
            r#"{"lbfgsb": {"memory": 0}}"#,
            r#"{"trust_region": {"radius": 0}}"#,
            r#"{"trust_region": {"largest_radius": 0.5}}"#,
            r#"{"trust_region": {"acceptance": 0.25}}"#,
            r#"{"trust_region": {"inner_iterations": 0}}"#,
            r#"{"newton_cg": {"inner_iterations": 0}}"#,
            r#"{"lbfgs": {"line_search": {"strong_wolfe": {"decrease": 0.9}}}}"#,
            r#"{"lbfgs": {"line_search": {"strong_wolfe": {"decrease": 0.1, "curvature": 0.05}}}}"#,
            r#"{"lbfgs": {"line_search": {"strong_wolfe": {"evaluations": 0}}}}"#,
            r#"{"conjugate_gradient": {"line_search": {"hager_zhang": {"curvature": 0.01}}}}"#,
            r#"{"conjugate_gradient": {"line_search": {"hager_zhang": {"grow": 1}}}}"#,
            r#"{"conjugate_gradient": {"line_search": {"hager_zhang": {"shrink": 1}}}}"#,
            r#"{"conjugate_gradient": {"line_search": {"hager_zhang": {"tolerance": -1}}}}"#,
            r#"{"steepest_descent": {"line_search": {"backtracking": {"shrink": 1}}}}"#,
            r#"{"steepest_descent": {"line_search": {"armijo": {"decrease": 0}}}}"#,
        ] {
            let method: Method = serde_json::from_str(text).unwrap();
            assert!(matches!(method.validate(), Err(Error::InvalidValue { .. })), "{text}");
        }
    }
}
