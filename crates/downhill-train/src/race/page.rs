//! What a race showed, to look at.

use crate::page::{Axis, Cell, Chart, Figure, LineChart, Page, Section, Series, Table, readable};
use crate::race::{Criterion, Currency, Edge, EntrantResult, Finish, Measure, RaceResult, Tuning};
use downhill_data::BatchSize;

impl RaceResult {
    /// The loss of all entrants over what they have spent: the median over the seeds, in a band from the smallest to
    /// the largest.
    pub fn chart(&self, currency: Currency, measure: Measure) -> LineChart {
        let unit = currency.name();
        let (what, of) = match measure {
            Measure::Loss => ("loss", "the evaluated training examples"),
            Measure::HeldOut => ("held-out loss", "the held-out examples"),
        };
        let bands: Vec<_> =
            self.entrants.iter().map(|entrant| (entrant, entrant.band(currency, measure))).collect();
        let (y, floor) = loss_axis(what, bands.iter().flat_map(|(_, band)| band).map(|place| place.lowest));
        let title = format!("The {what} over {unit}");
        let mut caption = format!(
            "The mean loss of {of}: the median of {} in a band from the smallest to the largest.",
            seeds(self.seeds.len())
        );
        if floor.is_finite() {
            caption += &format!(" Losses below {} are drawn there.", readable(floor));
        }
        let mut chart = LineChart::new(title, Axis::logarithmic(unit), y).describe(caption);
        for (entrant, band) in bands {
            // What was spent before the first step has no place on a logarithmic axis.
            let band: Vec<_> = band.into_iter().filter(|place| place.spent > 0.0).collect();
            let median = band.iter().map(|place| [place.spent, place.median.max(floor)]);
            let series = Series::new(&entrant.label, median)
                .band(band.iter().map(|place| [place.lowest.max(floor), place.highest.max(floor)]));
            chart = chart.series(series);
        }
        match &self.target {
            Some(target) if measure == Measure::Loss => chart.level("target", target.loss),
            _ => chart,
        }
    }

    /// The losses of the trials over their learning rates; nothing if no rate was searched for.
    pub fn tuning_chart(&self) -> Option<LineChart> {
        let tuned: Vec<(&EntrantResult, &Tuning)> =
            self.entrants.iter().filter_map(|entrant| Some((entrant, entrant.tuning.as_ref()?))).collect();
        let (_, first) = tuned.first()?;
        let caption = format!(
            "The loss at the end of each trial of {}. A line ends where larger rates diverge.",
            first.trial_budget
        );
        let trials = tuned.iter().flat_map(|(_, tuning)| &tuning.trials);
        let (y, floor) = loss_axis("loss", trials.filter_map(|trial| trial.loss));
        let mut chart =
            LineChart::new("The search for the learning rates", Axis::logarithmic("learning rate"), y)
                .describe(caption);
        for (entrant, tuning) in &tuned {
            let mut points: Vec<[f64; 2]> = tuning
                .trials
                .iter()
                .map(|trial| [trial.learning_rate, trial.loss.map_or(f64::NAN, |loss| loss.max(floor))])
                .collect();
            points.sort_by(|a, b| a[0].total_cmp(&b[0]));
            // A gap within the line shows a trial that diverged; behind its end it shows nothing.
            while points.last().is_some_and(|point| point[1].is_nan()) {
                points.pop();
            }
            chart = chart.series(Series::new(&entrant.label, points));
        }
        Some(chart)
    }

    /// When each entrant reached the target, in each currency: a row for each.
    pub fn arrivals(&self) -> Table {
        let standings = self.standings();
        let target = self.target.as_ref().map_or_else(String::new, |target| readable(target.loss));
        let caption = format!(
            "What was spent until the loss was at {target}: the median over the seeds, from the first to the last."
        );
        let columns = std::iter::once("entrant").chain(standings.iter().map(|it| it.currency.name()));
        let mut table = Table::new(caption, columns);
        for (index, entrant) in self.entrants.iter().enumerate() {
            let cells = standings.iter().map(|standing| {
                let finish = standing.finishes.iter().find(|finish| finish.entrant == index);
                finish.map_or_else(|| "did not run".into(), arrival_in_words)
            });
            table.push(std::iter::once(entrant.label.clone()).chain(cells));
        }
        table
    }

    /// What each entrant ran with, and where it ended: a row for each.
    pub fn ends(&self) -> Table {
        let columns =
            ["entrant", "learning rate", "trials", "diverged", "remark", "final loss", "held-out loss"];
        let caption = "The learning rates as they were found, and the median losses at the end of the runs.";
        let mut table = Table::new(caption, columns);
        for entrant in &self.entrants {
            let tuning = entrant.tuning.as_ref();
            let remark = match tuning {
                None if entrant.entrant.learning_rate().is_none() => "searches along lines",
                None => "given",
                Some(Tuning { learning_rate: None, .. }) => "none found",
                Some(Tuning { edge: Some(Edge::Lowest), .. }) => "the smallest tried",
                Some(Tuning { edge: Some(Edge::Highest), .. }) => "the largest tried",
                Some(_) => "",
            };
            let found = tuning.is_none_or(|tuning| tuning.learning_rate.is_some());
            table.push([
                Cell::from(&entrant.label),
                found.then(|| entrant.entrant.learning_rate()).flatten().into(),
                tuning.map(|tuning| tuning.trials.len()).into(),
                tuning.map(Tuning::diverged).into(),
                remark.into(),
                entrant.final_loss(Measure::Loss).into(),
                entrant.final_loss(Measure::HeldOut).into(),
            ]);
        }
        table
    }

    /// All evaluations: a row for each.
    pub fn evaluations(&self) -> Table {
        let columns = [
            "entrant",
            "learning_rate",
            "seed",
            "steps",
            "gradient_evaluations",
            "examples",
            "seconds",
            "loss",
            "held_out_loss",
        ];
        let mut table = Table::new("All evaluations.", columns);
        for entrant in &self.entrants {
            for course in &entrant.courses {
                for point in &course.points {
                    table.push([
                        Cell::from(&entrant.label),
                        entrant.entrant.learning_rate().into(),
                        course.seed.into(),
                        point.steps.into(),
                        point.gradient_evaluations.into(),
                        point.examples.into(),
                        point.seconds.into(),
                        point.loss.into(),
                        point.held_out.into(),
                    ]);
                }
            }
        }
        table
    }

    /// How it was measured, as names and what they stand for.
    pub fn conditions(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![
            ("Data", format!("{}: {} training examples", self.data, self.train_examples)),
            ("Network", format!("{} parameters, the loss `{}`", self.parameters, self.loss.name())),
            ("Runs", format!("{}, each of {}", seeds(self.seeds.len()), self.budget)),
            (
                "Same for all",
                "the first parameters of a seed, and the order of the examples of a seed and a batch size"
                    .into(),
            ),
            (
                "Evaluations",
                format!(
                    "on {} training and {} held-out examples, always the same, outside of the measured time",
                    self.evaluated_examples, self.held_out_examples
                ),
            ),
            (
                "Gradients",
                if self.currencies().contains(&Currency::GradientEvaluations) {
                    "optimizers compute one in each step, searches along lines all that they need; a value alone counts \
                     as much"
                } else {
                    "one of a batch in each step"
                }
                .into(),
            ),
            (
                "Seconds",
                format!(
                    "batches, gradients and moves on {} thread{}; the first gradient was computed once before, \
                     unmeasured; with each seed all entrants run one after the other, in turns",
                    self.threads,
                    if self.threads == 1 { "" } else { "s" }
                ),
            ),
        ];
        if let Some(target) = &self.target {
            let origin = if target.given {
                "as asked for"
            } else {
                "the smallest that two thirds of the entrants reach with every seed"
            };
            facts.push(("Target loss", format!("{}: {origin}", readable(target.loss))));
        }
        if let Some(tuning) = self.entrants.iter().find_map(|entrant| entrant.tuning.as_ref()) {
            let search = tuning.search;
            let by = match search.criterion {
                Criterion::FinalLoss => "the smallest final loss",
                Criterion::TimeToTarget => "the fewest examples until the target",
            };
            facts.push((
                "Learning rates",
                format!(
                    "by {by} of trials of {} with seed {}: {} rates from {} to {}, then {} refinements around the \
                     best, to a factor of {:.2}",
                    tuning.trial_budget,
                    search.seed,
                    search.grid().len(),
                    readable(search.lowest),
                    readable(search.highest),
                    search.refinements,
                    tuning.resolution
                ),
            ));
        }
        facts
    }

    /// The whole race as a page.
    pub fn page(&self) -> Page {
        let full =
            self.entrants.iter().filter(|entrant| entrant.entrant.batch_size == BatchSize::Full).count();
        let lead = match full {
            0 => "Who gets the loss down first depends on what is counted.",
            count if count == self.entrants.len() => {
                "All look at all examples in each step: steps and examples agree."
            }
            _ => {
                "A large batch makes much of a step, a small one much of an example, and a machine makes some of them \
                 cheap: who gets the loss down first depends on what is counted."
            }
        };
        let figure = |currency, measure| Figure::of(&self.chart(currency, measure) as &dyn Chart);
        let mut loss = Section::new("The loss on its way down");
        for currency in self.currencies() {
            loss = loss.figure(figure(currency, Measure::Loss));
        }
        let mut page = Page::new(format!("A race on {}", self.data), lead)
            .section(Section::new("Who was first").verdicts(&self.verdicts()).table(self.arrivals()))
            .section(loss);
        if self.held_out_examples > 0 {
            page = page.section(
                Section::new("On examples that nobody learned from")
                    .paragraph("What is fast on the training data need not be good on other data.")
                    .figure(figure(Currency::Examples, Measure::HeldOut))
                    .figure(figure(Currency::Seconds, Measure::HeldOut)),
            );
        }
        let mut rates = Section::new("The learning rates").table(self.ends());
        if let Some(chart) = self.tuning_chart() {
            rates = rates.figure(Figure::of(&chart));
        }
        page.section(rates).section(Section::new("How it was measured").facts(self.conditions()))
    }

    /// All evaluations as comma-separated values, with a header.
    pub fn csv(&self) -> String {
        self.evaluations().csv()
    }
}

/// `120 (100 to 150)`, or how many seeds got there.
fn arrival_in_words(finish: &Finish) -> String {
    let reached = format!("{} of {} seeds", finish.reached(), finish.arrivals.len());
    match (finish.median, finish.earliest, finish.latest) {
        (Some(median), Some(earliest), Some(latest)) => {
            format!("{} ({} to {})", readable(median), readable(earliest), readable(latest))
        }
        (Some(median), _, _) => format!("{}, but {reached}", readable(median)),
        (None, _, _) => reached,
    }
}

fn seeds(count: usize) -> String {
    format!("{count} seed{}", if count == 1 { "" } else { "s" })
}

/// The least loss that is drawn where some are smaller, even 0, in which single precision ends.
const SMALLEST_DRAWN: f64 = 1e-8;

/// The axis of losses, logarithmic where none is negative, and the value at which smaller ones are drawn: minus
/// infinity where there is no such.
fn loss_axis(name: &str, losses: impl Iterator<Item = f64>) -> (Axis, f64) {
    let smallest = losses.fold(f64::INFINITY, f64::min);
    match smallest {
        negative if negative < 0.0 => (Axis::linear(name), f64::NEG_INFINITY),
        tiny if tiny < SMALLEST_DRAWN => (Axis::logarithmic(name), SMALLEST_DRAWN),
        _ => (Axis::logarithmic(name), f64::NEG_INFINITY),
    }
}
