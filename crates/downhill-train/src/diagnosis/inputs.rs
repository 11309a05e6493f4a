//! What the network is given: sizes of the inputs, constants, and examples that are there twice.

use super::examine::percent;
use super::not_finite::brief;
use super::sample::Sample;
use super::{Diagnosis, LanczosOptions, Severity, Verdict, spectrum_ends};
use crate::{Error, Result};
use downhill_data::InMemory;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The most examples whose inputs are looked at.
const EXAMPLES: usize = 2000;

/// The root mean square that an input should not exceed, and that all together should not fall below.
const LARGE: f64 = 10.0;
const SMALL: f64 = 0.01;

/// The most inputs for which the condition of the covariance is measured.
const MOST_INPUTS: usize = 1024;

/// The share of validation examples that may be in the training data too.
const DUPLICATES: f64 = 0.1;

/// The width of the grid, in units of what the network sees, on which examples count as nearly the same.
const GRID: f64 = 0.05;

/// Looks at the sizes of the inputs.
pub(crate) fn examine(ready: &InMemory, found: &mut Diagnosis) -> Result<()> {
    let sample = Sample::draw(ready, EXAMPLES, 0)?;
    let (n, width) = (sample.batch.len as f64, sample.batch.input_shape.size());
    let x: Vec<f64> = sample.batch.inputs.iter().map(|&x| f64::from(x)).collect();
    let columns = || (0..width).map(|column| x.iter().skip(column).step_by(width));
    let means: Vec<f64> = columns().map(|own| own.sum::<f64>() / n).collect();
    let squares: Vec<f64> = columns().map(|own| own.map(|x| x * x).sum::<f64>() / n).collect();
    let all = (squares.iter().sum::<f64>() / width as f64).sqrt();
    let largest = (0..width).max_by(|&a, &b| squares[a].total_cmp(&squares[b])).unwrap_or(0);
    let size = squares[largest].sqrt();
    let name = |column: usize| {
        let columns = ready.schema().inputs.columns();
        columns.get(column).map_or_else(|| format!("input {column}"), |column| column.name.clone())
    };
    found.note("largest root mean square of an input", Some(&name(largest)), size);
    found.note("root mean square of all inputs", None, all);
    let (large, small) = (size > LARGE, all < SMALL);
    let bad = large || small;
    found.say(Verdict {
        severity: if bad { Severity::Warning } else { Severity::Healthy },
        place: bad.then(|| name(largest)),
        finding: if small {
            format!("All inputs together have a root mean square of {}, which is small.", brief(all))
        } else {
            format!(
                "The network sees inputs with a root mean square of up to {}; of all together it is {}.",
                brief(size),
                brief(all)
            )
        },
        number: if small { all } else { size },
        threshold: if small { SMALL } else { LARGE },
        formula: if small { "√ mean of x² over all inputs" } else { "max over inputs of √ mean of x²" }.into(),
        source: "the curvature of the first layer, and with it the smallest safe step, goes with the mean of x xᵀ: \
                 Y. LeCun et al., Efficient BackProp, 1998; the threshold is a convention"
            .into(),
        advice: if bad {
            "Standardize the inputs: subtract the mean of each and divide it by its standard deviation.".into()
        } else {
            String::new()
        },
        ..Verdict::named(if bad { "inputs-not-scaled" } else { "inputs-scaled" })
    });
    constants(ready, &sample, &name, found);
    if width <= MOST_INPUTS && x.iter().all(|x| x.is_finite()) {
        condition(&x, &means, width, found)?;
    }
    Ok(())
}

/// Inputs that never change.
fn constants(ready: &InMemory, sample: &Sample, name: &dyn Fn(usize) -> String, found: &mut Diagnosis) {
    let width = sample.batch.input_shape.size();
    let first = &sample.batch.inputs[..width.min(sample.batch.inputs.len())];
    let same = |column: &usize| {
        sample
            .batch
            .inputs
            .iter()
            .skip(*column)
            .step_by(width)
            .all(|x| x.to_bits() == first[*column].to_bits())
    };
    let constant: Vec<usize> = (0..width).filter(same).collect();
    found.note("constant inputs", None, constant.len() as f64);
    if constant.is_empty() || sample.batch.len < 2 {
        return;
    }
    // The corners of images often are, and nobody would leave them out.
    let image = ready.input_shape().rank() > 1;
    let mut names: Vec<String> =
        constant.iter().take(3).map(|&column| format!("`{}`", name(column))).collect();
    if constant.len() > 3 {
        names.push(format!("{} more", constant.len() - 3));
    }
    found.say(Verdict {
        severity: if image || constant.len() < width { Severity::Notice } else { Severity::Failure },
        place: (constant.len() == 1).then(|| name(constant[0])),
        finding: format!("The same number for every example of the sample: {}.", names.join(", ")),
        number: constant.len() as f64,
        threshold: 0.0,
        formula: "the number of inputs that never change".into(),
        source: "an input that never changes says nothing that a bias could not".into(),
        advice: if image { String::new() } else { "Leave it out, or find out why it never changes.".into() },
        ..Verdict::named("constant-inputs")
    });
}

/// The condition of the covariance.
fn condition(x: &[f64], means: &[f64], width: usize, found: &mut Diagnosis) -> Result<()> {
    let n = (x.len() / width) as f64;
    let product = |v: &[f64], out: &mut [f64]| {
        out.fill(0.0);
        for row in x.chunks_exact(width) {
            let along: f64 = row.iter().zip(means).zip(v).map(|((x, mean), v)| (x - mean) * v).sum();
            out.iter_mut().zip(row).zip(means).for_each(|((out, x), mean)| *out += along * (x - mean) / n);
        }
        Ok(())
    };
    let ends = spectrum_ends(width, product, LanczosOptions::default())?;
    let (low, high) = (ends.smallest.value.max(0.0), ends.largest.value);
    found.note("largest eigenvalue of the inputs' covariance", None, high);
    // What rounding leaves of 0 is no eigenvalue.
    let condition = if low > 1e-12 * high { high / low } else { f64::INFINITY };
    found.note("condition of the inputs' covariance", None, condition);
    Ok(())
}

/// Validation examples that are in the training data too. Each part as it comes from its source, and as the network
/// sees it.
pub(crate) fn duplicates(
    (train, ready): (&InMemory, &InMemory),
    (validation, ready_validation): (&InMemory, &InMemory),
    found: &mut Diagnosis,
) -> Result<()> {
    let exact = share(&hashes(train, |x| x.to_bits() as i64)?, &hashes(validation, |x| x.to_bits() as i64)?);
    let near = |data| hashes(data, |x: f64| (x / GRID).round() as i64);
    let near = share(&near(ready)?, &near(ready_validation)?);
    found.note("validation examples that are training examples, share", None, exact);
    found.note("validation examples that are nearly training examples, share", None, near);
    let severity = match exact {
        0.0 => Severity::Healthy,
        share if share > DUPLICATES => Severity::Warning,
        _ => Severity::Notice,
    };
    found.say(Verdict {
        severity,
        finding: format!(
            "Of the validation examples {} are in the training data too, inputs and target bit by bit; {} nearly so.",
            percent(exact),
            percent(near)
        ),
        number: exact,
        threshold: DUPLICATES,
        formula: "validation examples with an equal training example / validation examples; nearly: after rounding what \
                  the network sees to 0.05"
            .into(),
        source: "what was learned by heart is no measure of what was understood; the threshold is a convention".into(),
        advice: if severity > Severity::Notice {
            "Remove duplicates before the data is split.".into()
        } else {
            String::new()
        },
        ..Verdict::named(if exact > 0.0 { "duplicates" } else { "no-duplicates" })
    });
    Ok(())
}

/// A number for each example, of its inputs on a grid and its target.
fn hashes(data: &InMemory, cell: impl Fn(f64) -> i64) -> Result<Vec<u64>> {
    let (labels, values) = (data.labels().unwrap_or_default(), data.values().unwrap_or_default());
    let width = values.len() / data.len().max(1);
    (0..data.len())
        .map(|row| {
            let mut hash = DefaultHasher::new();
            let inputs = data.input(row).map_err(Error::data("the data"))?;
            inputs.into_iter().for_each(|x| cell(x).hash(&mut hash));
            labels.get(row).hash(&mut hash);
            values[row * width..(row + 1) * width].iter().for_each(|&y| cell(y).hash(&mut hash));
            Ok(hash.finish())
        })
        .collect()
}

fn share(train: &[u64], validation: &[u64]) -> f64 {
    let known: HashSet<u64> = train.iter().copied().collect();
    validation.iter().filter(|example| known.contains(example)).count() as f64
        / validation.len().max(1) as f64
}
