//! The course of a run: loss, accuracy, learning rate, norm of the gradient.

use crate::page::{Axis, Figure, LineChart, Section, Series};
use crate::{EpochRecord, Evaluation};

/// The epoch with the smallest monitored loss.
pub(super) fn best(history: &[EpochRecord]) -> Option<&EpochRecord> {
    history.iter().min_by(|a, b| a.monitored_loss().total_cmp(&b.monitored_loss()))
}

/// The curves of a run. `baseline` is what the validation data would have with always the same answer.
pub(super) fn section(history: &[EpochRecord], baseline: Option<&Evaluation>) -> Section {
    let of = |name: &str, of: &dyn Fn(&EpochRecord) -> Option<f64>| {
        let points = history.iter().filter_map(|record| Some([record.epoch as f64, of(record)?]));
        Series::new(name, points)
    };
    let judged = |record: &EpochRecord| record.validation.clone();
    let losses = [
        of("training", &|record| Some(record.train.loss)),
        of("validation", &|record| judged(record).map(|evaluation| evaluation.loss)),
    ];
    let accuracies = [
        of("training", &|record| record.train.accuracy),
        of("validation", &|record| judged(record).and_then(|evaluation| evaluation.accuracy)),
    ];
    let validated = history.iter().any(|record| record.validation.is_some());
    let which = if validated { "validation" } else { "training" };

    let mut loss = LineChart::new("Loss", Axis::linear("epoch"), axis("loss", &losses)).describe(
        "The mean over the examples; lower is better. That of training is taken while the parameters move, that of \
         validation at the end of each epoch.",
    );
    loss.series.extend(losses.into_iter().filter(|series| !series.points.is_empty()));
    if let Some(best) = best(history).filter(|best| history.len() > 1 && best.epoch as usize != history.len())
    {
        loss = loss.event(format!("smallest {which} loss"), best.epoch as f64);
    }
    let mut section = Section::new("The course of the run").figure(Figure::of(&loss));

    if accuracies.iter().any(|series| !series.points.is_empty()) {
        let mut accuracy =
            LineChart::new("Accuracy", Axis::linear("epoch"), Axis::linear("share of right classes"))
                .describe("Higher is better.");
        accuracy.series.extend(accuracies.into_iter().filter(|series| !series.points.is_empty()));
        let share = baseline.and_then(|baseline| baseline.accuracy);
        if let Some(share) = share.filter(|share| is_near(*share, &accuracy.series)) {
            accuracy = accuracy.level("always the same", share);
        }
        section = section.figure(Figure::of(&accuracy));
    }
    let errors = of("validation", &|record| judged(record).and_then(|evaluation| evaluation.rmse));
    if !errors.points.is_empty() {
        let axis = axis("root mean square error", std::slice::from_ref(&errors));
        let mut chart = LineChart::new("Error on the validation data", Axis::linear("epoch"), axis)
            .describe("In the unit of the target; lower is better.")
            .series(errors);
        let error = baseline.and_then(|baseline| baseline.rmse);
        if let Some(error) = error.filter(|error| is_near(*error, &chart.series)) {
            chart = chart.level("always the mean", error);
        }
        section = section.figure(Figure::of(&chart));
    }
    let rates = of("rate", &|record| Some(record.learning_rate));
    let norms = of("norm", &|record| Some(record.gradient_norm));
    let rate = LineChart::new("Learning rate", Axis::linear("epoch"), Axis::linear("learning rate"))
        .describe("That of the last step of each epoch.")
        .series(rates);
    let norm = LineChart::new("Gradient", Axis::linear("epoch"), axis("norm", std::slice::from_ref(&norms)))
        .describe("The mean norm of the gradient of the whole network over the steps of each epoch.")
        .series(norms);
    section.figure(Figure::of(&rate)).figure(Figure::of(&norm))
}

/// Whether a value to compare with lies among the values of the lines, or not far from them: it would press them flat
/// else.
fn is_near(value: f64, series: &[Series]) -> bool {
    let values = || series.iter().flat_map(|series| &series.points).map(|point| point[1]);
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(f64::NEG_INFINITY, f64::max);
    let air = 0.5 * (high - low);
    (low - air..=high + air).contains(&value)
}

/// A logarithmic axis for positive numbers of different sizes, else a linear one.
fn axis(title: &str, series: &[Series]) -> Axis {
    const SPREAD: f64 = 30.0;
    let values = || series.iter().flat_map(|series| &series.points).map(|point| point[1]);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    if low > 0.0 && high > SPREAD * low && high.is_finite() {
        Axis::logarithmic(title)
    } else {
        Axis::linear(title)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::Scale;

    #[test]
    fn a_value_far_from_the_lines_is_not_near() {
        let series = [Series::counted("", [0.8, 0.9, 1.0])];
        assert_eq!([0.75, 0.1, 1.05, 2.0].map(|value| is_near(value, &series)), [true, false, true, false]);
        assert!(!is_near(0.5, &[]));
    }

    #[test]
    fn numbers_of_different_sizes_have_a_logarithmic_axis() {
        let scale = |values: &[f64]| axis("", &[Series::counted("", values.iter().copied())]).scale;
        assert_eq!(scale(&[2.0, 0.01]), Scale::Logarithmic);
        assert_eq!(scale(&[2.0, 0.1]), Scale::Linear);
        assert_eq!(scale(&[2.0, 0.0]), Scale::Linear);
        assert_eq!(scale(&[]), Scale::Linear);
    }
}
