//! `downhill minimize`: the minimum of a function, by one method or several side by side.

mod methods;
mod picture;
mod problem;
mod walk;

use crate::exit::{Error, Result};
use crate::options::names;
use crate::output;
use crate::pictures::PictureArguments;
use crate::report::{self, number};
use clap::Args;
use downhill::optim::minimize::{Evaluations, Interval, MinimizeOptions, StopReason};
use downhill::optim::test_functions;
use methods::{Entrant, LINE_SEARCHES, Scale, Wishes, entrants};
use problem::{Problem, point};
use serde::Serialize;
use walk::{Nature, Walk, curvatures, walk};

/// Find the minimum of a function: of one that is known by name, or of a formula.
///
/// Gradients are exact, also those of a formula. The page and the picture show the ways of several methods: over the
/// contours of the function where it has two variables, by their values where it has more.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downhill minimize rosenbrock
  downhill minimize himmelblau --from 0,-4 --html himmelblau.html
  downhill minimize rosenbrock --dimension 50 --method lbfgs,cg,newton-cg,trust-region
  downhill minimize --expr \"(1-x)^2 + 100*(y-x^2)^2\" --from -1.2,1
  downhill minimize --expr \"x^2 + sin(5*x)\" --from 2 --json
  downhill minimize --list

Formulas know + - * / ^, parentheses, pi, e, sin cos tan asin acos atan sinh cosh tanh exp log sqrt abs erf, and
min(a,b) max(a,b) pow(a,b).")]
pub struct Arguments {
    /// The name of a function; --list shows them
    #[arg(required_unless_present_any = ["expr", "list"], conflicts_with_all = ["expr", "list"])]
    name: Option<String>,
    /// A formula to minimize; its variables are in the order in which they appear
    #[arg(long, value_name = "FORMULA", allow_hyphen_values = true, conflicts_with = "list")]
    expr: Option<String>,
    /// The variables of the formula, in another order
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', requires = "expr")]
    variables: Vec<String>,
    /// Where to begin [default for a function by name: its usual start]
    #[arg(long, value_name = "X,...", value_delimiter = ',', allow_hyphen_values = true)]
    from: Option<Vec<f64>>,
    /// How many variables, for a function by name that takes any number [default: as many as --from has, or 2]
    #[arg(long, value_name = "N", conflicts_with = "expr", value_parser = variables)]
    dimension: Option<usize>,
    /// Bounds for all variables, or for each in their order; an end may be left out: 0:1,0:
    #[arg(long, value_name = "LOW:HIGH,...", value_delimiter = ',', value_parser = interval,
        allow_hyphen_values = true)]
    bounds: Option<Vec<Interval>>,
    #[command(flatten)]
    walk: WalkOptions,
    /// Show the functions that are known by name
    #[arg(long)]
    list: bool,
    /// Print the result as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pictures: PictureArguments,
}

#[derive(Args)]
#[command(next_help_heading = "Methods")]
struct WalkOptions {
    /// How to go down: lbfgs, lbfgsb, cg, newton-cg, trust-region, steepest-descent, or any optimizer; several are
    /// compared [default: lbfgs; with bounds lbfgsb; in pictures lbfgs, gradient-descent, momentum, adam]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    method: Vec<String>,
    /// The line search of the methods that have one [default: the method's own]
    #[arg(long, value_name = "NAME", value_parser = names(LINE_SEARCHES.to_vec()))]
    line_search: Option<String>,
    /// The learning rate of optimizers [default: one over the largest curvature at the start for gradient-descent and
    /// momentum; 0.02 of the largest number of the start, or of 1, for adam and its kind; the optimizer's own for
    /// others]
    #[arg(long, value_name = "RATE", allow_negative_numbers = true)]
    learning_rate: Option<f64>,
    /// The most iterations
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    iterations: u64,
    /// The largest absolute number of the gradient at the end
    #[arg(long, value_name = "SIZE", default_value_t = 1e-8, allow_negative_numbers = true)]
    tolerance: f64,
    /// Stop at a value that is as low as this
    #[arg(long, value_name = "VALUE", allow_negative_numbers = true)]
    target: Option<f64>,
}

/// More variables than this are a slip, and their matrices would not fit into memory.
fn variables(text: &str) -> Result<usize, String> {
    const MOST: usize = 100_000;
    match text.parse() {
        Ok(count) if (1..=MOST).contains(&count) => Ok(count),
        _ => Err(format!("expected a whole number from 1 to {MOST}")),
    }
}

/// `LOW:HIGH`, where an end may be left out.
fn interval(text: &str) -> Result<Interval, String> {
    let expected = || format!("expected LOW:HIGH, such as -1:1 or 0:, found {text}");
    let end = |text: &str| match text.trim() {
        "" => Ok(None),
        text => text.parse::<f64>().ok().filter(|end| !end.is_nan()).map(Some).ok_or_else(expected),
    };
    let (low, high) = text.split_once(':').ok_or_else(expected)?;
    let (lower, upper) = (end(low)?, end(high)?);
    match (lower, upper) {
        (Some(low), Some(high)) if low > high => Err(format!("the bound {low} is above {high}")),
        _ => Ok(Interval { lower, upper }),
    }
}

/// A result as a program reads it.
#[derive(Serialize)]
struct Found<'a> {
    function: &'a str,
    formula: &'a str,
    variables: &'a [String],
    start: &'a [f64],
    lowest_known: Option<f64>,
    methods: Vec<FoundBy<'a>>,
}

/// What one method found.
#[derive(Serialize)]
struct FoundBy<'a> {
    method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    learning_rate: Option<f64>,
    point: &'a [f64],
    value: f64,
    gradient_norm: f64,
    iterations: u64,
    evaluations: Calls,
    stop_reason: &'static str,
    stopped: String,
    converged: bool,
    stationary_point: &'a Nature,
}

#[derive(Serialize)]
struct Calls {
    values: u64,
    gradients: u64,
    hessian_products: u64,
}

impl From<Evaluations> for Calls {
    fn from(counts: Evaluations) -> Self {
        let Evaluations { values, gradients, hessian_products } = counts;
        Calls { values, gradients, hessian_products }
    }
}

/// Minimizes.
pub fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { pictures, json, .. } = arguments;
    pictures.check()?;
    if arguments.list {
        return list(*json);
    }
    let mut problem = problem_of(arguments)?;
    let bounds = bounds_of(arguments, &problem)?;
    problem.check_start()?;
    let methods = methods_of(arguments, &mut problem, bounds.as_deref())?;
    let WalkOptions { iterations, tolerance, target, .. } = arguments.walk;
    let options =
        MinimizeOptions { iterations, gradient_tolerance: tolerance, target, ..MinimizeOptions::default() };
    let mut walks = Vec::new();
    for entrant in methods {
        walks.push(walk(&mut problem, entrant, &options, bounds.is_some())?);
    }
    let page = pictures.html().then(|| picture::page(&mut problem, &walks).to_string());
    let drawing = pictures.svg().then(|| picture::chart(&mut problem, &walks).svg());
    let csv = || picture::ways(&problem, &walks).csv();
    pictures.write(|| page.unwrap_or_default(), || drawing.unwrap_or_default(), csv)?;
    if *json {
        output::json(&found(&problem, &walks))?
    } else {
        output::text(&told(&problem, &walks))?
    }
    let lost = |walk: &Walk| matches!(walk.end.reason, StopReason::NotFinite { .. });
    if walks.iter().all(lost) {
        let advice = "try another start, or a smaller --learning-rate";
        return Err(Error::Diverged(format!("every walk left the finite numbers: {advice}")));
    }
    Ok(())
}

fn problem_of(arguments: &Arguments) -> Result<Problem> {
    let from = arguments.from.clone();
    match (&arguments.name, &arguments.expr) {
        (_, Some(formula)) => Problem::formula(formula, &arguments.variables, from),
        (name, None) => {
            let function = test_functions::by_name(name.as_deref().unwrap_or_default())?;
            if let (Some(asked), Some(given)) = (arguments.dimension, from.as_ref().map(Vec::len))
                && asked != given
            {
                return Err(Error::Configuration(format!(
                    "--dimension {asked} and --from with {given} numbers contradict each other"
                )));
            }
            Problem::named(function, arguments.dimension, from)
        }
    }
}

/// The bounds of each variable, if there are any.
fn bounds_of(arguments: &Arguments, problem: &Problem) -> Result<Option<Vec<Interval>>> {
    let Some(bounds) = &arguments.bounds else { return Ok(None) };
    let count = problem.variables.len();
    let bounds = match bounds.len() {
        1 => vec![bounds[0]; count],
        given if given == count => bounds.clone(),
        given => {
            return Err(Error::Configuration(format!(
                "--bounds: expected one LOW:HIGH for all variables, or {count}, but {given} came"
            )));
        }
    };
    for ((bound, &x), name) in bounds.iter().zip(&problem.start).zip(&problem.variables) {
        let (low, high) = (bound.lower.unwrap_or(f64::NEG_INFINITY), bound.upper.unwrap_or(f64::INFINITY));
        if x < low || x > high {
            return Err(Error::Configuration(format!(
                "the start lies out of the bounds: {name} = {x} is not between {low} and {high}; \
                 give another one with --from"
            )));
        }
    }
    Ok(Some(bounds))
}

fn methods_of(
    arguments: &Arguments,
    problem: &mut Problem,
    bounds: Option<&[Interval]>,
) -> Result<Vec<Entrant>> {
    // All eigenvalues of a large Hessian only to choose a rate would take longer than the walk.
    const MOST: usize = 100;
    let start = problem.start.clone();
    let known = if start.len() <= MOST { curvatures(problem, &start) } else { None };
    let largest = |values: &[f64]| values.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    let scale = Scale { curvature: largest(&known.unwrap_or_default()), reach: largest(&start).max(1.0) };
    let WalkOptions { method, line_search, learning_rate, .. } = &arguments.walk;
    entrants(&Wishes {
        names: method,
        line_search: line_search.as_deref(),
        learning_rate: *learning_rate,
        bounds,
        compared: arguments.pictures.any(),
        scale,
    })
}

fn found<'a>(problem: &'a Problem, walks: &'a [Walk]) -> Found<'a> {
    let by = |walk: &'a Walk| FoundBy {
        method: &walk.entrant.name,
        learning_rate: walk.entrant.learning_rate,
        point: &walk.x,
        value: walk.end.value,
        gradient_norm: walk.end.gradient_norm,
        iterations: walk.end.iterations,
        evaluations: walk.end.evaluations.into(),
        stop_reason: walk::reason(&walk.end.reason),
        stopped: walk.end.reason.to_string(),
        converged: walk.end.reason.converged(),
        stationary_point: &walk.nature,
    };
    Found {
        function: &problem.name,
        formula: &problem.formula,
        variables: &problem.variables,
        start: &problem.start,
        lowest_known: problem.lowest,
        methods: walks.iter().map(by).collect(),
    }
}

fn told(problem: &Problem, walks: &[Walk]) -> String {
    let mut text = format!("f({}) = {}\n", problem.variables.join(", "), problem.formula);
    if let Some(note) = &problem.note {
        text += &format!("{}: {note}\n", problem.name);
    }
    if let Some(kinks) = problem.kinks {
        text += &format!("It has no derivative {kinks}.\n");
    }
    text += &format!("from {}", point(&problem.start));
    if let Some(lowest) = problem.lowest {
        text += &format!("; the lowest value is known to be {}", number(lowest));
    }
    text += &format!("\n\n{}\n", report::Table::of(&picture::results(walks)));
    for walk in walks {
        text += &format!("{}: {}.\n", walk.entrant.name, picture::ending(walk));
    }
    text
}

/// A line of the list.
#[derive(Serialize)]
struct Row {
    name: String,
    variables: String,
    minima: usize,
    formula: &'static str,
    note: &'static str,
    source: &'static str,
}

fn list(json: bool) -> Result<()> {
    #[derive(Serialize)]
    struct List {
        functions: Vec<Row>,
    }
    let row = |function: &test_functions::TestFunction| Row {
        name: function.name.replace('_', "-"),
        variables: function.dimension.to_string(),
        minima: function.minima.len(),
        formula: function.formula,
        note: function.note,
        source: function.source,
    };
    let functions: Vec<Row> = test_functions::ALL.iter().map(row).collect();
    if json {
        return output::json(&List { functions });
    }
    let mut table = report::Table::new(["name", "variables", "what it is"], 1..1);
    for row in &functions {
        table.row([row.name.clone(), row.variables.clone(), row.note.into()]);
    }
    output::text(&format!("{table}\nMethods: {}.\n", methods::known()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_may_be_open_at_an_end() {
        assert_eq!(interval("-1:2"), Ok(Interval::new(-1.0, 2.0)));
        assert_eq!(interval("0:"), Ok(Interval::at_least(0.0)));
        assert_eq!(interval(":"), Ok(Interval::EVERYTHING));
        for wrong in ["", "1", "a:2", "2:1", "nan:1"] {
            assert!(interval(wrong).is_err(), "{wrong}");
        }
    }
}
