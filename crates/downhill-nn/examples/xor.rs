//! XOR, the smallest problem that a linear model cannot solve, learned by plain gradient descent: a network
//! as a value, its summary, its programs, and the loop written out by hand.
#![allow(clippy::print_stdout)]

use downhill_autograd::{Data, Interpreter, Type};
use downhill_nn::{Activation, Loss, Network, from_description, models, to_description};
use downhill_tensor::Key;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let x = [0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
    let target = [0.0, 1.0, 1.0, 0.0];
    let (input, answer) = (Type::float([4, 2]), Type::float([4]));

    // Recording the network once finds its parameters.
    let network = Network::new(models::mlp(&[8], 1, Activation::Tanh), input)?;
    println!("{}", network.summary());

    // The program of a step is a value: it can be read.
    let program = network.training_program(input, answer, &Loss::BinaryCrossEntropy)?;
    println!("A step has {} operations and inputs; the first lines of the program:", program.len());
    for line in program.to_string().lines().take(9) {
        println!("{line}");
    }

    // All parameters are one vector, and so is the gradient.
    let mut theta: Vec<f64> = network.initialize(Key::new(1));
    let learning_rate = 1.0;
    println!();
    for step in 0..=400 {
        let data = [Data::Float(&theta), Data::Float(&[]), Data::Float(&x), Data::Float(&target)];
        let results = Interpreter.outputs(&program, &data, Key::new(0))?;
        let (loss, gradient) = (results[0].item()?, &results[1]);
        if step % 100 == 0 {
            let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
            println!("step {step:>3}: loss {loss:.4}, norm of the gradient {norm:.4}");
        }
        theta.iter_mut().zip(gradient.iter()).for_each(|(p, g)| *p -= learning_rate * g);
    }

    // The network is data: written to a text, it loads without the code that built it.
    let text = to_description(&network.layer().clone().into());
    let loaded = Network::new(from_description(&text)?, Type::float([1, 2]))?;
    let program = loaded.inference_program(Type::float([1, 2]))?;
    println!();
    for pair in x.chunks(2) {
        let data = [Data::Float(&theta), Data::Float(&[]), Data::Float(pair)];
        let logit = Interpreter.outputs::<f64>(&program, &data, Key::new(0))?[0].item()?;
        println!("{} xor {}: {:.3}", pair[0], pair[1], 1.0 / (1.0 + (-logit).exp()));
    }
    Ok(())
}
