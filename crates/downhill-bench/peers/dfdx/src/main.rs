//! The workloads in dfdx, measured as downhill-bench measures them.
//!
//! W2 and W2b are missing: its convolutions and pools need a nightly compiler. It has neither a causal attention
//! nor an LSTM, which are written in its operations.

#[path = "../../harness.rs"]
mod harness;

use dfdx::nn::modules;
use dfdx::optim::{Adam, AdamConfig, Optimizer, Sgd, SgdConfig, WeightDecay};
use dfdx::prelude::*;
use harness::{Random, Variant, batch_starts, classes, halves, only, rows, tokens, variant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Tape = OwnedTape<f32, Cpu>;
type Gradient = Gradients<f32, Cpu>;
type Loss = Tensor<Rank0, f32, Cpu, Tape>;

fn main() {
    dfdx::flush_denormals_to_zero();
    harness::run("dfdx 0.13.0", |id, batch| match (id, batch) {
        ("W1", 1) => perceptron::<1>(),
        ("W1", 32) => perceptron::<32>(),
        ("W1", 128) => perceptron::<128>(),
        ("W1", 1024) => perceptron::<1024>(),
        ("W1b", _) => sigmoids::<10>(),
        ("W3", _) => decoder::<16>(),
        ("W4", _) => logistic::<1_000_000>(),
        ("W5", _) => xor::<4>(),
        ("W6", _) => rosenbrock(),
        ("W7", _) => vec![
            variant("sparse by hand", 64_000_065, rows_by_hand::<256>),
            variant("automatic", 64_000_065, rows_automatic::<256>),
        ],
        ("W8", _) => recurrent::<32>(),
        _ => Vec::new(),
    });
}

/// The step of a model: `loss` of the batch that begins at some example, backward, update.
fn train<M, O>(
    model: M,
    mut optimizer: O,
    batch: usize,
    loss: impl Fn(&M, Gradient, usize) -> Loss + 'static,
) -> Vec<Variant>
where
    M: TensorCollection<f32, Cpu> + 'static,
    O: Optimizer<M, Cpu, f32> + 'static,
{
    let parameters = model.num_trainable_params();
    let mut starts = batch_starts(if batch == 4 { 4 } else { harness::EXAMPLES.max(batch) }, batch);
    let (mut model, mut gradients) = (model, None);
    only(parameters, move || {
        let kept = gradients.take().unwrap_or_else(|| model.alloc_grads());
        let loss = loss(&model, kept, starts());
        let value = loss.array();
        let mut fresh = loss.backward();
        optimizer.update(&mut model, &fresh).expect("every parameter is used");
        model.zero_grads(&mut fresh);
        gradients = Some(fresh);
        value
    })
}

fn sgd<M>(model: &M, rate: f64) -> Sgd<M, f32, Cpu> {
    Sgd::new(model, SgdConfig { lr: rate, momentum: None, weight_decay: None })
}

fn adam<M>(model: &M, rate: f64, decay: Option<WeightDecay>) -> Adam<M, f32, Cpu> {
    Adam::new(model, AdamConfig { lr: rate, weight_decay: decay, ..AdamConfig::default() })
}

/// A copy of a batch of examples of so many numbers.
fn part<T: Copy>(values: &[T], start: usize, batch: usize, len: usize) -> Vec<T> {
    values[start * len..(start + batch) * len].to_vec()
}

/// Its cross-entropy takes the probabilities of all classes.
fn one_hot(labels: &[usize], classes: usize) -> Vec<f32> {
    labels.iter().flat_map(|&l| (0..classes).map(move |c| if c == l { 1.0 } else { 0.0 })).collect()
}

fn perceptron<const B: usize>() -> Vec<Variant> {
    type Model = (Linear<784, 128>, ReLU, Linear<128, 10>);
    let dev = Cpu::default();
    let model = dev.build_module::<Model, f32>();
    let (inputs, labels) = classes(784);
    let targets = one_hot(&labels, 10);
    let rule = sgd(&model, 0.1);
    train(model, rule, B, move |model, gradients, start| {
        let x: Tensor<Rank2<B, 784>, f32, _> =
            dev.tensor_from_vec(part(&inputs, start, B, 784), (Const, Const));
        let y: Tensor<Rank2<B, 10>, f32, _> =
            dev.tensor_from_vec(part(&targets, start, B, 10), (Const, Const));
        cross_entropy_with_logits_loss(model.forward(x.traced(gradients)), y)
    })
}

fn sigmoids<const B: usize>() -> Vec<Variant> {
    type Model = (Linear<784, 16>, Sigmoid, Linear<16, 16>, Sigmoid, Linear<16, 10>, Sigmoid);
    let dev = Cpu::default();
    let model = dev.build_module::<Model, f32>();
    let (inputs, labels) = classes(784);
    let targets = one_hot(&labels, 10);
    let rule = sgd(&model, 0.1);
    train(model, rule, B, move |model, gradients, start| {
        let x: Tensor<Rank2<B, 784>, f32, _> =
            dev.tensor_from_vec(part(&inputs, start, B, 784), (Const, Const));
        let y: Tensor<Rank2<B, 10>, f32, _> =
            dev.tensor_from_vec(part(&targets, start, B, 10), (Const, Const));
        mse_loss(model.forward(x.traced(gradients)), y)
    })
}

const WIDTH: usize = 128;
const HEADS: usize = 4;
const DEPTH: usize = WIDTH / HEADS;
const CONTEXT: usize = 64;
const VOCABULARY: usize = 64;
type Projection = modules::Linear<WIDTH, WIDTH, f32, Cpu>;
type Norm = modules::LayerNorm1D<WIDTH, f32, Cpu>;
type Mlp = (modules::Linear<WIDTH, 512, f32, Cpu>, modules::Linear<512, WIDTH, f32, Cpu>);
type Block = ((Norm, Norm), (Projection, Projection, Projection), Projection, Mlp);
type Sequence<const B: usize> = Tensor<Rank3<B, CONTEXT, WIDTH>, f32, Cpu, Tape>;

fn block(dev: &Cpu) -> Block {
    type Linears = (Linear<WIDTH, WIDTH>, Linear<WIDTH, WIDTH>, Linear<WIDTH, WIDTH>);
    (
        dev.build_module::<(LayerNorm1D<WIDTH>, LayerNorm1D<WIDTH>), f32>(),
        dev.build_module::<Linears, f32>(),
        dev.build_module::<Linear<WIDTH, WIDTH>, f32>(),
        dev.build_module::<(Linear<WIDTH, 512>, Linear<512, WIDTH>), f32>(),
    )
}

fn attend<const B: usize>(
    ((attention_norm, mlp_norm), (query, key, value), output, (mlp_in, mlp_out)): &Block,
    mask: &Tensor<Rank2<CONTEXT, CONTEXT>, f32, Cpu>,
    x: Sequence<B>,
) -> Sequence<B> {
    let seen = attention_norm.forward(x.with_empty_tape());
    let split = |linear: &Projection, seen: Sequence<B>| {
        let parts = linear.forward(seen).reshape::<Rank4<B, CONTEXT, HEADS, DEPTH>>();
        parts.permute::<Rank4<B, HEADS, CONTEXT, DEPTH>, Axes4<0, 2, 1, 3>>()
    };
    let query = split(query, seen.with_empty_tape());
    let key =
        split(key, seen.with_empty_tape()).permute::<Rank4<B, HEADS, DEPTH, CONTEXT>, Axes4<0, 1, 3, 2>>();
    let value = split(value, seen);
    let scores = query.matmul(key) * (DEPTH as f32).powf(-0.5);
    let weights =
        (scores + mask.clone().broadcast::<Rank4<B, HEADS, CONTEXT, CONTEXT>, _>()).softmax::<Axis<3>>();
    let joined = weights.matmul(value).permute::<Rank4<B, CONTEXT, HEADS, DEPTH>, Axes4<0, 2, 1, 3>>();
    let x = x + output.forward(joined.reshape::<Rank3<B, CONTEXT, WIDTH>>());
    let hidden = mlp_in.forward(mlp_norm.forward(x.with_empty_tape())).accurate_gelu();
    x + mlp_out.forward(hidden)
}

fn decoder<const B: usize>() -> Vec<Variant> {
    let dev = Cpu::default();
    let tables = dev.build_module::<(Embedding<VOCABULARY, WIDTH>, Linear<WIDTH, VOCABULARY>), f32>();
    let positions: Tensor<Rank2<CONTEXT, WIDTH>, f32, _> =
        dev.tensor_from_vec(Random::new(4).normal(CONTEXT * WIDTH, 0.02), (Const, Const));
    let model = (tables, positions, block(&dev), block(&dev));
    let mask =
        (0..CONTEXT * CONTEXT).map(|i| if i % CONTEXT > i / CONTEXT { f32::NEG_INFINITY } else { 0.0 });
    let mask: Tensor<Rank2<CONTEXT, CONTEXT>, f32, _> = dev.tensor_from_vec(mask.collect(), (Const, Const));
    let (inputs, targets) = tokens(VOCABULARY, CONTEXT);
    let targets = one_hot(&targets, VOCABULARY);
    let rule = adam(&model, 3e-4, Some(WeightDecay::Decoupled(1e-2)));
    train(model, rule, B, move |((table, head), positions, first, second), gradients, start| {
        let x: Tensor<Rank2<B, CONTEXT>, usize, _> =
            dev.tensor_from_vec(part(&inputs, start, B, CONTEXT), (Const, Const));
        let y = part(&targets, start, B, CONTEXT * VOCABULARY);
        let y: Tensor<Rank3<B, CONTEXT, VOCABULARY>, f32, _> = dev.tensor_from_vec(y, (Const, Const, Const));
        let traced = table.weight.trace(gradients).gather(x);
        let x: Sequence<B> = traced + positions.retaped::<Tape>().broadcast::<Rank3<B, CONTEXT, WIDTH>, _>();
        let x = attend(second, &mask, attend(first, &mask, x));
        cross_entropy_with_logits_loss(head.forward(x), y)
    })
}

fn logistic<const B: usize>() -> Vec<Variant> {
    let dev = Cpu::default();
    let model = dev.build_module::<Linear<32, 1>, f32>();
    let (inputs, targets) = halves(B, 32);
    // The whole set, as tensors that are there already.
    let x: Tensor<Rank2<B, 32>, f32, _> = dev.tensor_from_vec(inputs, (Const, Const));
    let y: Tensor<Rank2<B, 1>, f32, _> = dev.tensor_from_vec(targets, (Const, Const));
    let rule = sgd(&model, 0.5);
    train(model, rule, B, move |model, gradients, _| {
        binary_cross_entropy_with_logits_loss(model.forward(x.trace(gradients)), y.clone())
    })
}

fn xor<const B: usize>() -> Vec<Variant> {
    type Model = (Linear<2, 8>, Tanh, Linear<8, 1>);
    let dev = Cpu::default();
    let model = dev.build_module::<Model, f32>();
    let rule = sgd(&model, 0.1);
    train(model, rule, B, move |model, gradients, _| {
        let x: Tensor<Rank2<B, 2>, f32, _> = dev.tensor_from_vec(harness::XOR.0.to_vec(), (Const, Const));
        let y: Tensor<Rank2<B, 1>, f32, _> = dev.tensor_from_vec(harness::XOR.1.to_vec(), (Const, Const));
        binary_cross_entropy_with_logits_loss(model.forward(x.traced(gradients)), y)
    })
}

fn rosenbrock() -> Vec<Variant> {
    let dev = Cpu::default();
    let at: Tensor<Rank1<2>, f32, _> = dev.tensor([-1.2, 1.0]);
    let (first, second) = (dev.tensor(0usize), dev.tensor(1usize));
    let rule = adam(&at, 1e-2, None);
    train(at, rule, 1, move |at, gradients, _| {
        let a = at.trace(gradients).select(first.clone());
        let b = at.retaped::<Tape>().select(second.clone());
        let bend = (b - a.with_empty_tape().square()).square() * 100.0;
        ((-a) + 1.0).square() + bend
    })
}

/// W7 as one would write it: the gradient of the table has the size of the table.
fn rows_automatic<const B: usize>() -> harness::Step {
    let dev = Cpu::default();
    let model = dev.build_module::<(Embedding<1_000_000, 64>, Linear<64, 1>), f32>();
    let (numbers, targets) = rows(1_000_000);
    let rule = sgd(&model, 0.1);
    let mut variants = train(model, rule, B, move |(table, head), gradients, start| {
        let x: Tensor<Rank1<B>, usize, _> = dev.tensor_from_vec(part(&numbers, start, B, 1), (Const,));
        let y: Tensor<Rank2<B, 1>, f32, _> = dev.tensor_from_vec(part(&targets, start, B, 1), (Const, Const));
        binary_cross_entropy_with_logits_loss(head.forward(table.weight.trace(gradients).gather(x)), y)
    });
    (variants.remove(0).prepare)()
}

/// W7 with the rows of the batch taken out of the table, and their gradient subtracted there, by hand.
fn rows_by_hand<const B: usize>() -> harness::Step {
    let dev = Cpu::default();
    let mut head = dev.build_module::<Linear<64, 1>, f32>();
    let mut rule = sgd(&head, 0.1);
    let mut table = Random::new(3).normal(64_000_000, 1.0);
    let (numbers, targets) = rows(1_000_000);
    let mut starts = batch_starts(numbers.len(), B);
    Box::new(move || {
        let start = starts();
        let numbers = &numbers[start..start + B];
        let seen: Vec<f32> = numbers.iter().flat_map(|row| &table[64 * row..][..64]).copied().collect();
        let seen: Tensor<Rank2<B, 64>, f32, _> = dev.tensor_from_vec(seen, (Const, Const));
        let y: Tensor<Rank2<B, 1>, f32, _> = dev.tensor_from_vec(part(&targets, start, B, 1), (Const, Const));
        let loss = binary_cross_entropy_with_logits_loss(head.forward(seen.leaky_trace()), y);
        let value = loss.array();
        let gradients = loss.backward();
        rule.update(&mut head, &gradients).expect("every parameter is used");
        let gradient = gradients.get(&seen).as_vec();
        for (row, gradient) in numbers.iter().zip(gradient.chunks_exact(64)) {
            table[64 * row..][..64].iter_mut().zip(gradient).for_each(|(p, g)| *p -= 0.1 * g);
        }
        value
    })
}

fn recurrent<const B: usize>() -> Vec<Variant> {
    const HIDDEN: usize = 128;
    type Model = (Linear<32, 512>, Linear<HIDDEN, 512>, Linear<HIDDEN, 10>);
    let dev = Cpu::default();
    let model = dev.build_module::<Model, f32>();
    let (inputs, labels) = classes(64 * 32);
    let targets = one_hot(&labels, 10);
    let rule = adam(&model, 1e-3, None);
    train(model, rule, B, move |(input, recurrent, head), gradients, start| {
        let y: Tensor<Rank2<B, 10>, f32, _> =
            dev.tensor_from_vec(part(&targets, start, B, 10), (Const, Const));
        let nothing: Tensor<Rank2<B, HIDDEN>, f32, _> = dev.zeros();
        let (mut h, mut c) = (nothing.trace(gradients), nothing.retaped::<Tape>());
        for step in 0..64 {
            let at = |example: usize| &inputs[((start + example) * 64 + step) * 32..][..32];
            let x: Vec<f32> = (0..B).flat_map(at).copied().collect();
            let x: Tensor<Rank2<B, 32>, f32, _> = dev.tensor_from_vec(x, (Const, Const));
            let gates = recurrent.forward(h) + input.forward(x.retaped::<Tape>());
            let gate = |gates: Tensor<Rank2<B, 512>, f32, Cpu, Tape>, number: usize| {
                gates.slice((.., number * HIDDEN..(number + 1) * HIDDEN)).realize::<Rank2<B, HIDDEN>>()
            };
            let [i, f, g] = [0, 1, 2].map(|number| gate(gates.with_empty_tape(), number));
            let o = gate(gates, 3);
            let fresh = f.sigmoid() * c + i.sigmoid() * g.tanh();
            // The tape goes on with the hidden state.
            c = fresh.retaped::<Tape>();
            h = o.sigmoid() * fresh.tanh();
        }
        cross_entropy_with_logits_loss(head.forward(h), y)
    })
}
