//! What is minimized: a function by name, or a formula.

use crate::exit::{Error, Result};
use crate::report::{count, number};
use downhill::autograd::formula::Formula;
use downhill::autograd::{self, Data, DataMut, Executor, Interpreter, Output, Run, Tape};
use downhill::optim::minimize::{HessianVectorProduct, Objective};
use downhill::optim::test_functions::{MinimumKind, TestFunction};
use downhill::tensor::Key;

/// A function with its variables and what is known about it.
pub struct Problem {
    /// Its name; that of a formula is the formula.
    pub name: String,
    /// What it computes.
    pub formula: String,
    /// What it is called in a sentence.
    pub note: Option<String>,
    /// The names of its variables.
    pub variables: Vec<String>,
    /// Where the walks begin.
    pub start: Vec<f64>,
    /// The minima that are known, with their values, and whether they are global.
    pub minima: Vec<(Vec<f64>, f64, bool)>,
    /// The lowest value, if it is known.
    pub lowest: Option<f64>,
    /// What is not differentiable about it.
    pub kinks: Option<&'static str>,
    function: Function,
}

enum Function {
    Named(&'static TestFunction),
    Recorded {
        gradient: Box<dyn Run<f64>>,
        /// The product of the Hessian and a vector; none where the gradient does not depend on the point.
        product: Option<Box<dyn Run<f64>>>,
    },
}

impl Problem {
    /// A test function in as many variables as `from` has, or as asked for, or as usual.
    pub fn named(
        function: &'static TestFunction,
        dimension: Option<usize>,
        from: Option<Vec<f64>>,
    ) -> Result<Self> {
        let given = from.as_ref().map(Vec::len);
        let count = given.or(dimension).unwrap_or_else(|| function.dimension.usual());
        function.check_dimension(count)?;
        let start = function.start(count)?;
        let variables = match count {
            1 => vec!["x".into()],
            2 => vec!["x".into(), "y".into()],
            3 => vec!["x".into(), "y".into(), "z".into()],
            _ => (1..=count).map(|index| format!("x_{index}")).collect(),
        };
        let known = function.minima.iter().map(|minimum| {
            (minimum.point.point(count), (minimum.value)(count), minimum.kind == MinimumKind::Global)
        });
        Ok(Problem {
            name: function.name.replace('_', "-"),
            formula: function.formula.into(),
            note: Some(function.note.into()),
            variables,
            start: from.unwrap_or(start),
            minima: known.collect(),
            lowest: function.global_minimum(count),
            kinks: function.not_differentiable,
            function: Function::Named(function),
        })
    }

    /// A formula, and where the walks begin.
    pub fn formula(text: &str, variables: &[String], from: Option<Vec<f64>>) -> Result<Self> {
        let names: Vec<&str> = variables.iter().map(String::as_str).collect();
        let read = if names.is_empty() { Formula::new(text) } else { Formula::with_variables(text, &names) };
        let formula = read.map_err(|error| Error::Usage(format!("--expr: {error}")))?;
        let variables = formula.variables().to_vec();
        let Some(start) = from else {
            let example = vec!["1"; variables.len()].join(",");
            return Err(Error::Usage(format!(
                "say where to begin, in the order {}: --from {example}",
                variables.join(", ")
            )));
        };
        if start.len() != variables.len() {
            return Err(Error::Configuration(format!(
                "--from: expected {}, for {}, but {} came",
                count(variables.len() as u64, "number"),
                variables.join(", "),
                start.len()
            )));
        }
        let count = variables.len();
        let prepared = |record: &dyn Fn(&Tape) -> autograd::Result<autograd::Program>| {
            let program = record(&Tape::new())?;
            let run = Executor::<f64>::prepare(&Interpreter, &program)?;
            Ok::<_, autograd::Error>(Box::new(run) as Box<dyn Run<f64>>)
        };
        let gradient = prepared(&|tape| {
            let x = tape.input("x", [count]);
            let value = formula.record(x);
            let gradient = tape.grad(value, &[x])[0];
            tape.finish(&[Output::new("value", &value), Output::new("gradient", &gradient)])
        })
        .map_err(|error| Error::Configuration(format!("--expr: {error}")))?;
        let product = prepared(&|tape| {
            let (x, v) = (tape.input("x", [count]), tape.input("v", [count]));
            let product = tape.hvp(formula.record(x), &[x], &[v])[0];
            tape.finish(&[Output::new("product", &product)])
        });
        Ok(Problem {
            name: text.into(),
            formula: text.into(),
            note: None,
            variables,
            start,
            minima: Vec::new(),
            lowest: None,
            kinks: None,
            function: Function::Recorded { gradient, product: product.ok() },
        })
    }

    /// Refuses a start at which the function has no value or no slope.
    pub fn check_start(&mut self) -> Result<()> {
        if let Some(value) = self.start.iter().find(|value| !value.is_finite()) {
            return Err(Error::Configuration(format!("--from: expected finite numbers, but {value} came")));
        }
        let mut gradient = vec![0.0; self.start.len()];
        let start = self.start.clone();
        let value = self.value_and_gradient(&start, &mut gradient).map_err(evaluation)?;
        if value.is_finite() && gradient.iter().all(|slope| slope.is_finite()) {
            return Ok(());
        }
        let what = if value.is_finite() { "the gradient is not finite" } else { "the value is not finite" };
        Err(Error::Configuration(format!(
            "{} at {}: {what} ({}); begin elsewhere, with --from",
            self.name,
            point(&start),
            if value.is_finite() { vector(&gradient) } else { value.to_string() }
        )))
    }

    /// The Hessian at a point: by products with unit vectors where they are known, else by central differences of the
    /// gradient. `None` if a number of it is not finite.
    pub fn hessian(&mut self, x: &[f64]) -> Option<Vec<f64>> {
        let count = x.len();
        let mut hessian = vec![0.0; count * count];
        for (i, row) in hessian.chunks_mut(count).enumerate() {
            if self.curvature().is_some() {
                let mut unit = vec![0.0; count];
                unit[i] = 1.0;
                self.hessian_vector_product(x, &unit, row).ok()?;
            } else {
                let width = f64::EPSILON.cbrt() * x[i].abs().max(1.0);
                let mut at = |by: f64, gradient: &mut [f64]| {
                    let mut x = x.to_vec();
                    x[i] += by;
                    self.value_and_gradient(&x, gradient).ok()
                };
                let mut before = vec![0.0; count];
                at(width, row)?;
                at(-width, &mut before)?;
                row.iter_mut().zip(&before).for_each(|(row, before)| *row = (*row - before) / (2.0 * width));
            }
        }
        for i in 0..count {
            for j in 0..i {
                let mean = f64::midpoint(hessian[i * count + j], hessian[j * count + i]);
                (hessian[i * count + j], hessian[j * count + i]) = (mean, mean);
            }
        }
        hessian.iter().all(|second| second.is_finite()).then_some(hessian)
    }
}

/// What an evaluation that failed means.
pub fn evaluation(error: autograd::Error) -> Error {
    Error::Configuration(error.to_string())
}

impl Objective<f64> for Problem {
    type Error = autograd::Error;

    fn value_and_gradient(&mut self, x: &[f64], gradient: &mut [f64]) -> autograd::Result<f64> {
        match &mut self.function {
            Function::Named(function) => Ok((function.value_and_gradient)(x, gradient)),
            Function::Recorded { gradient: run, .. } => {
                let mut value = [0.0];
                let outputs = &mut [DataMut::Float(&mut value), DataMut::Float(gradient)];
                run.run(&[Data::Float(x)], outputs, Key::new(0))?;
                Ok(value[0])
            }
        }
    }

    fn curvature(&mut self) -> Option<&mut dyn HessianVectorProduct<f64, Error = autograd::Error>> {
        match self.function {
            Function::Recorded { product: Some(_), .. } => Some(self),
            _ => None,
        }
    }
}

impl HessianVectorProduct<f64> for Problem {
    type Error = autograd::Error;

    fn hessian_vector_product(&mut self, x: &[f64], v: &[f64], product: &mut [f64]) -> autograd::Result<()> {
        match &mut self.function {
            Function::Recorded { product: Some(run), .. } => {
                run.run(&[Data::Float(x), Data::Float(v)], &mut [DataMut::Float(product)], Key::new(0))
            }
            // It is asked only where `curvature` has said that there is one.
            _ => {
                product.fill(f64::NAN);
                Ok(())
            }
        }
    }
}

/// Numbers with commas between; of many the first few.
pub fn vector(x: &[f64]) -> String {
    const SHOWN: usize = 5;
    let mut words: Vec<String> = x.iter().take(SHOWN).map(|&x| number(x)).collect();
    if x.len() > SHOWN {
        words.push(format!("... {} more", x.len() - SHOWN));
    }
    words.join(", ")
}

/// A point as people write it.
pub fn point(x: &[f64]) -> String {
    format!("({})", vector(x))
}
