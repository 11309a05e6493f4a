//! Takes over a network that PyTorch has trained: linear layers, whose weights come as a safetensors file, predict
//! here what they predicted there.
//!
//! In PyTorch: `safetensors.torch.save_file(net.state_dict(), "net.safetensors")`, with
//!
//! ```python
//! net = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5, bias=False), nn.GELU(), nn.Linear(5, 3))
//! ```
#![allow(clippy::print_stdout)]

use downhill_autograd::{Data, DataMut, Run, Type};
use downhill_engine::Engine;
use downhill_nn::{Activation, Linear, Network, Sequential};
use downhill_tensor::Key;
use downhill_train::import::read_weights;
use serde_json::Value;
use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The same layers in the same order, so that they have the same names: 0.weight, 0.bias, 2.weight, ...
    let layers = Sequential::new()
        .with(Linear::new(6))
        .with(Activation::Tanh)
        .with(Linear { out_features: 5, bias: false })
        .with(Activation::Gelu)
        .with(Linear::new(3));
    let network = Network::new(layers, Type::float([3, 4]))?;
    println!("{}", network.summary());

    // A file that was written by PyTorch, with an input and what PyTorch made of it beside.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracles");
    let weights = read_weights::<f32, _>(&network, folder.join("state_dict/mlp.f32.safetensors"))?;
    let file: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("state_dict.json"))?)?;
    let numbers = |name: &str| -> Vec<f32> {
        let numbers = file["cases"]["mlp"][name].as_array().into_iter().flatten();
        numbers.filter_map(Value::as_f64).map(|x| x as f32).collect()
    };
    let (input, theirs) = (numbers("input"), numbers("f32"));

    let mut ours = vec![0.0f32; theirs.len()];
    let mut plan = Engine::default().compile(&network.inference_program(network.input())?)?;
    plan.run(
        &[Data::Float(&weights.parameters), Data::Float(&weights.state), Data::Float(&input)],
        &mut [DataMut::Float(&mut ours)],
        Key::new(0),
    )?;
    for (example, (ours, theirs)) in ours.chunks(3).zip(theirs.chunks(3)).enumerate() {
        println!("example {example}: {ours:?} here, {theirs:?} in PyTorch");
    }
    let largest = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    println!("the largest difference is {largest:e}");
    assert!(theirs.len() == 9 && largest <= 1e-6);
    Ok(())
}
