//! What a training step is made of: its loops before it runs, the memory that it holds, and where its time goes.
#![allow(clippy::print_stdout)]

use downhill_autograd::Type;
use downhill_engine::{Engine, Rates};
use downhill_nn::{Activation, Loss, Network, models};
use downhill_optim::Adam;
use downhill_tensor::Key;
use downhill_train::TrainingStep;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let batch = 64;
    let (input, target) = (Type::float([batch, 64]), Type::index([batch]));
    let engine = Engine::with_threads(2);
    let network = Network::new(models::mlp(&[128, 64], 10, Activation::Relu), input)?;
    let mut step =
        TrainingStep::<f32>::new(&network, input, target, &Loss::CrossEntropy, Adam::default(), &engine)?;

    // Known before anything has run.
    println!("{}\n", step.memory());
    println!("{}", step.plan());

    let mut inputs = vec![0.0; batch * 64];
    Key::new(1).fill_uniform(0, &mut inputs);
    let classes: Vec<i64> = (0..batch as i64).map(|example| example % 10).collect();
    step.plan_mut().start_profiling();
    for _ in 0..500 {
        step.step(&inputs, &classes)?;
    }

    let rates = Rates::measure(&engine)?;
    println!("the machine: {rates}\n");
    if let Some(profile) = step.plan().profile() {
        println!("{}", profile.against(&rates));
        let slowest = profile.by_layer().into_iter().max_by_key(|(_, time)| *time);
        if let Some((layer, time)) = slowest {
            println!("most of the time went to layer {layer}: {time:?} in {} steps", profile.runs);
        }
    }
    Ok(())
}
