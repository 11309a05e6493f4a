//! The methods that are compared, with what is chosen for them where the command line leaves it open.

use crate::exit::{Error, Result};
use crate::options::hyphens;
use downhill::optim::minimize::{
    Armijo, Backtracking, Bounds, HagerZhang, Interval, LineSearch, Method, StrongWolfe,
};
use downhill::optim::{OptimizerConfig, Rule};

/// The line searches, by name.
pub const LINE_SEARCHES: [&str; 4] = ["backtracking", "armijo", "strong-wolfe", "hager-zhang"];

/// A method, and what it is called.
#[derive(Clone, Debug)]
pub struct Entrant {
    /// Its name on the command line.
    pub name: String,
    /// What it does.
    pub method: Method,
    /// Its learning rate, if it has one.
    pub learning_rate: Option<f64>,
}

/// What was asked of all methods together.
pub struct Wishes<'a> {
    /// The names; empty for the usual ones.
    pub names: &'a [String],
    /// The line search of those that have one.
    pub line_search: Option<&'a str>,
    /// The learning rate of those that have one.
    pub learning_rate: Option<f64>,
    /// The bounds of the variables.
    pub bounds: Option<&'a [Interval]>,
    /// Whether several are to be looked at side by side.
    pub compared: bool,
    /// The largest curvature at the start, and the largest number of the start.
    pub scale: Scale,
}

/// The sizes from which learning rates follow.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    /// The largest absolute eigenvalue of the Hessian at the start; 0 if it is not known.
    pub curvature: f64,
    /// The largest absolute number of the start, or 1.
    pub reach: f64,
}

/// The methods, in the order asked for.
pub fn entrants(wishes: &Wishes<'_>) -> Result<Vec<Entrant>> {
    let usual: &[&str] = match (wishes.bounds, wishes.compared) {
        (Some(_), _) => &["lbfgsb"],
        (None, true) => &["lbfgs", "gradient-descent", "momentum", "adam"],
        (None, false) => &["lbfgs"],
    };
    let asked: Vec<&str> = wishes.names.iter().map(String::as_str).collect();
    let names = if asked.is_empty() { usual } else { &asked };
    let mut entrants: Vec<Entrant> = Vec::new();
    for name in names {
        let entrant = entrant(name, wishes)?;
        if entrants.iter().all(|other| other.name != entrant.name) {
            entrants.push(entrant);
        }
    }
    let has = |what: fn(&Entrant) -> bool| entrants.iter().any(what);
    if wishes.learning_rate.is_some() && !has(|entrant| entrant.learning_rate.is_some()) {
        return Err(Error::Usage(
            "--learning-rate: none of the methods has one; gradient-descent, momentum and adam do".into(),
        ));
    }
    if wishes.line_search.is_some() && !has(|entrant| line_search(&mut entrant.method.clone()).is_some()) {
        return Err(Error::Usage(
            "--line-search: none of the methods searches along lines; lbfgs, cg and newton-cg do".into(),
        ));
    }
    Ok(entrants)
}

fn entrant(name: &str, wishes: &Wishes<'_>) -> Result<Entrant> {
    let normal = name.trim().to_ascii_lowercase().replace('-', "_");
    let known = match normal.as_str() {
        "cg" => "conjugate_gradient",
        "l_bfgs" => "lbfgs",
        "l_bfgs_b" | "lbfgs_b" => "lbfgsb",
        "newton" => "newton_cg",
        other => other,
    };
    let mut method = Method::from_name(known)?;
    let mut learning_rate = None;
    if let Method::Optimizer(scheduled) = &mut method {
        let rate = wishes.learning_rate.or_else(|| rate(known, wishes.scale));
        let rate = rate.unwrap_or_else(|| scheduled.optimizer.learning_rate());
        scheduled.optimizer = scheduled.optimizer.clone().with_learning_rate(rate);
        learning_rate = Some(rate);
    }
    if let (Some(name), Some(search)) = (wishes.line_search, line_search(&mut method)) {
        *search = match name {
            "backtracking" => LineSearch::Backtracking(Backtracking::default()),
            "armijo" => LineSearch::Armijo(Armijo::default()),
            "hager-zhang" => LineSearch::HagerZhang(HagerZhang::default()),
            _ => LineSearch::StrongWolfe(StrongWolfe::default()),
        };
    }
    match (&mut method, wishes.bounds) {
        (Method::LbfgsB(lbfgsb), Some(bounds)) => lbfgsb.bounds = Bounds::Each(bounds.to_vec()),
        (_, Some(_)) => {
            return Err(Error::Usage(format!("--bounds: {} knows no bounds; lbfgsb does", hyphens(known))));
        }
        _ => {}
    }
    method.validate()?;
    Ok(Entrant { name: hyphens(known), method, learning_rate })
}

/// The line search of a method that has one.
fn line_search(method: &mut Method) -> Option<&mut LineSearch> {
    match method {
        Method::SteepestDescent(method) => Some(&mut method.line_search),
        Method::ConjugateGradient(method) => Some(&mut method.line_search),
        Method::Lbfgs(method) => Some(&mut method.line_search),
        Method::LbfgsB(method) => Some(&mut method.line_search),
        Method::NewtonCg(method) => Some(&mut method.line_search),
        _ => None,
    }
}

/// The learning rate of an optimizer: one over the largest curvature at the start for those that move by the rate
/// times the gradient, a fiftieth of the reach for those that move by about the rate, in one digit. `None` for the
/// rate that the optimizer has by itself.
fn rate(name: &str, scale: Scale) -> Option<f64> {
    let rate = match name {
        "gradient_descent" | "sgd" | "momentum" | "nesterov" | "asgd" => 1.0 / scale.curvature,
        "adam"
        | "adamw"
        | "amsgrad"
        | "adamax"
        | "nadam"
        | "radam"
        | "adabelief"
        | "yogi"
        | "adan"
        | "rmsprop"
        | "schedule_free_adamw" => 0.02 * scale.reach,
        "lion" => 0.002 * scale.reach,
        "adagrad" => 0.2 * scale.reach,
        _ => return None,
    };
    let rounded = format!("{rate:.0e}").parse::<f64>().ok()?;
    (rounded.is_finite() && rounded > 0.0).then_some(rounded)
}

/// What a method is, for a list of names.
pub fn known() -> String {
    let optimizers: Vec<String> = OptimizerConfig::names().map(hyphens).collect();
    format!("lbfgs, lbfgsb, cg, newton-cg, trust-region, steepest-descent, {}", optimizers.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wishes<'a>(names: &'a [String]) -> Wishes<'a> {
        let scale = Scale { curvature: 500.0, reach: 1.0 };
        Wishes { names, line_search: None, learning_rate: None, bounds: None, compared: false, scale }
    }

    #[test]
    fn rates_follow_from_curvature_and_reach() {
        let names = ["gradient-descent", "adam", "rprop"].map(String::from);
        let rates: Vec<_> = entrants(&wishes(&names))
            .unwrap()
            .into_iter()
            .map(|entrant| entrant.learning_rate.unwrap())
            .collect();
        assert_eq!(rates, [0.002, 0.02, 0.01]);
        let flat = Scale { curvature: 0.0, reach: 1.0 };
        let unknown = entrants(&Wishes { scale: flat, ..wishes(&names) }).unwrap();
        assert_eq!(unknown[0].learning_rate, Some(OptimizerConfig::default().learning_rate()));
    }

    #[test]
    fn names_that_people_use_are_understood_and_none_comes_twice() {
        let names = ["CG", "l-bfgs", "lbfgs", "newton"].map(String::from);
        let found: Vec<_> =
            entrants(&wishes(&names)).unwrap().into_iter().map(|entrant| entrant.name).collect();
        assert_eq!(found, ["conjugate-gradient", "lbfgs", "newton-cg"]);
    }
}
