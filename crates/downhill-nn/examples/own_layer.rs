//! A layer of one's own: plain data, and a forward pass that asks for its parameters where it uses them.
//!
//! It predicts the next reading of a sensor from the last three by a gated sum, and shows what the network
//! found out about the layer by recording it once: names, shapes, first numbers, programs, and errors.
#![allow(clippy::print_stdout)]

use downhill_autograd::{Data, Interpreter, Type, Var};
use downhill_nn::{Init, Layer, Linear, Loss, Network, Scope, layer_fn};
use downhill_tensor::Key;

/// `y = (x W + b) * σ(x V)`: each output has a gate that decides how much of it passes.
///
/// Source: Dauphin et al., "Language modeling with gated convolutional networks", 2016 (arXiv:1612.08083).
struct GatedLinear {
    out_features: usize,
}

impl Layer for GatedLinear {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        // The shape of the gate follows from the input: nobody has to say it.
        let gate = scope.param("gate", [x.dim(-1), self.out_features], Init::xavier_uniform());
        // A layer inside a layer is a value, used under a name.
        scope.layer("value", &Linear::new(self.out_features), x) * x.matmul(gate).sigmoid()
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let model = layer_fn(|scope, x| {
        let hidden = scope.layer("gated", &GatedLinear { out_features: 8 }, x);
        scope.layer("head", &Linear::new(1), hidden)
    });

    // A sine, cut into pieces of three readings and the one that follows.
    let readings: Vec<f64> = (0..43).map(|i| (0.3 * f64::from(i)).sin()).collect();
    let (mut x, mut target) = (Vec::new(), Vec::new());
    for piece in readings.windows(4) {
        x.extend(&piece[..3]);
        target.push(piece[3]);
    }

    let (input, answer) = (Type::float([target.len(), 3]), Type::float([target.len()]));
    let network = Network::new(model, input)?;
    println!("{}", network.summary());
    for entry in network.layout().entries() {
        println!("{:<18} {:<8} at {:?}", entry.name, entry.shape.to_string(), entry.range());
    }

    // Gradient descent in four lines: θ is a plain vector, and so is its gradient.
    let program = network.training_program(input, answer, &Loss::MeanSquaredError)?;
    let mut theta: Vec<f64> = network.initialize(Key::new(7));
    println!();
    for step in 0..=300 {
        let data = [Data::Float(&theta), Data::Float(&[]), Data::Float(&x), Data::Float(&target)];
        let results = Interpreter.outputs(&program, &data, Key::new(0))?;
        if step % 100 == 0 {
            println!("step {step:>3}: mean squared error {:.6}", results[0].item()?);
        }
        theta.iter_mut().zip(results[1].iter()).for_each(|(p, g)| *p -= 0.3 * g);
    }

    // What does not fit is said before anything runs, with the path of the layer.
    if let Err(error) = Network::new(network.layer(), Type::index([4, 3])) {
        println!("\nWhole numbers instead of readings:\n{error}");
    }
    Ok(())
}
