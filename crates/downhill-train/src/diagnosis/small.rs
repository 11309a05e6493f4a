//! Small trainings from fresh starts, to see what the network can do and what the data allows.

use super::not_finite::brief;
use super::sample::Sample;
use super::{Diagnosis, ExamineOptions, Severity, Verdict};
use crate::{Error, Model, Result, StepOptions, TrainingStep};
use downhill_autograd::{Data, DataMut, Run, Type};
use downhill_data::{InMemory, PartSize, Targets, permutation};
use downhill_engine::Engine;
use downhill_nn::Loss;
use downhill_optim::Adam;
use downhill_tensor::Key;

/// One batch: its size, the steps, and the learning rate of Adam.
const BATCH: usize = 16;
const BATCH_STEPS: usize = 300;
const RATE: f64 = 0.01;

/// What may be left of the loss of one batch, and what shows that nothing was learned.
const LEFT: f64 = 0.2;
const NOTHING_LEARNED: f64 = 0.9;

/// True labels against shuffled ones: examples, batch, steps, and how many runs of each.
const EXAMPLES: usize = 512;
const STEPS: usize = 200;
const TRUE_RUNS: u64 = 3;
const SHUFFLED_RUNS: u64 = 5;

/// Of fewer examples than these, training and validation together, losses are chance.
const FEWEST: usize = 10;

/// How many standard deviations of the shuffled runs the true ones must lie below them.
const DEVIATIONS: f64 = 3.0;

/// How the fresh networks are trained.
fn step_options(options: &ExamineOptions, seed: u64) -> StepOptions {
    let groups = options.config.as_ref().map_or(Vec::new(), |config| config.groups.clone());
    StepOptions { groups, seed, ..Adam { learning_rate: RATE, ..Adam::default() }.into() }
}

/// Whether a fresh network can learn a few examples by heart.
pub(crate) fn one_batch(
    model: &Model,
    ready: &InMemory,
    options: &ExamineOptions,
    found: &mut Diagnosis,
) -> Result<()> {
    // The smallest loss of these is not 0, and depends on the targets.
    if !is_smallest_at_zero(model.loss()) {
        return Ok(());
    }
    let sample = Sample::draw(ready, BATCH, options.seed)?;
    let mut step = TrainingStep::<f32>::new(
        model.network(),
        sample.input()?,
        sample.target(),
        model.loss(),
        step_options(options, options.seed),
        &Engine::default(),
    )?;
    let first = f64::from(step.step(&sample.batch.inputs, &sample.targets())?);
    let mut smallest = first;
    for _ in 1..BATCH_STEPS {
        smallest = smallest.min(f64::from(step.step(&sample.batch.inputs, &sample.targets())?));
    }
    let number = smallest / first;
    found.note("loss of one batch after small training / before", None, number);
    let severity = match number {
        left if left > NOTHING_LEARNED => Severity::Failure,
        left if left > LEFT => Severity::Warning,
        _ => Severity::Healthy,
    };
    let bad = severity != Severity::Healthy;
    found.say(Verdict {
        severity,
        finding: format!(
            "A fresh network brings the loss of {} examples from {} to {} in {BATCH_STEPS} steps of Adam.",
            sample.batch.len,
            brief(first),
            brief(smallest)
        ),
        number,
        threshold: LEFT,
        formula: "smallest loss / first loss on one batch of 16, Adam with a learning rate of 0.01".into(),
        source: "A. Karpathy, A recipe for training neural networks, 2019: overfit one batch; budget and threshold are \
                 conventions"
            .into(),
        advice: if bad {
            "Before more data or more epochs: look for parameters that are frozen, for a network that is too small or cut \
             off, for inputs of the wrong size, and for examples that contradict each other."
                .into()
        } else {
            String::new()
        },
        ..Verdict::named(if bad { "cannot-overfit-one-batch" } else { "overfits-one-batch" })
    });
    Ok(())
}

/// Whether a perfect answer has the loss 0.
fn is_smallest_at_zero(loss: &Loss) -> bool {
    matches!(
        loss,
        Loss::CrossEntropy
            | Loss::BinaryCrossEntropy
            | Loss::MeanSquaredError
            | Loss::MeanAbsoluteError
            | Loss::Huber { .. }
            | Loss::SmoothL1 { .. }
            | Loss::Hinge
            | Loss::SquaredHinge
            | Loss::Focal { .. }
    )
}

/// Whether the targets can be learned any better than shuffled ones.
pub(crate) fn labels(
    model: &Model,
    ready: &InMemory,
    validation: Option<&InMemory>,
    options: &ExamineOptions,
    found: &mut Diagnosis,
) -> Result<()> {
    if ready.len() + validation.map_or(0, InMemory::len) < FEWEST {
        return Ok(());
    }
    let split;
    let (train, validation) = match validation {
        Some(validation) => (ready, validation),
        None => {
            let failed = Error::data("the training data");
            split = ready.split(PartSize::Fraction(0.25), options.seed).map_err(failed)?;
            (&split.0, &split.1)
        }
    };
    let train = Sample::draw(train, EXAMPLES, options.seed)?;
    let validation = Sample::draw(validation, EXAMPLES, options.seed)?;
    // Small and large losses spread by factors: their logarithms are what can be compared.
    let run = |shuffled: bool, number: u64| {
        let loss = trained(model, &train, &validation, options, shuffled, number)?;
        Ok(loss.max(f64::MIN_POSITIVE).ln())
    };
    let of_true = (0..TRUE_RUNS).map(|number| run(false, number)).collect::<Result<Vec<f64>>>()?;
    let of_shuffled = (0..SHUFFLED_RUNS).map(|number| run(true, number)).collect::<Result<Vec<f64>>>()?;
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let (truth, shuffled) = (mean(&of_true), mean(&of_shuffled));
    let squares: f64 = of_shuffled.iter().map(|loss| (loss - shuffled).powi(2)).sum();
    let deviation = (squares / (SHUFFLED_RUNS - 1) as f64).sqrt();
    let number = (shuffled - truth) / deviation;
    found.note("validation loss of small trainings, true targets", None, truth.exp());
    found.note("validation loss of small trainings, shuffled targets", None, shuffled.exp());
    if !number.is_finite() {
        return Ok(());
    }
    let severity = match number {
        number if number < DEVIATIONS - 1.0 => Severity::Failure,
        number if number < DEVIATIONS => Severity::Warning,
        _ => Severity::Healthy,
    };
    let bad = severity != Severity::Healthy;
    found.say(Verdict {
        severity,
        finding: format!(
            "After {STEPS} steps a fresh network has a validation loss of {} with the true targets, and of {} with shuffled \
             ones, {} standard deviations of such runs more.",
            brief(truth.exp()),
            brief(shuffled.exp()),
            brief(number)
        ),
        number,
        threshold: DEVIATIONS,
        formula: "(mean ln loss of 5 runs on shuffled targets - that of 3 on the true ones) / standard deviation of the \
                  shuffled"
            .into(),
        source: "a permutation test with few permutations (P. Good, Permutation tests, 1994); targets without relation to \
                 the inputs exceed 3 in about one of thirty cases"
            .into(),
        advice: if bad {
            "Check that inputs and targets belong to the same examples, that the target is what it should be, and that the \
             inputs can say anything about it."
                .into()
        } else {
            String::new()
        },
        ..Verdict::named(if bad { "targets-independent-of-inputs" } else { "targets-depend-on-inputs" })
    });
    Ok(())
}

/// The validation loss after a small training.
fn trained(
    model: &Model,
    train: &Sample,
    validation: &Sample,
    options: &ExamineOptions,
    shuffled: bool,
    number: u64,
) -> Result<f64> {
    let (n, width) = (train.batch.len, train.batch.input_shape.size());
    let size = n.min(2 * BATCH);
    let key = Key::new(options.seed).named("small training").fold(number);
    let targets: Vec<usize> = if shuffled { permutation(n, key.named("targets")) } else { (0..n).collect() };
    let one = Sample { data: train.data.clone(), batch: train.batch.clone() };
    let ty = |ty: Type| {
        let mut dims = ty.shape.dims().to_vec();
        dims[0] = size;
        downhill_tensor::Shape::new(&dims).map(|shape| Type { kind: ty.kind, shape }).map_err(Error::from)
    };
    let seed = options.seed.wrapping_add(number);
    let (input, target) = (ty(one.input()?)?, ty(one.target())?);
    let mut step = TrainingStep::<f32>::new(
        model.network(),
        input,
        target,
        model.loss(),
        step_options(options, seed),
        &Engine::default(),
    )?;
    let mut order = Vec::new();
    let mut inputs = Vec::with_capacity(size * width);
    for made in 0..STEPS {
        if order.len() < size {
            order = permutation(n, key.named("order").fold(made as u64));
        }
        let rows = order.split_off(order.len() - size);
        inputs.clear();
        rows.iter()
            .for_each(|&row| inputs.extend_from_slice(&train.batch.inputs[row * width..(row + 1) * width]));
        match &train.batch.targets {
            Targets::Values { values, width } => {
                let values: Vec<f32> = rows
                    .iter()
                    .flat_map(|&row| &values[targets[row] * width..(targets[row] + 1) * width])
                    .copied()
                    .collect();
                step.step(&inputs, &values)?;
            }
            _ => {
                let labels = train.batch.labels();
                let labels: Vec<i64> = rows.iter().map(|&row| labels[targets[row]]).collect();
                step.step(&inputs, &labels)?;
            }
        }
    }
    let program =
        model.network().evaluation_program(validation.input()?, validation.target(), model.loss())?;
    let during = "evaluating a small training";
    let mut plan = Engine::default().compile::<f32>(&program).map_err(Error::execution(during))?;
    let inputs = [
        Data::Float(step.parameters()),
        Data::Float(step.state()),
        Data::Float(&validation.batch.inputs),
        validation.targets(),
    ];
    let mut loss = [0.0f32];
    let mut output = vec![0.0; validation.batch.len * model.network().output().shape.size()];
    plan.run(&inputs, &mut [DataMut::Float(&mut loss), DataMut::Float(&mut output)], Key::new(0))
        .map_err(Error::execution(during))?;
    Ok(f64::from(loss[0]))
}
