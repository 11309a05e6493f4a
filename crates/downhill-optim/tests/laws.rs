//! What holds for every optimizer: splitting, resuming, grouping and refusing change no bit that they
//! should not.

#![allow(clippy::unwrap_used)]

mod common;

use common::{configs, walks};
use downhill_optim::{
    Chunk, Error, MAX_SCALARS, MAX_SLOTS, Optimize, Optimizer, OptimizerConfig, OptimizerState,
    ParameterGroup, Piece, Rule, Scope, Sgd, Slot, Step,
};
use downhill_tensor::{Float, ParameterLayout};
use proptest::prelude::*;

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// A layout of three parameters called `0.weight`, `0.bias` and `1.weight`.
fn layout(lengths: [usize; 3]) -> ParameterLayout {
    let mut layout = ParameterLayout::default();
    for (name, len) in ["0.weight", "0.bias", "1.weight"].into_iter().zip(lengths) {
        layout.push(name, [len], false).unwrap();
    }
    layout
}

/// Through the format of checkpoints and back.
fn saved_and_loaded(state: &OptimizerState<f64>) -> OptimizerState<f64> {
    let bytes = bincode::serde::encode_to_vec(state, bincode::config::standard()).unwrap();
    bincode::serde::decode_from_slice(&bytes, bincode::config::standard()).unwrap().0
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_split_applied_in_any_order_gives_the_same_bits(
        (start, gradients) in walks(61, 6), config in configs(), chunk_len in 1usize..70,
    ) {
        let groups = [ParameterGroup { learning_rate_factor: 0.5, ..ParameterGroup::matching("*.bias") }];
        let layout = layout([30, 7, 24]);
        let mut whole = Optimizer::with_groups(config.clone(), &layout, &groups).unwrap();
        let mut split = Optimizer::with_groups(config, &layout, &groups).unwrap();
        let (mut expected, mut ours) = (start.clone(), start);
        for gradient in &gradients {
            whole.step_scaled(&mut expected, gradient, 0.7).unwrap();
            let mut chunks: Vec<_> = split.chunks(&mut ours, gradient, 0.7, chunk_len).unwrap().collect();
            let whole_parameters = whole.rule().scope() == Scope::Parameter;
            let fits = |chunk: &Chunk<'_, f64>| match whole_parameters {
                true => [30, 7, 24].contains(&chunk.len()),
                false => (1..=chunk_len).contains(&chunk.len()),
            };
            prop_assert!(chunks.iter().all(fits));
            prop_assert_eq!(chunks.iter().map(Chunk::len).sum::<usize>(), 61);
            chunks.reverse();
            chunks.into_iter().for_each(Chunk::apply);
        }
        prop_assert_eq!(bits(&ours), bits(&expected));
        prop_assert_eq!(split.state(), whole.state());
    }

    #[test]
    fn resuming_from_a_saved_state_changes_no_bit(
        (start, gradients) in walks(19, 12), config in configs(), pause in 0usize..12,
    ) {
        let mut through = Optimizer::new(config.clone(), 19).unwrap();
        let mut before = Optimizer::new(config.clone(), 19).unwrap();
        let mut after: Box<dyn Optimize<f64>> = Box::new(Optimizer::new(config, 19).unwrap());
        let (mut expected, mut ours) = (start.clone(), start);
        for gradient in &gradients {
            through.step(&mut expected, gradient).unwrap();
        }
        for gradient in &gradients[..pause] {
            before.step(&mut ours, gradient).unwrap();
        }
        after.load_state(saved_and_loaded(before.state())).unwrap();
        for gradient in &gradients[pause..] {
            after.step_scaled(&mut ours, gradient, 1.0).unwrap();
        }
        prop_assert_eq!(bits(&ours), bits(&expected));
        prop_assert_eq!(after.state(), through.state());
    }

    #[test]
    fn a_reset_optimizer_is_a_new_one((start, gradients) in walks(11, 4), config in configs()) {
        let mut used = Optimizer::new(config.clone(), 11).unwrap();
        let mut scratch = start;
        for gradient in &gradients {
            used.step(&mut scratch, gradient).unwrap();
        }
        used.reset();
        prop_assert_eq!(used, Optimizer::new(config, 11).unwrap());
    }

    #[test]
    fn groups_step_as_optimizers_of_their_own(
        (start, gradients) in walks(20, 5), config in configs(), factor in 0.0..2.0, decay in 0.0..0.5,
    ) {
        let decays = config.weight_decay().is_some();
        let groups = [
            ParameterGroup { frozen: true, ..ParameterGroup::matching("1.*") },
            ParameterGroup {
                learning_rate_factor: factor,
                weight_decay: decays.then_some(decay),
                ..ParameterGroup::matching("?.bias")
            },
        ];
        let mut grouped = Optimizer::with_groups(config.clone(), &layout([9, 5, 6]), &groups).unwrap();
        let mut plain = Optimizer::new(config.clone(), 9).unwrap();
        let mut alone = Optimizer::new(with_decay(config, decay), 5).unwrap();
        let (mut ours, mut expected) = (start.clone(), start.clone());
        for gradient in &gradients {
            grouped.step(&mut ours, gradient).unwrap();
            plain.step(&mut expected[..9], &gradient[..9]).unwrap();
            alone.step_scaled(&mut expected[9..14], &gradient[9..14], factor).unwrap();
        }
        let averages = |config: &OptimizerConfig| config.name().starts_with("schedule_free");
        if averages(grouped.rule()) {
            // Its weights are those of all parameters, which a factor cancels from but for rounding.
            let near = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-12 * b.abs().max(1.0);
            prop_assert!(ours.iter().zip(&expected).all(near), "{ours:?} is not {expected:?}");
        } else {
            prop_assert_eq!(bits(&ours), bits(&expected));
        }
        prop_assert_eq!(&ours[14..], &start[14..]);
    }
}

/// The same optimizer with another decay, if it has one.
fn with_decay(config: OptimizerConfig, decay: f64) -> OptimizerConfig {
    if let OptimizerConfig::Lookahead(mut rule) = config {
        *rule.inner = with_decay(*rule.inner, decay);
        return rule.into();
    }
    let mut written = serde_json::to_value(config).unwrap();
    let fields = written.as_object_mut().unwrap().values_mut().next().unwrap();
    if let Some(field) = fields.get_mut("weight_decay") {
        *field = decay.into();
    }
    serde_json::from_value(written).unwrap()
}

#[test]
fn threads_change_no_bit() {
    let len = 10_000;
    let gradient: Vec<f32> = (0..len).map(|index| (index as f32 * 0.37).sin()).collect();
    for name in OptimizerConfig::names() {
        let config = OptimizerConfig::from_name(name).unwrap();
        let run = |threads: usize| {
            let mut optimizer = Optimizer::new(config.clone(), len).unwrap();
            let mut parameters = vec![0.5_f32; len];
            for _ in 0..3 {
                let chunks: Vec<_> =
                    optimizer.chunks(&mut parameters, &gradient, 1.0, 1001).unwrap().collect();
                let mut queues: Vec<Vec<_>> = (0..threads).map(|_| Vec::new()).collect();
                chunks.into_iter().enumerate().for_each(|(n, chunk)| queues[n % threads].push(chunk));
                std::thread::scope(|scope| {
                    for queue in queues {
                        scope.spawn(move || queue.into_iter().for_each(Chunk::apply));
                    }
                });
            }
            parameters.iter().map(|p| p.to_bits()).collect::<Vec<_>>()
        };
        let one = run(1);
        assert!([2, 4, 8].into_iter().all(|threads| run(threads) == one), "{name}");
    }
}

#[test]
fn slices_of_the_wrong_length_change_nothing() {
    let mut optimizer = Optimizer::new(Sgd { momentum: 0.9, ..Sgd::default() }, 3).unwrap();
    let mut parameters = [1.0_f32; 3];
    let error = optimizer.step(&mut parameters, &[1.0; 2]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the optimizer was made for 3 parameters, but the gradient slice has length 2"
    );
    assert!(matches!(
        optimizer.step(&mut parameters[..1], &[1.0; 3]),
        Err(Error::LengthMismatch { what: "parameter", expected: 3, actual: 1 })
    ));
    for factor in [-1.0, f64::NAN, f64::INFINITY] {
        assert!(optimizer.step_scaled(&mut parameters, &[1.0; 3], factor).is_err());
    }
    assert!(optimizer.chunks(&mut parameters, &[1.0; 3], 1.0, 0).is_err());
    assert_eq!((parameters, optimizer.steps()), ([1.0; 3], 0));
}

#[test]
fn a_state_of_another_optimizer_is_refused() {
    let config = |name| OptimizerConfig::from_name(name).unwrap();
    let adam: Optimizer<f32> = Optimizer::new(config("adam"), 3).unwrap();
    let mut sgd: Optimizer<f32> = Optimizer::new(config("momentum"), 3).unwrap();
    let error = sgd.load_state(adam.state().clone()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "this state does not belong to this optimizer: expected momentum_buffer [3], found first_moment \
         [3], second_moment [3]"
    );
    let longer: Optimizer<f32> = Optimizer::new(config("momentum"), 4).unwrap();
    assert!(sgd.load_state(longer.state().clone()).is_err());
    let mut adagrad: Optimizer<f32> = Optimizer::new(config("adagrad"), 3).unwrap();
    assert!(adagrad.load_state(sgd.state().clone()).is_err(), "one slot each, but not the same");
}

#[test]
fn hyperparameters_are_checked_before_the_first_step() {
    for name in OptimizerConfig::names() {
        let config = OptimizerConfig::from_name(name).unwrap().with_learning_rate(-0.1);
        let error = Optimizer::<f32>::new(config.clone(), 1).unwrap_err();
        let owner =
            serde_json::to_value(&config).unwrap().as_object().unwrap().keys().next().unwrap().clone();
        assert_eq!(
            error.to_string(),
            format!("{owner}: learning_rate must be finite and at least 0, but is -0.1")
        );
    }
}

#[test]
fn more_state_than_fits_is_refused() {
    #[derive(Debug)]
    struct Hoarder(usize, usize);
    impl Rule for Hoarder {
        fn name(&self) -> &str {
            "hoarder"
        }
        fn learning_rate(&self) -> f64 {
            1.0
        }
        fn slots(&self) -> Vec<Slot> {
            vec![Slot::zeros("slot"); self.0]
        }
        fn scalars(&self) -> Vec<Slot> {
            vec![Slot::zeros("scalar"); self.1]
        }
        fn update<T: Float>(&self, _: &Step, _: Piece<'_, T>) {}
    }
    assert!(Optimizer::<f32, _>::new(Hoarder(MAX_SLOTS, MAX_SCALARS), 1).is_ok());
    for (slots, scalars) in [(MAX_SLOTS + 1, 0), (0, MAX_SCALARS + 1)] {
        let error = Optimizer::<f32, _>::new(Hoarder(slots, scalars), 1).unwrap_err();
        assert!(matches!(error, Error::TooManySlots { .. }), "{error}");
    }
}

#[test]
fn frozen_gradients_are_zeroed_for_norms() {
    let groups = [ParameterGroup { frozen: true, ..ParameterGroup::matching("*.weight") }];
    let optimizer: Optimizer<f32, _> =
        Optimizer::with_groups(Sgd::default(), &layout([2, 1, 2]), &groups).unwrap();
    let mut gradient = [1.0, 2.0, 3.0, 4.0, 5.0];
    optimizer.zero_frozen(&mut gradient).unwrap();
    assert_eq!(gradient, [0.0, 0.0, 3.0, 0.0, 0.0]);
}

#[test]
fn an_optimizer_of_nothing_steps_over_nothing() {
    let mut optimizer = Optimizer::<f64>::new(OptimizerConfig::from_name("adam").unwrap(), 0).unwrap();
    optimizer.step(&mut [], &[]).unwrap();
    assert_eq!(optimizer.steps(), 1);
    let layout = ParameterLayout::default();
    assert!(Optimizer::<f64>::with_groups(OptimizerConfig::default(), &layout, &[]).unwrap().is_empty());
}
