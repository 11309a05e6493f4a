//! The loss over the learning rate, to look at.

use crate::diagnosis::Verdict;
use crate::page::{Axis, Cell, Figure, LineChart, Page, Section, Series, Table, readable};
use crate::rate_range::{RateCurve, RatePoint, SuggestionMethod};

impl RateCurve {
    /// The loss and the smoothed loss over the learning rate, with the rates that are suggested.
    pub fn chart(&self) -> LineChart {
        let positive = self.points.iter().all(|point| point.loss > 0.0);
        let y = if positive { Axis::logarithmic("loss") } else { Axis::linear("loss") };
        let line = |value: fn(&RatePoint) -> f64| {
            self.points.iter().map(|point| [point.learning_rate, value(point)]).collect::<Vec<_>>()
        };
        let mut chart =
            LineChart::new("The loss over the learning rate", Axis::logarithmic("learning rate"), y)
                .describe("The rate grows from step to step by the same factor.")
                .series(Series::new("smoothed", line(|point| point.smoothed)))
                .series(Series::new("batches", line(|point| point.loss)));
        for suggestion in self.suggestions() {
            let name = match suggestion.method {
                SuggestionMethod::SteepestDescent => "steepest descent",
                SuggestionMethod::TenthOfMinimum => "a tenth of the minimum",
            };
            chart = chart.event(name, suggestion.learning_rate);
        }
        match self.diverged_at {
            Some(rate) => chart.event("diverged", rate),
            None => chart,
        }
    }

    /// The rates that are suggested, with their reasons: a row for each.
    pub fn suggestions_table(&self) -> Table {
        let mut table = Table::new("Rates to train with.", ["method", "learning rate", "why"]);
        for suggestion in self.suggestions() {
            let method = match suggestion.method {
                SuggestionMethod::SteepestDescent => "steepest descent",
                SuggestionMethod::TenthOfMinimum => "a tenth of the minimum",
            };
            table.push([Cell::from(method), suggestion.learning_rate.into(), suggestion.explanation.into()]);
        }
        table
    }

    /// The test as a page, with [`verdicts`](Self::verdicts) and what else there is to say.
    pub fn page(&self, title: &str, verdicts: &[Verdict]) -> Page {
        let lead = "Too small a rate leaves the loss where it is, a fitting one takes it down, too large a one lets \
                    it grow.";
        let range = self.range;
        let facts = [
            (
                "Rates",
                format!(
                    "{} from {} to {}, each the one before times a factor",
                    range.steps,
                    readable(range.lowest),
                    readable(range.highest)
                ),
            ),
            ("Smoothing", format!("each loss counts {} of the one after it", range.smoothing)),
            (
                "End",
                format!("where the smoothed loss is {} times its smallest, or not finite", range.divergence),
            ),
        ];
        Page::new(title, lead)
            .section(
                Section::new("The loss over the rate")
                    .figure(Figure::of(&self.chart()))
                    .verdicts(verdicts)
                    .table(self.suggestions_table()),
            )
            .section(Section::new("How it was measured").facts(facts))
    }
}
