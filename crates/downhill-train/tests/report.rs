//! The report of a run says what the run was.
#![allow(clippy::unwrap_used, reason = "a test that fails may panic, also in its helpers")]

use downhill_data::{Features, InMemory, InputSchema, PartSize, Target, embedded, generators};
use downhill_nn::{Activation, Loss, Sequential, models};
use downhill_train::diagnosis::{Severity, Verdict};
use downhill_train::page::{Block, Cell, Page, Section, Table};
use downhill_train::{EarlyStopping, Model, ModelSpec, Outcome, Report, TrainConfig, Trainer};

fn fit(network: Sequential, data: &InMemory, config: &TrainConfig) -> (Outcome, InMemory) {
    let (train, validation) = data.split(PartSize::Fraction(0.25), 0).unwrap();
    let outcome = Trainer::new(network, config.clone()).unwrap().fit(&train, Some(&validation)).unwrap();
    (outcome, validation)
}

fn report(model: &Model, config: &TrainConfig, outcome: &Outcome, validation: &InMemory) -> Page {
    Report::new(model, config, &outcome.history)
        .measured("validation", model.evaluate(validation).unwrap())
        .baseline("always the same", model.baseline(validation).unwrap())
        .held_out("validation", validation)
        .command("downhill train something")
        .page()
        .unwrap()
}

fn section<'a>(page: &'a Page, heading: &str) -> &'a Section {
    let found = page.sections.iter().find(|section| section.heading == heading);
    found.unwrap_or_else(|| panic!("no section '{heading}' in {:?}", page.sections))
}

fn table(section: &Section) -> &Table {
    let mut tables = section.blocks.iter().filter_map(|block| match block {
        Block::Table(table) => Some(table),
        _ => None,
    });
    tables.next_back().unwrap()
}

fn figures(section: &Section) -> Vec<&str> {
    let figures = section.blocks.iter().filter_map(|block| match block {
        Block::Figure(figure) => Some(figure.title.as_str()),
        _ => None,
    });
    figures.collect()
}

#[test]
fn the_losses_of_examples_have_the_mean_that_was_evaluated() {
    let losses = [Loss::CrossEntropy, Loss::MeanSquaredError, Loss::NegativeLogLikelihood];
    for (loss, outputs) in losses.into_iter().zip([3, 3, 3]) {
        let config = TrainConfig { epochs: 2, loss, ..TrainConfig::default() };
        let network = models::mlp(&[4], outputs, Activation::Tanh);
        let (outcome, validation) = fit(network, &embedded::load("iris").unwrap(), &config);
        let each = outcome.model.losses(&validation).unwrap();
        let mean = each.iter().sum::<f64>() / each.len() as f64;
        let evaluated = outcome.model.evaluate(&validation).unwrap().loss;
        assert!((mean - evaluated).abs() < 1e-6 * evaluated.abs(), "{mean} against {evaluated}");
    }
}

#[test]
fn the_worst_examples_of_classes_stand_with_their_probabilities() {
    let iris = embedded::load("iris").unwrap();
    let config = TrainConfig { epochs: 20, ..TrainConfig::default() };
    let (outcome, validation) = fit(models::mlp(&[8], 3, Activation::Relu), &iris, &config);
    let page = report(&outcome.model, &config, &outcome, &validation);
    let worst = table(section(&page, "Where it errs most"));
    let names = ["row", "loss", "target", "prediction", "its probability", "that of the target"];
    assert_eq!(worst.columns[..6], names);
    assert_eq!(worst.rows.len(), 12);
    let mut before = f64::INFINITY;
    for row in &worst.rows {
        let [Cell::Count(number), Cell::Number(loss), Cell::Text(target), _, _, Cell::Share(share), ..] =
            &row[..]
        else {
            panic!("{row:?}")
        };
        // Cross-entropy is the negative logarithm of the target's probability.
        assert!((loss + share.ln()).abs() < 1e-4 && *loss <= before, "{loss} after {before}, {share}");
        before = *loss;
        let label = iris.labels().unwrap()[*number as usize - 1];
        assert_eq!(&iris.class_names()[label as usize], target);
        let first = Cell::Number(iris.input(*number as usize - 1).unwrap()[0]);
        assert_eq!(row[6], first);
    }
    assert_eq!(
        figures(section(&page, "The course of the run")),
        ["Loss", "Accuracy", "Learning rate", "Gradient"]
    );
    assert_eq!(
        figures(section(&page, "What was taken for what")),
        ["What was taken for what", "Found of each class"]
    );
    let html = page.to_string();
    for part in [
        "downhill train something",
        "completed all 20 epochs",
        "of the classes are right (validation, 38 examples)",
    ] {
        assert!(html.contains(part), "{part} is missing");
    }
    assert!(!html.contains("threads"), "on how many threads it was made decides nothing");
    assert_eq!(html, report(&outcome.model, &config, &outcome, &validation).to_string());
}

#[test]
fn numbers_are_shown_against_their_targets() {
    let line = generators::generate("line", 80, 0.1, 0).unwrap();
    let config = TrainConfig { epochs: 3, loss: Loss::MeanSquaredError, ..TrainConfig::default() };
    let (outcome, validation) = fit(models::linear(1), &line, &config);
    let page = report(&outcome.model, &config, &outcome, &validation);
    let shown = section(&page, "How far it is off");
    assert_eq!(figures(shown), ["y: predictions against targets", "y: what is left"]);
    let worst = table(section(&page, "Where it errs most"));
    assert_eq!(worst.columns, ["row", "loss", "target", "prediction", "x"]);
    let measures = table(section(&page, "Summary"));
    let names = ["part", "examples", "loss", "root mean square error", "mean absolute error", "R²"];
    assert_eq!(measures.columns, names);
    assert_eq!(measures.rows.len(), 2);
    assert!(page.lead.starts_with("The root mean square error is "), "{}", page.lead);
}

#[test]
fn images_are_shown_as_pictures() {
    let digits = embedded::load("digits").unwrap();
    let few = digits.subset(&(0..60).collect::<Vec<_>>()).unwrap();
    let config = TrainConfig { epochs: 1, ..TrainConfig::default() };
    let spec: ModelSpec = "mlp:4".parse().unwrap();
    let network = spec.build(few.input_shape(), few.target_kind(), &config.loss, Activation::Relu).unwrap();
    let (outcome, validation) = fit(network, &few, &config);
    let html = report(&outcome.model, &config, &outcome, &validation).to_string();
    assert_eq!(html.matches("<img class=\"pixels\" alt=\"The image of row ").count(), 12);
}

#[test]
fn names_are_escaped_wherever_they_come_from() {
    let bad = "<b>&\"'</b>";
    let inputs = InputSchema::numeric([bad, "x"]);
    let features = Features::F64((0..80).map(|i| f64::from(i * 7 % 11)).collect());
    let labels = (0..40).map(|i| i % 2).collect();
    let target = Target::Classes { labels, names: vec![bad.into(), "fine".into()] };
    let data = InMemory::new(inputs, features, target, bad).unwrap().with_title(bad);
    let config = TrainConfig { epochs: 1, ..TrainConfig::default() };
    let (outcome, validation) = fit(models::mlp(&[4], 2, Activation::Relu), &data, &config);
    let verdict = Verdict {
        name: bad.into(),
        severity: Severity::Warning,
        place: Some(bad.into()),
        finding: bad.into(),
        number: 1.0,
        threshold: f64::NAN,
        formula: bad.into(),
        source: bad.into(),
        advice: bad.into(),
    };
    let page = Report::new(&outcome.model, &config, &outcome.history)
        .fact(bad, bad)
        .ended(bad)
        .command(bad)
        .verdicts(&[verdict])
        .measured(bad, outcome.model.evaluate(&validation).unwrap())
        .baseline(bad, outcome.model.baseline(&validation).unwrap())
        .held_out(bad, &validation)
        .page()
        .unwrap();
    let html = page.to_string();
    assert!(html.contains("&lt;b&gt;&amp;&quot;&#39;&lt;/b&gt;") && !html.contains("<b>"));
}

#[test]
fn why_a_run_ended_follows_from_its_epochs_where_nothing_is_said() {
    let moons = generators::generate("moons", 60, 0.1, 0).unwrap();
    let stopping = Some(EarlyStopping { patience: 1, min_delta: 1e9 });
    let config = TrainConfig { epochs: 9, early_stopping: stopping, ..TrainConfig::default() };
    let (outcome, validation) = fit(models::mlp(&[4], 2, Activation::Relu), &moons, &config);
    assert_eq!(outcome.history.len(), 2);
    let summary = |history: &[downhill_train::EpochRecord]| {
        let report = Report::new(&outcome.model, &config, history).held_out("validation", &validation);
        report.page().unwrap().to_string()
    };
    assert!(summary(&outcome.history[..1]).contains("ended after 1 epochs"));
    assert!(summary(&[]).contains("0 of at most 9"), "a run without epochs has a report as well");
}
