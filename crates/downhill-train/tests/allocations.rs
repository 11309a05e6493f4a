//! A step allocates nothing, once the first epoch has touched everything.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;
#[path = "../../downhill-engine/tests/counting/mod.rs"]
mod counting;

use common::{adam, iris};
use counting::allocations;
use downhill_autograd::Type;
use downhill_data::BatchSize;
use downhill_engine::Engine;
use downhill_nn::{Activation, BatchNorm, Dropout, Linear, Loss, Network, Sequential};
use downhill_optim::{Adam, GradientDescent};
use downhill_train::{Event, StepOptions, TrainConfig, Trainer, TrainingStep};
use std::ops::ControlFlow;

// One test: allocations of another on a thread beside it would be counted too.
#[test]
fn a_step_allocates_nothing() {
    the_trainers_steps();
    steps_by_hand();
}

fn steps_by_hand() {
    let input = Type::float([32, 40]);
    let layers = Sequential::new().with(Linear::new(600)).with(BatchNorm::default()).with(Dropout::new(0.1));
    let network = Network::new(layers.with(Linear::new(3)), input).unwrap();
    let (x, classes) = ([0.5f32; 32 * 40], [2i64; 32]);
    let clipped = StepOptions { clip_norm: Some(1.0), clip_value: Some(1.0), ..Adam::default().into() };
    for options in [GradientDescent::default().into(), clipped] {
        let (target, engine) = (Type::index([32]), Engine::with_threads(2));
        let mut step =
            TrainingStep::<f32>::new(&network, input, target, &Loss::CrossEntropy, options, &engine).unwrap();
        // A thread allocates for itself when it starts, which may be during the first steps.
        for _ in 0..20 {
            step.step(&x, &classes).unwrap();
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
        let before = allocations();
        for _ in 0..5 {
            step.step(&x, &classes).unwrap();
        }
        assert_eq!(allocations() - before, 0);
    }
}

fn the_trainers_steps() {
    let (train, held_out) = iris();
    let network = Sequential::new()
        .with(Linear::new(300))
        .with(BatchNorm::default())
        .with(Activation::Relu)
        .with(Dropout::new(0.1))
        .with(Linear::new(200))
        .with(Linear::new(3));
    for threads in [1, 2] {
        // Batches of 32, 32, 32 and 24.
        let config = TrainConfig {
            threads,
            batch_size: BatchSize::Examples(32),
            clip_norm: Some(1.0),
            clip_value: Some(1.0),
            ..adam(0.01, 4)
        };
        let mut before = None;
        let mut steps = 0;
        Trainer::new(network.clone(), config)
            .unwrap()
            .on_event(|event| {
                let now = allocations();
                match event {
                    Event::Step { epoch, step, .. } if *epoch > 1 => {
                        if let Some(before) = before {
                            assert_eq!(now - before, 0, "step {step} allocated, with {threads} threads");
                            steps += 1;
                        }
                        before = Some(now);
                    }
                    // What an epoch's end needs is not a step's.
                    _ => before = None,
                }
                ControlFlow::Continue(())
            })
            .fit(&train, Some(&held_out))
            .unwrap();
        assert_eq!(steps, 3 * 3);
    }
}
