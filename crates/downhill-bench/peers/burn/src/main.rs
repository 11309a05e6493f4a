//! The workloads in burn on its Flex backend, measured as downhill-bench measures them.

#[path = "../../harness.rs"]
mod harness;

use burn::module::{Initializer, Module, Param};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::loss::{BinaryCrossEntropyLossConfig, CrossEntropyLossConfig, MseLoss, Reduction};
use burn::nn::pool::{MaxPool2d, MaxPool2dConfig};
use burn::nn::{
    Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig, Lstm, LstmConfig,
    PaddingConfig2d,
};
use burn::optim::{AdamConfig, AdamWConfig, GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::module::attention;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Device, Int, Tensor, TensorData, activation};
use harness::{Random, Variant, batch_starts, classes, halves, only, rows, tokens, variant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    harness::run("burn 0.22.1 flex", prepare);
}

/// A model with the loss of a batch.
trait Model: Module + 'static {
    fn loss(&self, batch: &Batch<'_>) -> Tensor<1>;
}

/// Where the numbers of a batch are.
struct Batch<'a> {
    inputs: &'a Numbers,
    targets: &'a Numbers,
    start: usize,
    count: usize,
    device: &'a Device,
}

enum Numbers {
    Float(Vec<f32>),
    Index(Vec<i32>),
}

impl Numbers {
    fn index(values: &[usize]) -> Self {
        Numbers::Index(values.iter().map(|&value| value as i32).collect())
    }

    /// A copy of a batch of elements of this shape.
    fn data<const D: usize>(&self, start: usize, shape: [usize; D]) -> TensorData {
        let len: usize = shape[1..].iter().product();
        let range = start * len..(start + shape[0]) * len;
        match self {
            Numbers::Float(values) => TensorData::new(values[range].to_vec(), shape),
            Numbers::Index(values) => TensorData::new(values[range].to_vec(), shape),
        }
    }
}

impl Batch<'_> {
    fn input<const D: usize>(&self, mut shape: [usize; D]) -> Tensor<D> {
        shape[0] = self.count;
        Tensor::from_data(self.inputs.data(self.start, shape), self.device)
    }

    fn input_index<const D: usize>(&self, mut shape: [usize; D]) -> Tensor<D, Int> {
        shape[0] = self.count;
        Tensor::from_data(self.inputs.data(self.start, shape), self.device)
    }

    fn target<const D: usize>(&self, mut shape: [usize; D]) -> Tensor<D> {
        shape[0] = self.count;
        Tensor::from_data(self.targets.data(self.start, shape), self.device)
    }

    fn target_index<const D: usize>(&self, mut shape: [usize; D]) -> Tensor<D, Int> {
        shape[0] = self.count;
        Tensor::from_data(self.targets.data(self.start, shape), self.device)
    }

    fn cross_entropy(&self, logits: Tensor<2>) -> Tensor<1> {
        let [count, _] = logits.dims();
        let length = count / self.count;
        let targets = self.target_index([0, length]).reshape([count]);
        CrossEntropyLossConfig::new().init(self.device).forward(logits, targets)
    }

    fn binary(&self, logits: Tensor<2>) -> Tensor<1> {
        let loss = BinaryCrossEntropyLossConfig::new().with_logits(true).init(self.device);
        loss.forward(logits, self.target_index([0, 1]))
    }
}

#[derive(Module, Debug)]
struct Perceptron {
    hidden: Linear,
    output: Linear,
}

impl Model for Perceptron {
    fn loss(&self, batch: &Batch<'_>) -> Tensor<1> {
        let x = activation::relu(self.hidden.forward(batch.input([0, 784])));
        batch.cross_entropy(self.output.forward(x))
    }
}

#[derive(Module, Debug)]
struct Sigmoids {
    layers: Vec<Linear>,
}

impl Model for Sigmoids {
    fn loss(&self, batch: &Batch<'_>) -> Tensor<1> {
        let input = batch.input([0, 784]);
        let output = self.layers.iter().fold(input, |x, layer| activation::sigmoid(layer.forward(x)));
        MseLoss::new().forward(output, batch.target([0, 10]), Reduction::Mean)
    }
}

#[derive(Module, Debug)]
struct Grey {
    first: Conv2d,
    second: Conv2d,
    pool: MaxPool2d,
    head: Linear,
}

impl Model for Grey {
    fn loss(&self, batch: &Batch<'_>) -> Tensor<1> {
        let x = self.pool.forward(activation::relu(self.first.forward(batch.input([0, 1, 28, 28]))));
        let x = self.pool.forward(activation::relu(self.second.forward(x)));
        batch.cross_entropy(self.head.forward(x.flatten(1, 3)))
    }
}

#[derive(Module, Debug)]
struct Coloured {
    first: Conv2d,
    second: Conv2d,
    third: Conv2d,
    pool: MaxPool2d,
    head: Linear,
}

impl Model for Coloured {
    fn loss(&self, batch: &Batch<'_>) -> Tensor<1> {
        let x = activation::relu(self.first.forward(batch.input([0, 3, 32, 32])));
        let x = self.pool.forward(activation::relu(self.second.forward(x)));
        let x = self.pool.forward(activation::relu(self.third.forward(x)));
        batch.cross_entropy(self.head.forward(x.flatten::<3>(2, 3).mean_dim(2).squeeze_dim(2)))
    }
}

#[derive(Module, Debug)]
struct Block {
    attention_norm: LayerNorm,
    projection: Linear,
    output: Linear,
    mlp_norm: LayerNorm,
    mlp_in: Linear,
    mlp_out: Linear,
    heads: usize,
}

impl Block {
    fn new(width: usize, heads: usize, device: &Device) -> Self {
        let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(device);
        Block {
            attention_norm: LayerNormConfig::new(width).init(device),
            projection: linear(width, 3 * width),
            output: linear(width, width),
            mlp_norm: LayerNormConfig::new(width).init(device),
            mlp_in: linear(width, 4 * width),
            mlp_out: linear(4 * width, width),
            heads,
        }
    }

    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let [n, length, width] = x.dims();
        let seen = self.projection.forward(self.attention_norm.forward(x.clone()));
        let [query, key, value] = seen.chunk(3, 2).try_into().expect("three parts");
        let heads =
            |part: Tensor<3>| part.reshape([n, length, self.heads, width / self.heads]).swap_dims(1, 2);
        let options = AttentionModuleOptions { scale: None, softcap: None, is_causal: true };
        let joined = attention(heads(query), heads(key), heads(value), None, None, options);
        let x = x + self.output.forward(joined.swap_dims(1, 2).reshape([n, length, width]));
        let hidden = activation::gelu(self.mlp_in.forward(self.mlp_norm.forward(x.clone())));
        x + self.mlp_out.forward(hidden)
    }
}

#[derive(Module, Debug)]
struct Decoder {
    tokens: Embedding,
    positions: Param<Tensor<2>>,
    blocks: Vec<Block>,
    head: Linear,
}

impl Model for Decoder {
    fn loss(&self, batch: &Batch<'_>) -> Tensor<1> {
        let [length, _] = self.positions.dims();
        let x = self.tokens.forward(batch.input_index([0, length])) + self.positions.val().unsqueeze::<3>();
        let x = self.blocks.iter().fold(x, |x, block| block.forward(x));
        batch.cross_entropy(self.head.forward(x).flatten(0, 1))
    }
}

#[derive(Module, Debug)]
struct Logistic {
    layer: Linear,
}

impl Logistic {
    fn loss_of(&self, x: Tensor<2>, targets: Tensor<2, Int>) -> Tensor<1> {
        let loss = BinaryCrossEntropyLossConfig::new().with_logits(true).init(&x.device());
        loss.forward(self.layer.forward(x), targets)
    }
}

#[derive(Module, Debug)]
struct Xor {
    hidden: Linear,
    output: Linear,
}

impl Model for Xor {
    fn loss(&self, batch: &Batch<'_>) -> Tensor<1> {
        let x = activation::tanh(self.hidden.forward(batch.input([0, 2])));
        batch.binary(self.output.forward(x))
    }
}

#[derive(Module, Debug)]
struct Point {
    at: Param<Tensor<1>>,
}

impl Model for Point {
    fn loss(&self, _batch: &Batch<'_>) -> Tensor<1> {
        let (a, b) = (self.at.val().slice(0..1), self.at.val().slice(1..2));
        (a.clone() - 1.0).square() + (b - a.square()).square() * 100.0
    }
}

#[derive(Module, Debug)]
struct Rows {
    table: Embedding,
    head: Linear,
}

impl Model for Rows {
    fn loss(&self, batch: &Batch<'_>) -> Tensor<1> {
        batch.binary(self.head.forward(self.table.forward(batch.input_index([0, 1])).flatten(1, 2)))
    }
}

#[derive(Module, Debug)]
struct Recurrent {
    lstm: Lstm,
    head: Linear,
}

impl Model for Recurrent {
    fn loss(&self, batch: &Batch<'_>) -> Tensor<1> {
        let (_, state) = self.lstm.forward(batch.input([0, 64, 32]), None);
        batch.cross_entropy(self.head.forward(state.hidden))
    }
}

/// The step of a model: `loss` of a batch, backward, update.
fn train<M: Model>(
    model: M,
    optimizer: ModuleOptimizer,
    rate: f64,
    (inputs, targets): (Numbers, Numbers),
    batch: usize,
) -> Vec<Variant> {
    let device = Device::flex().autodiff();
    let parameters = model.num_params();
    let count = if batch == 1 || batch > 4 { harness::EXAMPLES } else { batch };
    let mut starts = batch_starts(count, batch);
    let (mut model, mut optimizer) = (Some(model), optimizer);
    only(parameters, move || {
        let whole = model.take().expect("it was put back");
        let batch =
            Batch { inputs: &inputs, targets: &targets, start: starts(), count: batch, device: &device };
        let loss = whole.loss(&batch);
        let gradients = GradientsParams::from_grads(loss.backward(), &whole);
        model = Some(optimizer.step(rate, whole, gradients));
        loss.into_scalar()
    })
}

fn prepare(id: &str, batch: usize) -> Vec<Variant> {
    let device = &Device::flex().autodiff();
    let linear = |inputs, outputs| LinearConfig::new(inputs, outputs).init(device);
    let convolution = |inputs, outputs| {
        Conv2dConfig::new([inputs, outputs], [3, 3])
            .with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1))
            .init(device)
    };
    let pool = || MaxPool2dConfig::new([2, 2]).with_strides([2, 2]).init();
    let images = |len| {
        let (inputs, labels) = classes(len);
        (Numbers::Float(inputs), Numbers::index(&labels))
    };
    let sgd = || SgdConfig::new().init();
    let adam = || AdamConfig::new().with_epsilon(1e-8).init();
    let whole = |values: &[f32]| Numbers::Index(values.iter().map(|&value| value as i32).collect());
    match id {
        "W1" => {
            let model = Perceptron { hidden: linear(784, 128), output: linear(128, 10) };
            train(model, sgd(), 0.1, images(784), batch)
        }
        "W1b" => {
            let model = Sigmoids { layers: vec![linear(784, 16), linear(16, 16), linear(16, 10)] };
            let (inputs, labels) = classes(784);
            let one_hot =
                labels.iter().flat_map(|&l| (0..10).map(move |c| if c == l { 1.0f32 } else { 0.0 }));
            train(model, sgd(), 0.1, (Numbers::Float(inputs), Numbers::Float(one_hot.collect())), batch)
        }
        "W2" => {
            let (first, second) = (convolution(1, 16), convolution(16, 32));
            let model = Grey { first, second, pool: pool(), head: linear(1568, 10) };
            train(model, adam(), 1e-3, images(784), batch)
        }
        "W2b" => {
            let (first, second, third) = (convolution(3, 64), convolution(64, 64), convolution(64, 128));
            let model = Coloured { first, second, third, pool: pool(), head: linear(128, 10) };
            train(model, adam(), 1e-3, images(3 * 32 * 32), batch)
        }
        "W3" => {
            let model = Decoder {
                tokens: EmbeddingConfig::new(64, 128).init(device),
                positions: Initializer::Normal { mean: 0.0, std: 0.02 }.init([64, 128], device),
                blocks: vec![Block::new(128, 4, device), Block::new(128, 4, device)],
                head: linear(128, 64),
            };
            let (inputs, targets) = tokens(64, 64);
            let rule = AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(1e-2).init();
            train(model, rule, 3e-4, (Numbers::index(&inputs), Numbers::index(&targets)), batch)
        }
        "W4" => {
            // The whole set, as tensors that are there already.
            let (inputs, targets) = halves(batch, 32);
            let x = Tensor::<2>::from_data(TensorData::new(inputs, [batch, 32]), device);
            let targets: Vec<i32> = targets.iter().map(|&target| target as i32).collect();
            let y = Tensor::<2, Int>::from_data(TensorData::new(targets, [batch, 1]), device);
            let (mut model, mut rule) = (Some(Logistic { layer: linear(32, 1) }), sgd());
            only(33, move || {
                let whole = model.take().expect("it was put back");
                let loss = whole.loss_of(x.clone(), y.clone());
                let gradients = GradientsParams::from_grads(loss.backward(), &whole);
                model = Some(rule.step(0.5, whole, gradients));
                loss.into_scalar()
            })
        }
        "W5" => {
            let model = Xor { hidden: linear(2, 8), output: linear(8, 1) };
            train(model, sgd(), 0.1, (Numbers::Float(harness::XOR.0.to_vec()), whole(&harness::XOR.1)), batch)
        }
        "W6" => {
            let at = Param::from_tensor(Tensor::from_floats([-1.2, 1.0], device));
            train(Point { at }, adam(), 1e-2, (Numbers::Float(Vec::new()), Numbers::Float(Vec::new())), batch)
        }
        "W7" => {
            let by_hand = move || -> harness::Step { Box::new(rows_by_hand(batch)) };
            let automatic = move || {
                let device = &Device::flex().autodiff();
                let table = EmbeddingConfig::new(1_000_000, 64).init(device);
                let model = Rows { table, head: LinearConfig::new(64, 1).init(device) };
                let (inputs, targets) = rows(1_000_000);
                let targets = Numbers::Index(targets.iter().map(|&target| target as i32).collect());
                let rule = SgdConfig::new().init();
                let mut variants = train(model, rule, 0.1, (Numbers::index(&inputs), targets), batch);
                (variants.remove(0).prepare)()
            };
            vec![variant("sparse by hand", 64_000_065, by_hand), variant("automatic", 64_000_065, automatic)]
        }
        "W8" => {
            let model =
                Recurrent { lstm: LstmConfig::new(32, 128, true).init(device), head: linear(128, 10) };
            train(model, adam(), 1e-3, images(64 * 32), batch)
        }
        _ => Vec::new(),
    }
}

/// W7 with the rows of the batch taken out of the table, and their gradient subtracted there, by hand.
fn rows_by_hand(batch: usize) -> impl FnMut() -> f32 {
    let device = Device::flex().autodiff();
    let mut head = Some(Logistic { layer: LinearConfig::new(64, 1).init(&device) });
    let mut sgd = SgdConfig::new().init();
    let mut table = Random::new(3).normal(64_000_000, 1.0);
    let (numbers, targets) = rows(1_000_000);
    let targets = Numbers::Index(targets.iter().map(|&target| target as i32).collect());
    let mut starts = batch_starts(numbers.len(), batch);
    move || {
        let start = starts();
        let numbers = &numbers[start..start + batch];
        let seen: Vec<f32> = numbers.iter().flat_map(|row| &table[64 * row..][..64]).copied().collect();
        let seen = Tensor::<2>::from_data(TensorData::new(seen, [batch, 64]), &device).require_grad();
        let whole = head.take().expect("it was put back");
        let loss = whole.loss_of(seen.clone(), Tensor::from_data(targets.data(start, [batch, 1]), &device));
        let mut gradients = loss.backward();
        let of_rows = seen.grad_remove(&mut gradients).expect("a gradient").into_data();
        let of_rows = of_rows.as_slice::<f32>().expect("real numbers");
        let gradients = GradientsParams::from_grads(gradients, &whole);
        head = Some(sgd.step(0.1, whole, gradients));
        for (row, gradient) in numbers.iter().zip(of_rows.chunks_exact(64)) {
            table[64 * row..][..64].iter_mut().zip(gradient).for_each(|(p, g)| *p -= 0.1 * g);
        }
        loss.into_scalar()
    }
}
