//! The report of a run: a page with everything that there is to see of it.
//!
//! It gathers numbers that the run has left, and measures that were made of the model, into a [`Page`]; what is drawn is
//! drawn there. There is no time in it and no place, so two runs that should be equal have equal reports.

mod curves;
mod examples;
mod held_out;

use crate::diagnosis::Verdict;
use crate::page::{Cell, Page, Section, Table};
use crate::{EpochRecord, Evaluation, Model, Result, StopReason, TrainConfig};
use downhill_data::{BatchSize, InMemory};
use downhill_optim::Rule;

/// The report of a run.
///
/// ```
/// use downhill_data::{PartSize, embedded};
/// use downhill_nn::{Activation, models};
/// use downhill_train::{Report, TrainConfig, Trainer};
///
/// let (train, validation) = embedded::load("iris")?.split(PartSize::Fraction(0.2), 0)?;
/// let config = TrainConfig { epochs: 3, ..TrainConfig::default() };
/// let network = models::mlp(&[8], 3, Activation::Relu);
/// let outcome = Trainer::new(network, config.clone())?.fit(&train, Some(&validation))?;
/// let page = Report::new(&outcome.model, &config, &outcome.history)
///     .ended(outcome.stop.to_string())
///     .measured("validation", outcome.model.evaluate(&validation)?)
///     .held_out("validation", &validation)
///     .page()?;
/// assert!(page.to_string().contains("What was taken for what"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Report<'a> {
    model: &'a Model,
    config: &'a TrainConfig,
    history: &'a [EpochRecord],
    ended: String,
    facts: Vec<(String, String)>,
    measured: Vec<(String, Evaluation)>,
    baseline: Option<(String, Evaluation)>,
    held_out: Option<(String, &'a InMemory)>,
    verdicts: &'a [Verdict],
    command: String,
}

impl<'a> Report<'a> {
    /// The report of a run that left this model and these epochs.
    pub fn new(model: &'a Model, config: &'a TrainConfig, history: &'a [EpochRecord]) -> Self {
        Report {
            model,
            config,
            history,
            ended: String::new(),
            facts: Vec::new(),
            measured: Vec::new(),
            baseline: None,
            held_out: None,
            verdicts: &[],
            command: String::new(),
        }
    }

    /// With why the run ended, as [`StopReason`](crate::StopReason) says it. Without it, that follows from the epochs.
    pub fn ended(mut self, why: impl Into<String>) -> Self {
        self.ended = why.into();
        self
    }

    /// With something to be said in the summary: `("network", "mlp:128")`.
    pub fn fact(mut self, name: impl Into<String>, what: impl Into<String>) -> Self {
        self.facts.push((name.into(), what.into()));
        self
    }

    /// With how good the model is on a part of the data. The last part is the one that counts.
    pub fn measured(mut self, part: impl Into<String>, evaluation: Evaluation) -> Self {
        self.measured.push((part.into(), evaluation));
        self
    }

    /// With how good always the same answer would be on the last part, and what answer that is.
    pub fn baseline(mut self, what: impl Into<String>, evaluation: Evaluation) -> Self {
        self.baseline = Some((what.into(), evaluation));
        self
    }

    /// With the data by which the model is shown at work: what it takes for what, where it errs most.
    pub fn held_out(mut self, part: impl Into<String>, data: &'a InMemory) -> Self {
        self.held_out = Some((part.into(), data));
        self
    }

    /// With what was found out about the run.
    pub fn verdicts(mut self, verdicts: &'a [Verdict]) -> Self {
        self.verdicts = verdicts;
        self
    }

    /// With the command that makes the run again.
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.command = command.into();
        self
    }

    /// The page.
    ///
    /// # Errors
    /// Held-out data that the model does not take.
    pub fn page(&self) -> Result<Page> {
        let mut page = Page::new(self.title(), self.lead()).section(self.summary());
        if !self.verdicts.is_empty() {
            page = page.section(Section::new("What was found").verdicts(self.verdicts));
        }
        if !self.history.is_empty() {
            page = page.section(curves::section(self.history, self.baseline.as_ref().map(|(_, of)| of)));
        }
        if let Some((part, data)) = &self.held_out {
            let confusion = self.measured.last().and_then(|(_, evaluation)| evaluation.confusion.as_ref());
            page = page.section(held_out::section(self.model, part, data, confusion)?);
            page = page.section(examples::section(self.model, part, data)?);
        }
        Ok(page.section(self.layers()).section(self.again()?))
    }

    fn title(&self) -> String {
        format!("A model of {}", self.model.title())
    }

    /// How good the model is, in a sentence.
    fn lead(&self) -> String {
        let Some((part, evaluation)) = self.measured.last() else { return String::new() };
        let against = |of: fn(&Evaluation) -> Option<f64>, show: fn(f64) -> String| {
            let baseline = self.baseline.as_ref().and_then(|(_, baseline)| of(baseline));
            baseline.map_or(String::new(), |baseline| {
                format!("; always the same answer would have {}", show(baseline))
            })
        };
        let percent = |share: f64| format!("{:.1}\u{a0}%", 100.0 * share);
        let number = |value: f64| crate::page::readable(value);
        let on = format!("({part}, {} examples)", crate::page::count(evaluation.examples as u64));
        match (evaluation.accuracy, evaluation.rmse) {
            (Some(accuracy), _) => {
                format!(
                    "{} of the classes are right {on}{}.",
                    percent(accuracy),
                    against(|of| of.accuracy, percent)
                )
            }
            (None, Some(rmse)) => {
                format!(
                    "The root mean square error is {} {on}{}.",
                    number(rmse),
                    against(|of| of.rmse, number)
                )
            }
            _ => format!("The loss is {} {on}.", number(evaluation.loss)),
        }
    }

    fn summary(&self) -> Section {
        let TrainConfig { epochs, batch_size, seed, loss, optimizer, schedule, .. } = self.config;
        let hyphens = |name: &str| name.replace('_', "-");
        let batches = match batch_size {
            BatchSize::Examples(1) => "1 example".into(),
            BatchSize::Examples(size) => format!("{size} examples"),
            BatchSize::Full => "all examples at once".into(),
        };
        let mut facts = vec![("data".to_owned(), self.model.title().to_owned())];
        facts.extend(self.facts.iter().cloned());
        facts.push(("parameters".into(), crate::page::count(self.model.parameter_count() as u64)));
        facts.push(("loss".into(), hyphens(loss.name())));
        let rate = crate::page::readable(optimizer.learning_rate());
        facts.push(("optimizer".into(), format!("{}, learning rate {rate}", hyphens(optimizer.name()))));
        facts.push(("schedule".into(), hyphens(schedule.name())));
        facts.push(("batches".into(), batches));
        facts.push(("seed".into(), seed.to_string()));
        facts.push(("epochs".into(), format!("{} of at most {epochs}", self.history.len())));
        facts.push(("why it ended".into(), self.why_it_ended()));
        if let Some(best) = curves::best(self.history).filter(|_| self.config.restore_best) {
            let loss = crate::page::readable(best.monitored_loss());
            facts.push((
                "kept parameters".into(),
                format!("those of epoch {}, whose loss of {loss} is the smallest", best.epoch),
            ));
        }
        let section = Section::new("Summary").facts(facts);
        if self.measured.is_empty() { section } else { section.table(self.measures()) }
    }

    /// Why the run ended; without having been told, by what the epochs show.
    fn why_it_ended(&self) -> String {
        let made = self.history.len() as u64;
        let patience = self.config.early_stopping.map(|stopping| stopping.patience);
        match curves::best(self.history) {
            _ if !self.ended.is_empty() => self.ended.clone(),
            _ if made >= self.config.epochs => StopReason::Completed { epochs: made }.to_string(),
            Some(best) if patience.is_some_and(|patience| made >= best.epoch + patience) => {
                let (best_epoch, patience) = (best.epoch, patience.unwrap_or(0));
                StopReason::EarlyStopped { best_epoch, patience }.to_string()
            }
            _ => format!("ended after {made} epochs"),
        }
    }

    fn measures(&self) -> Table {
        let baseline =
            self.baseline.as_ref().map(|(what, evaluation)| (format!("baseline: {what}"), evaluation));
        let rows = self.measured.iter().map(|(part, evaluation)| (part.clone(), evaluation)).chain(baseline);
        let rows: Vec<(String, &Evaluation)> = rows.collect();
        type Measure = fn(&Evaluation) -> Option<f64>;
        let measures: [(&str, Measure); 4] = [
            ("accuracy", |of| of.accuracy),
            ("root mean square error", |of| of.rmse),
            ("mean absolute error", |of| of.mae),
            ("R²", |of| of.r2),
        ];
        let measures: Vec<_> =
            measures.into_iter().filter(|(_, of)| rows.iter().any(|(_, row)| of(row).is_some())).collect();
        let names = measures.iter().map(|(name, _)| *name);
        let mut table = Table::new("How good it is", ["part", "examples", "loss"].into_iter().chain(names));
        for (part, evaluation) in rows {
            let mut row = vec![Cell::from(part), evaluation.examples.into(), evaluation.loss.into()];
            row.extend(measures.iter().map(|(name, of)| match of(evaluation) {
                Some(share) if *name == "accuracy" => Cell::Share(share),
                value => value.into(),
            }));
            table.push(row);
        }
        table
    }

    fn layers(&self) -> Section {
        let summary = self.model.summary();
        let mut table = Table::new("Each layer before its parts", ["layer", "type", "output", "parameters"]);
        for row in &summary.rows {
            let path = if row.path.is_empty() { "(network)" } else { &row.path };
            let parameters = Some(row.parameters).filter(|&count| count > 0);
            table.push([
                Cell::from(path),
                row.kind.as_str().into(),
                row.output.shape.to_string().into(),
                parameters.into(),
            ]);
        }
        table.push(["total".into(), Cell::Empty, Cell::Empty, summary.parameters.into()]);
        Section::new("Layers").table(table)
    }

    /// How to have the run again: the command, and every setting as it was resolved.
    fn again(&self) -> Result<Section> {
        // On how many threads it was made decides nothing.
        let settings = crate::config::to_toml(self.config, None)?;
        let settings: String =
            settings.split_inclusive('\n').filter(|line| !line.starts_with("threads")).collect();
        let mut section = Section::new("To have it again");
        if !self.command.is_empty() {
            section = section.code(&self.command);
        }
        Ok(section
            .paragraph(
                "These are all of its settings. Network, data and settings decide every bit of the model.",
            )
            .code(settings))
    }
}
