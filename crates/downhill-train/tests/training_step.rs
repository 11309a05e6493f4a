//! The training step for loops by hand: what it moves, what it reports, what it refuses.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use downhill_autograd::{Data, Type};
use downhill_engine::Engine;
use downhill_nn::{Activation, BatchNorm, Dropout, Embedding, Linear, Loss, Network, Sequential, models};
use downhill_optim::{Adagrad, Adam, GradientDescent, ParameterGroup, Sgd};
use downhill_train::{StepOptions, TrainingStep};

const INPUT: [usize; 2] = [6, 4];

fn network(layers: Sequential) -> Network<Sequential> {
    Network::new(layers, Type::float(INPUT)).unwrap()
}

fn step_of(network: &Network<Sequential>, options: impl Into<StepOptions>, threads: usize) -> TrainingStep {
    let (loss, engine) = (Loss::CrossEntropy, Engine::with_threads(threads));
    TrainingStep::new(network, network.input(), Type::index([6]), &loss, options, &engine).unwrap()
}

fn batch() -> ([f32; 24], [i64; 6]) {
    (std::array::from_fn(|i| (i as f32 * 0.7).sin()), [0, 1, 2, 1, 0, 2])
}

/// A group that changes nothing, but for which there must be a gradient.
fn through_a_gradient(learning_rate: f64) -> StepOptions {
    let groups = vec![ParameterGroup::matching("*")];
    StepOptions { groups, ..GradientDescent { learning_rate }.into() }
}

#[test]
fn plain_descent_moves_as_the_optimizer_does() {
    let network =
        network(Sequential::new().with(Linear::new(5)).with(BatchNorm::default()).with(Linear::new(3)));
    let mut plain = step_of(&network, Sgd { learning_rate: 0.3, ..Sgd::default() }, 2);
    let mut gradient = step_of(&network, through_a_gradient(0.3), 2);
    let (x, classes) = batch();
    for _ in 0..20 {
        let (ours, theirs) = (plain.step(&x, &classes).unwrap(), gradient.step(&x, &classes).unwrap());
        assert!((ours - theirs).abs() <= 1e-5 * theirs, "{ours} is not {theirs}");
    }
    let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-5 * (1.0 + b.abs()));
    assert!(near(plain.parameters(), gradient.parameters()));
    assert!(near(plain.state(), gradient.state()) && plain.state() != network.initial_state::<f32>());
    assert!(near(plain.output(), gradient.output()));
}

#[test]
fn threads_change_no_bit() {
    let wide = network(models::mlp(&[300, 200], 3, Activation::Tanh).with_named("drop", Dropout::new(0.2)));
    let (x, classes) = batch();
    let clipped = StepOptions { clip_norm: Some(0.1), clip_value: Some(0.05), ..Adam::default().into() };
    let plain: StepOptions = GradientDescent::default().into();
    for options in [Adam::default().into(), clipped, plain] {
        let run = |threads| {
            let mut step = step_of(&wide, options.clone(), threads);
            let losses: Vec<f32> = (0..5).map(|_| step.step(&x, &classes).unwrap()).collect();
            (losses, step.into_parameters())
        };
        assert_eq!(run(1), run(2), "{options:?}");
    }
}

#[test]
fn the_seed_decides_parameters_and_dropout_and_each_step_drops_anew() {
    let network = network(models::linear(3).with(Dropout::new(0.5)));
    let (x, classes) = batch();
    let still = |seed| StepOptions { seed, ..GradientDescent { learning_rate: 0.0 }.into() };
    let losses = |seed| {
        let mut step = step_of(&network, still(seed), 1);
        [(); 3].map(|()| step.step(&x, &classes).unwrap())
    };
    let [a, b, c] = losses(1);
    assert!(a != b && b != c && a != c);
    assert_eq!(losses(1), [a, b, c]);
    assert_ne!(losses(2), [a, b, c]);
    let start = step_of(&network, still(1), 1).into_parameters();
    assert_ne!(start, step_of(&network, still(2), 1).into_parameters());
}

#[test]
fn the_factor_scales_the_rate_of_either_way() {
    let network = network(models::linear(3));
    let (x, classes) = batch();
    let plain = |learning_rate| StepOptions::from(GradientDescent { learning_rate });
    for (halved, half) in [(plain(0.5), plain(0.25)), (through_a_gradient(0.5), through_a_gradient(0.25))] {
        let (mut halved, mut half) = (step_of(&network, halved, 1), step_of(&network, half, 1));
        halved.set_learning_rate_factor(0.5).unwrap();
        assert_eq!(halved.learning_rate(), 0.25);
        halved.step(&x, &classes).unwrap();
        half.step(&x, &classes).unwrap();
        assert_eq!(halved.parameters(), half.parameters());
        assert!(halved.set_learning_rate_factor(f64::NAN).is_err());
        assert_eq!(halved.learning_rate(), 0.25);
    }
}

#[test]
fn frozen_parameters_stay_and_do_not_count_for_clipping() {
    let network = network(models::mlp(&[5], 3, Activation::Tanh));
    let frozen = ParameterGroup { frozen: true, ..ParameterGroup::matching("0.*") };
    let options = StepOptions {
        groups: vec![frozen],
        clip_norm: Some(0.01),
        ..GradientDescent { learning_rate: 1.0 }.into()
    };
    let mut step = step_of(&network, options, 1);
    let before = step.parameters().to_vec();
    let (x, classes) = batch();
    step.step(&x, &classes).unwrap();
    let moved: Vec<f64> = before.iter().zip(step.parameters()).map(|(a, b)| f64::from(b - a)).collect();
    assert!(moved[..25].iter().all(|&m| m == 0.0));
    let norm = moved.iter().map(|m| m * m).sum::<f64>().sqrt();
    assert!((norm - 0.01).abs() < 1e-5, "{norm}");
}

#[test]
fn data_of_every_form_is_taken() {
    let network = network(models::linear(3));
    let mut step = step_of(&network, GradientDescent { learning_rate: 0.0 }, 1);
    let (x, classes) = batch();
    let loss = step.step(&x, &classes).unwrap();
    assert_eq!(step.step(&x.to_vec(), &classes.to_vec()).unwrap(), loss);
    assert_eq!(step.step(&x[..], &classes[..]).unwrap(), loss);
    assert_eq!(step.step(&Data::Float(&x), &Data::Index(&classes)).unwrap(), loss);
    assert_eq!((step.steps(), step.output().len()), (4, 18));
}

#[test]
fn a_batch_that_does_not_fit_is_an_error_and_changes_nothing() {
    let network = network(models::linear(3));
    let (x, classes) = batch();
    for options in [GradientDescent::default().into(), through_a_gradient(0.1)] {
        let mut step = step_of(&network, options, 1);
        let before = step.parameters().to_vec();
        for error in [
            step.step(&x[1..], &classes).unwrap_err(),
            step.step(&x, &[0i64; 5]).unwrap_err(),
            step.step(&classes, &classes).unwrap_err(),
            step.step(&x, &[0, 1, 2, 3, 0, 1]).unwrap_err(),
        ] {
            assert!(error.to_string().starts_with("training: "), "{error}");
        }
        assert_eq!((step.parameters(), step.steps()), (&before[..], 0));
        step.step(&x, &classes).unwrap();
    }
}

#[test]
fn an_option_outside_its_domain_is_refused_before_the_first_step() {
    let network = network(models::linear(3));
    let (loss, engine) = (Loss::CrossEntropy, Engine::default());
    let refused = |options: StepOptions| {
        let made =
            TrainingStep::<f32>::new(&network, network.input(), Type::index([6]), &loss, options, &engine);
        made.unwrap_err().to_string()
    };
    assert!(refused(GradientDescent { learning_rate: -1.0 }.into()).contains("learning_rate"));
    let clipped =
        |clip_norm, clip_value| refused(StepOptions { clip_norm, clip_value, ..Adam::default().into() });
    assert!(clipped(Some(0.0), None).contains("clip_norm"));
    assert!(clipped(None, Some(f64::NAN)).contains("clip_value"));
}

/// A network over words, and the loss of a batch of six.
fn words() -> (Network<Sequential>, Type) {
    let layers = Sequential::new().with_named("words", Embedding::new(50, 4)).with(Linear::new(3));
    (Network::new(layers, Type::index([6])).unwrap(), Type::index([6]))
}

fn on_words(options: impl Into<StepOptions>) -> TrainingStep {
    let (network, target) = words();
    let engine = Engine::with_threads(2);
    TrainingStep::new(&network, network.input(), target, &Loss::CrossEntropy, options, &engine).unwrap()
}

#[test]
fn steps_on_rows_move_as_steps_on_the_gradient() {
    let adagrad = Adagrad { learning_rate: 0.3, ..Adagrad::default() };
    // A limit that is never reached, but for which there must be the whole gradient.
    let whole = StepOptions { clip_value: Some(1e9), ..adagrad.clone().into() };
    let (mut rows, mut whole) = (on_words(adagrad), on_words(whole));
    for step in 0..10 {
        let batch = [7, 7, step, 3 + step, 49, 7];
        let classes = [0, 1, 2, 1, 0, 2];
        let (ours, theirs) = (rows.step(&batch, &classes).unwrap(), whole.step(&batch, &classes).unwrap());
        assert!((ours - theirs).abs() <= 1e-5 * theirs, "{ours} is not {theirs}");
    }
    for (ours, theirs) in rows.parameters().iter().zip(whole.parameters()) {
        assert!((ours - theirs).abs() <= 1e-4, "{ours} is not {theirs}");
    }
}

#[test]
fn adam_is_lazy_only_where_that_is_asked_for() {
    let adam = || StepOptions::from(Adam { learning_rate: 0.1, ..Adam::default() });
    for (options, moves) in [(adam(), true), (StepOptions { lazy_rows: true, ..adam() }, false)] {
        let mut step = on_words(options);
        step.step(&[7; 6], &[1; 6]).unwrap();
        let row = step.parameters()[7 * 4..8 * 4].to_vec();
        step.step(&[8; 6], &[1; 6]).unwrap();
        assert_eq!(step.parameters()[7 * 4..8 * 4] != row[..], moves);
    }
}

#[test]
fn a_word_out_of_range_is_an_error_and_changes_nothing() {
    for options in [StepOptions::from(Adagrad::default()), GradientDescent::default().into()] {
        let mut step = on_words(options);
        let before = step.parameters().to_vec();
        let error = step.step(&[0, 1, 2, 3, 4, 50], &[0; 6]).unwrap_err().to_string();
        assert!(error.contains("50"), "{error}");
        assert_eq!(step.parameters(), before);
    }
}
