//! The page of a run: how good its model is on each part of its data, and the report made of it.

use crate::exit::Result;
use crate::run_config::RunConfig;
use crate::source::Parts;
use downhill::data::InMemory;
use downhill::train::diagnosis::Verdict;
use downhill::train::page::Page;
use downhill::train::{EpochRecord, Evaluation, Model, Report};

/// How good a model is on the parts of its data.
pub struct Evaluations {
    /// On what was learned from.
    pub train: Evaluation,
    /// On what the best epoch was chosen by.
    pub validation: Option<Evaluation>,
    /// On what took no part in the training.
    pub test: Option<Evaluation>,
    /// What needs no learning, on the last of the parts above.
    pub baseline: Evaluation,
    /// What the baseline is, in words.
    pub baseline_is: String,
}

impl Evaluations {
    /// Evaluates a model on all parts.
    pub fn of(model: &Model, parts: &Parts) -> Result<Self> {
        let on = |data: &Option<InMemory>| data.as_ref().map(|data| model.evaluate(data)).transpose();
        Ok(Evaluations {
            train: model.evaluate(&parts.train)?,
            validation: on(&parts.validation)?,
            test: on(&parts.test)?,
            baseline: model.baseline(held_out(parts).1)?,
            baseline_is: baseline_in_words(&parts.train),
        })
    }
}

/// The part by which a model is judged, with its name: the one that took the least part in the training.
fn held_out(parts: &Parts) -> (&'static str, &InMemory) {
    match (&parts.test, &parts.validation) {
        (Some(test), _) => ("test", test),
        (None, Some(validation)) => ("validation", validation),
        (None, None) => ("train", &parts.train),
    }
}

/// What the baseline predicts for every example.
fn baseline_in_words(train: &InMemory) -> String {
    let counts = train.class_counts();
    let most_frequent = (0..counts.len()).rev().max_by_key(|&class| counts[class]);
    match most_frequent.and_then(|class| train.class_names().get(class)) {
        Some(name) => format!("always '{name}', the most frequent class"),
        None => "always the mean of the training targets".into(),
    }
}

/// What a run was, and what became of it.
pub struct Story<'a> {
    /// Its settings.
    pub config: &'a RunConfig,
    /// Its model.
    pub model: &'a Model,
    /// Its epochs.
    pub history: &'a [EpochRecord],
    /// Why it ended, if that is known.
    pub ended: Option<String>,
    /// What was found out about it.
    pub verdicts: &'a [Verdict],
}

/// The page of a run whose model was evaluated on these parts.
pub fn page(story: &Story<'_>, parts: &Parts, evaluations: &Evaluations) -> Result<Page> {
    let Story { config, model, history, ended, verdicts } = story;
    let (part, data) = held_out(parts);
    let mut report = Report::new(model, config.train(), history)
        .ended(ended.clone().unwrap_or_default())
        .verdicts(verdicts)
        .command(config.command())
        .fact("source", parts.train.source())
        .fact("network", config.network())
        .measured("train", evaluations.train.clone());
    if !config.is_of(parts) && !config.was_trained_on(&parts.train) {
        report = report.fact("measured on other data", parts.train.title());
    }
    for (name, evaluation) in [("validation", &evaluations.validation), ("test", &evaluations.test)] {
        if let Some(evaluation) = evaluation {
            report = report.measured(name, evaluation.clone());
        }
    }
    report = report.baseline(&evaluations.baseline_is, evaluations.baseline.clone()).held_out(part, data);
    Ok(report.page()?)
}
