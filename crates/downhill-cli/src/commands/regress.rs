//! `downhill regress`: a linear, logistic, Poisson or robust regression, and how sure it is.

use crate::exit::{Error, Result};
use crate::output;
use crate::report::{Table, count, decimals, grouped, number, percent, sentence};
use crate::source::{Parts, SourceArguments, TableArguments};
use clap::Args;
use clap::builder::PossibleValuesParser;
use downhill::data::{InMemory, TargetSchema};
use downhill::train::page::{Cell, Page, Section, Table as PageTable};
use downhill::train::regression::{Estimate, FittedTable, Inference, Quality, Regression, Solver};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;

/// Fit a regression, and say how sure it is.
///
/// The objective is the mean loss and a penalty: alpha / 2 times the squares of the coefficients, for the lasso alpha
/// times their sizes. The intercept is not penalized. What is found is shown with standard errors, where there is no
/// penalty, and with a bound on how far the objective can be above its minimum.
#[derive(Args)]
#[command(after_help = "\
Examples:
  downhill regress house.csv --target price
  downhill regress house.csv --target price --model lasso --alpha 0.1 --standardize
  downhill regress breast-cancer --model logistic --alpha 0.01 --standardize
  downhill regress visits.csv --target count --model poisson --out visits.json
  downhill predict visits.json new.csv")]
pub struct Arguments {
    #[command(flatten)]
    source: SourceArguments,
    #[command(flatten)]
    table: TableArguments,
    #[command(flatten)]
    model: ModelOptions,
    #[command(flatten)]
    run: RunOptions,
}

#[derive(Args)]
#[command(next_help_heading = "Model")]
struct ModelOptions {
    /// Which regression [default: logistic for classes, ols for numbers]
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(Regression::NAMES))]
    model: Option<String>,
    /// The strength of the penalty beside the mean loss [default: 1 for ridge, lasso and elastic-net, 0 for the others]
    #[arg(long, value_name = "STRENGTH", allow_negative_numbers = true)]
    alpha: Option<f64>,
    /// The part of an elastic net's penalty that is of sizes, not of squares [default: 0.5]
    #[arg(long, value_name = "PART", allow_negative_numbers = true)]
    l1_ratio: Option<f64>,
    /// From how many deviations on a residual counts as large, for huber [default: 1.35]
    #[arg(long, value_name = "DEVIATIONS", allow_negative_numbers = true)]
    epsilon: Option<f64>,
    /// The deviation that huber measures residuals in [default: estimated]
    #[arg(long, value_name = "DEVIATION", allow_negative_numbers = true)]
    scale: Option<f64>,
    /// Penalize the coefficients of columns divided by their standard deviation
    #[arg(long)]
    standardize: bool,
    /// Estimate no constant
    #[arg(long)]
    no_intercept: bool,
    /// How the minimum is found: auto, newton, lbfgs, coordinate, proximal-gradient, or any method of
    /// minimization and optimizer, such as conjugate-gradient, gradient-descent and adam
    #[arg(long, value_name = "NAME", default_value = "auto")]
    solver: String,
    /// How small the gradient of the mean loss must become, in scaled columns [default: 1e-8]
    #[arg(long, value_name = "SIZE", allow_negative_numbers = true)]
    tolerance: Option<f64>,
    /// The most steps [default: 1000]
    #[arg(long, value_name = "N")]
    max_iterations: Option<u64>,
    /// The probability with which intervals cover the true coefficients [default: 0.95]
    #[arg(long, value_name = "SHARE")]
    confidence: Option<f64>,
}

#[derive(Args)]
#[command(next_help_heading = "Run")]
struct RunOptions {
    /// The share of the data to hold out and to measure the fit on; 0 holds out nothing [default: 0.2]
    #[arg(long, value_name = "SHARE", value_parser = crate::options::share)]
    validation: Option<f64>,
    /// What decides which examples are held out, and which are generated
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// How many threads compute; the result is the same with any number [default: all cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1024))]
    threads: Option<u64>,
    /// Save what was found, for `downhill predict FILE NEW.csv`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write a page to look at
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print the result as one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Shown<'a> {
    source: &'a str,
    target: Option<&'a str>,
    classes: &'a [String],
    fitted: &'a downhill::train::regression::Fitted,
    train: Quality,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation: Option<Quality>,
    #[serde(skip_serializing_if = "Option::is_none")]
    test: Option<Quality>,
}

/// Fits a regression to a source and shows it.
pub fn run(arguments: &Arguments) -> Result<()> {
    let Arguments { source, table, model: options, run } = arguments;
    // What a table's column is, a model that was named decides.
    let table = match &options.model {
        Some(name) => table.of_kind(name == "logistic"),
        None => table.clone(),
    };
    let parts = source.parts(&table, run.validation, run.seed)?;
    let model = options.model(&parts, run.threads)?;
    let fitted = model.fit_data(&parts.train)?;
    let measure = |data: &Option<InMemory>| data.as_ref().map(|data| fitted.evaluate(data)).transpose();
    let (validation, test) = (measure(&parts.validation)?, measure(&parts.test)?);
    let report = Report { name: &parts.name, fitted: &fitted, validation, test };
    if let Some(path) = &run.out {
        fitted.save(path)?;
    }
    if let Some(path) = &run.html {
        output::file(path, &report.page().to_string())?;
    }
    if run.json {
        return output::json(&Shown {
            source: &parts.name,
            target: fitted.schema().target.name(),
            classes: fitted.schema().target.classes(),
            fitted: &fitted.fitted,
            train: fitted.fitted.quality,
            validation,
            test,
        });
    }
    let mut text = report.text();
    if let Some(path) = &run.out {
        let _ = writeln!(text, "\nSaved in {}", path.display());
    }
    output::text(&text)
}

impl ModelOptions {
    fn model(&self, parts: &Parts, threads: Option<u64>) -> Result<Regression> {
        let of_classes = matches!(parts.train.schema().target, TargetSchema::Classes { .. });
        let name = self.model.as_deref().unwrap_or(if of_classes { "logistic" } else { "ols" });
        let mut model = Regression::from_name(name)
            .ok_or_else(|| Error::Usage(format!("no regression is called '{name}'")))?;
        let refused = |flag: &str| {
            Err(Error::Configuration(format!(
                "{name} has no {flag}; leave out --{flag} or choose another --model"
            )))
        };
        if let Some(alpha) = self.alpha
            && !model.set_alpha(alpha)
        {
            return refused("alpha");
        }
        match (&mut model, self.l1_ratio) {
            (_, None) => {}
            (Regression::ElasticNet(net), Some(ratio)) => net.l1_ratio = ratio,
            _ => return refused("l1-ratio"),
        }
        match (&mut model, self.epsilon, self.scale) {
            (_, None, None) => {}
            (Regression::HuberRegression(huber), epsilon, scale) => {
                huber.epsilon = epsilon.unwrap_or(huber.epsilon);
                huber.scale = scale;
            }
            (_, Some(_), _) => return refused("epsilon"),
            _ => return refused("scale"),
        }
        let options = model.options_mut();
        options.solver = Solver::from_name(&self.solver)?;
        options.standardize = self.standardize;
        options.intercept = !self.no_intercept;
        options.tolerance = self.tolerance.unwrap_or(options.tolerance);
        options.max_iterations = self.max_iterations.unwrap_or(options.max_iterations);
        options.confidence = self.confidence.unwrap_or(options.confidence);
        options.threads = threads.and_then(|threads| usize::try_from(threads).ok());
        Ok(model)
    }
}

/// What there is to say, for a terminal and for a page.
struct Report<'a> {
    name: &'a str,
    fitted: &'a FittedTable,
    validation: Option<Quality>,
    test: Option<Quality>,
}

/// A coefficient or an intercept.
struct Line<'a> {
    class: Option<&'a str>,
    name: &'a str,
    value: f64,
    estimate: Option<Estimate>,
}

impl Report<'_> {
    fn text(&self) -> String {
        let fitted = &self.fitted.fitted;
        let mut text = format!("{}\n{}\n\n", self.headline(), sentence(&self.meaning()));
        let _ = write!(text, "{}\n{}\n", self.coefficients(), self.qualities());
        for line in self.remarks() {
            let _ = writeln!(text, "{}", sentence(&line));
        }
        let _ = writeln!(text, "{}", sentence(&fitted.stop.to_string()));
        let _ = writeln!(text, "{}", sentence(&fitted.certificate.to_string()));
        text
    }

    fn headline(&self) -> String {
        let fitted = &self.fitted.fitted;
        format!(
            "{} on {}: {}, {}, {} of {}",
            fitted.model.name(),
            self.name,
            count(fitted.quality.examples as u64, "example"),
            count(fitted.names.len() as u64, "column"),
            count(fitted.iterations, "step"),
            fitted.solver,
        )
    }

    /// What the coefficients are of.
    fn meaning(&self) -> String {
        let target = &self.fitted.schema().target;
        let name = target.name().unwrap_or("the target");
        match (&self.fitted.fitted.model, target.classes()) {
            (Regression::LogisticRegression(_), [zero, one]) => {
                format!("the log-odds of '{one}' against '{zero}' in {name}")
            }
            (Regression::LogisticRegression(_), _) => format!("a logit for each class of {name}"),
            (Regression::PoissonRegression(_), _) => format!("the logarithm of the mean of {name}"),
            _ => format!("the mean of {name}"),
        }
    }

    fn lines(&self) -> Vec<Line<'_>> {
        let fitted = &self.fitted.fitted;
        let classes = self.fitted.schema().target.classes();
        let columns = fitted.names.len();
        let estimates = fitted.inference.estimates();
        let mut lines = Vec::new();
        for output in 0..fitted.outputs() {
            let class = (fitted.outputs() > 1).then(|| classes.get(output).map_or("", String::as_str));
            for (j, name) in fitted.names.iter().enumerate() {
                let value = fitted.coefficients[output * columns + j];
                lines.push(Line { class, name, value, estimate: estimates.get(j).copied().flatten() });
            }
            if fitted.model.options().intercept {
                let estimate = estimates.get(columns).copied().flatten();
                lines.push(Line { class, name: "(intercept)", value: fitted.intercepts[output], estimate });
            }
        }
        lines
    }

    /// The headings of the table of coefficients.
    fn headings(&self) -> Vec<String> {
        let fitted = &self.fitted.fitted;
        let mut headings = vec![String::new(); usize::from(fitted.outputs() > 1)];
        headings.extend(["column".into(), "estimate".into()]);
        if let Inference::Known { confidence, .. } = &fitted.inference {
            let interval = format!(
                "{} % interval",
                number(100.0 * confidence).trim_end_matches('0').trim_end_matches('.')
            );
            headings.extend(["standard error".into(), format!("{interval} from"), "to".into(), "p".into()]);
        }
        headings
    }

    fn coefficients(&self) -> Table {
        let headings = self.headings();
        let (first, last) = (headings.len() - self.numbers(), headings.len());
        let mut table = Table::new(headings, first..last);
        for Line { class, name, value, estimate } in self.lines() {
            let mut cells: Vec<String> = class.into_iter().chain([name]).map(String::from).collect();
            cells.push(number(value));
            if last - first > 1 {
                match estimate {
                    Some(estimate) => {
                        let [from, to] = estimate.interval;
                        cells.extend([estimate.standard_error, from, to, estimate.p_value].map(number));
                    }
                    None => cells.extend(["left out", "", "", ""].map(String::from)),
                }
            }
            table.row(cells);
        }
        table
    }

    /// How many columns of the table are numbers.
    fn numbers(&self) -> usize {
        if matches!(self.fitted.fitted.inference, Inference::Known { .. }) { 5 } else { 1 }
    }

    fn parts(&self) -> impl Iterator<Item = (&'static str, Quality)> {
        let named = [
            ("train", Some(self.fitted.fitted.quality)),
            ("validation", self.validation),
            ("test", self.test),
        ];
        named.into_iter().filter_map(|(name, quality)| Some((name, quality?)))
    }

    fn qualities(&self) -> Table {
        let measures = measures(&self.fitted.fitted.quality);
        let headings = ["".to_owned(), "examples".into()]
            .into_iter()
            .chain(measures.iter().map(|(name, _)| (*name).into()));
        let mut table = Table::new(headings, 1..2 + measures.len());
        for (name, quality) in self.parts() {
            let shown = self::measures(&quality);
            let cells = measures.iter().map(|(what, _)| {
                shown.iter().find(|(name, _)| name == what).map_or(String::new(), |(_, text)| text.clone())
            });
            table.row([name.into(), grouped(quality.examples as u64)].into_iter().chain(cells));
        }
        table
    }

    /// What else should be known.
    fn remarks(&self) -> Vec<String> {
        let fitted = &self.fitted.fitted;
        let mut remarks: Vec<String> =
            fitted.left_out.iter().map(|out| format!("{out}: its coefficient is 0")).collect();
        if let Inference::Unknown { reason } = &fitted.inference {
            remarks.push(format!("no standard errors: {reason}"));
        }
        if let Some(scale) = fitted.scale {
            remarks.push(format!("the residuals' deviation is {}, outliers aside", number(scale)));
        }
        remarks
    }

    fn page(&self) -> Page {
        let fitted = &self.fitted.fitted;
        let mut table = PageTable::new(self.meaning(), self.headings());
        for Line { class, name, value, estimate } in self.lines() {
            let mut cells: Vec<Cell> = class.into_iter().chain([name]).map(Cell::from).collect();
            cells.push(value.into());
            if let Some(estimate) = estimate {
                let [from, to] = estimate.interval;
                cells.extend([estimate.standard_error, from, to, estimate.p_value].map(Cell::from));
            }
            table.push(cells);
        }
        let mut coefficients = Section::new("Coefficients").table(table);
        for remark in self.remarks() {
            coefficients = coefficients.paragraph(format!("{}.", sentence(&remark)));
        }
        let mut quality = Section::new("How well it fits");
        for (name, of_part) in self.parts() {
            let examples = ("examples", grouped(of_part.examples as u64));
            quality = quality.paragraph(format!("{}:", sentence(name)));
            quality = quality.facts([examples].into_iter().chain(measures(&of_part)));
        }
        let found = Section::new("How it was found").facts([
            ("model", fitted.model.name().to_owned()),
            ("objective", number(fitted.objective)),
            ("solver", fitted.solver.clone()),
            ("steps", grouped(fitted.iterations)),
            ("end", fitted.stop.to_string()),
            ("certificate", fitted.certificate.to_string()),
        ]);
        Page::new(self.headline(), format!("{}.", sentence(&fitted.certificate.to_string())))
            .section(coefficients)
            .section(quality)
            .section(found)
    }
}

/// The measures that there are, with their names.
fn measures(quality: &Quality) -> Vec<(&'static str, String)> {
    let measures = [
        ("accuracy", quality.accuracy.map(percent)),
        ("rmse", quality.root_mean_squared_error.map(number)),
        ("r2", quality.r_squared.map(decimals)),
        ("deviance", quality.deviance.map(number)),
        ("explained", quality.explained().map(decimals)),
        ("log-likelihood", quality.log_likelihood.map(number)),
    ];
    measures.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
