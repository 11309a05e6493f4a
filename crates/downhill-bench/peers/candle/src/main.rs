//! The workloads in candle, measured as downhill-bench measures them.
//!
//! Layers without a backward pass (its fused layer norm and softmax) are replaced by those that have one.

#[path = "../../harness.rs"]
mod harness;

use candle_core::{D, DType, Device, Module, Result, Tensor, Var};
use candle_nn::rnn::RNN;
use candle_nn::{
    AdamW, Conv2dConfig, Embedding, Init, LSTMConfig, Linear, Optimizer, ParamsAdamW, SGD, VarBuilder,
    VarMap, conv2d, embedding, linear, loss, lstm, ops,
};
use harness::{Random, Variant, batch_starts, classes, halves, only, rows, tokens, variant};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CPU: Device = Device::Cpu;

fn main() {
    harness::run("candle 0.11.1", |id, batch| prepare(id, batch).expect("candle can express it"));
}

/// The two kinds of optimizer.
enum Rule {
    Sgd(f64),
    Adam { rate: f64, decay: f64 },
}

/// Data in memory, and the shape of an example.
struct Set<T> {
    values: Vec<T>,
    shape: Vec<usize>,
}

impl<T: candle_core::WithDType> Set<T> {
    fn new(values: Vec<T>, shape: &[usize]) -> Self {
        Set { values, shape: shape.to_vec() }
    }

    /// A copy of a batch.
    fn batch(&self, start: usize, count: usize) -> Result<Tensor> {
        let len: usize = self.shape.iter().product();
        let shape = [&[count], &self.shape[..]].concat();
        Tensor::from_slice(&self.values[start * len..(start + count) * len], shape, &CPU)
    }
}

fn indices(values: &[usize]) -> Vec<u32> {
    values.iter().map(|&value| value as u32).collect()
}

/// The step of a model: `loss` of a batch, backward, update.
fn train<X: candle_core::WithDType, Y: candle_core::WithDType>(
    variables: &VarMap,
    rule: Rule,
    (inputs, targets): (Set<X>, Set<Y>),
    batch: usize,
    loss: impl Fn(&Tensor, &Tensor) -> Result<Tensor> + 'static,
) -> Result<Vec<Variant>> {
    let all = variables.all_vars();
    let parameters = all.iter().map(|var| var.elem_count()).sum();
    let mut update = updater(all, rule)?;
    let count = inputs.values.len() / inputs.shape.iter().product::<usize>();
    let mut starts = batch_starts(count, batch);
    let whole = match batch == count && count > 4 {
        true => Some((inputs.batch(0, count)?, targets.batch(0, count)?)),
        false => None,
    };
    let mut step = move || -> Result<f32> {
        let start = starts();
        let value = match &whole {
            Some((x, y)) => loss(x, y)?,
            None => loss(&inputs.batch(start, batch)?, &targets.batch(start, batch)?)?,
        };
        update(&value)?;
        value.to_scalar()
    };
    Ok(only(parameters, move || step().expect("a step")))
}

fn updater(variables: Vec<Var>, rule: Rule) -> Result<Box<dyn FnMut(&Tensor) -> Result<()>>> {
    Ok(match rule {
        Rule::Sgd(rate) => {
            let mut sgd = SGD::new(variables, rate)?;
            Box::new(move |loss| sgd.backward_step(loss))
        }
        Rule::Adam { rate, decay } => {
            let settings = ParamsAdamW { lr: rate, weight_decay: decay, ..ParamsAdamW::default() };
            let mut adam = AdamW::new(variables, settings)?;
            Box::new(move |loss| adam.backward_step(loss))
        }
    })
}

struct Block {
    heads: usize,
    norms: [(Tensor, Tensor); 2],
    projection: Linear,
    output: Linear,
    mlp: [Linear; 2],
    mask: Tensor,
}

impl Block {
    fn new(width: usize, heads: usize, context: usize, vb: VarBuilder) -> Result<Self> {
        let norm = |name: &str| -> Result<(Tensor, Tensor)> {
            let vb = vb.pp(name);
            Ok((
                vb.get_with_hints(width, "scale", Init::Const(1.0))?,
                vb.get_with_hints(width, "shift", Init::Const(0.0))?,
            ))
        };
        let mask =
            (0..context * context).map(|i| if i % context > i / context { f32::NEG_INFINITY } else { 0.0 });
        Ok(Block {
            heads,
            norms: [norm("attention_norm")?, norm("mlp_norm")?],
            projection: linear(width, 3 * width, vb.pp("projection"))?,
            output: linear(width, width, vb.pp("output"))?,
            mlp: [linear(width, 4 * width, vb.pp("mlp_in"))?, linear(4 * width, width, vb.pp("mlp_out"))?],
            mask: Tensor::from_vec(mask.collect::<Vec<_>>(), (context, context), &CPU)?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (n, length, width) = x.dims3()?;
        let [(scale, shift), (mlp_scale, mlp_shift)] = &self.norms;
        let seen = self.projection.forward(&ops::layer_norm_slow(x, scale, shift, 1e-5)?)?;
        let split = seen.reshape((n, length, 3, self.heads, width / self.heads))?.permute((2, 0, 3, 1, 4))?;
        let [query, key, value] = [0, 1, 2].map(|part| split.get(part).and_then(|part| part.contiguous()));
        let scores = query?.matmul(&key?.t()?)?.affine(((width / self.heads) as f64).powf(-0.5), 0.0)?;
        let weights = ops::softmax(&scores.broadcast_add(&self.mask)?, D::Minus1)?;
        let joined = weights.matmul(&value?)?.transpose(1, 2)?.reshape((n, length, width))?;
        let x = (x + self.output.forward(&joined)?)?;
        let hidden = self.mlp[0].forward(&ops::layer_norm_slow(&x, mlp_scale, mlp_shift, 1e-5)?)?;
        x + self.mlp[1].forward(&hidden.gelu_erf()?)?
    }
}

fn prepare(id: &str, batch: usize) -> Result<Vec<Variant>> {
    let map = VarMap::new();
    let vb = VarBuilder::from_varmap(&map, DType::F32, &CPU);
    let images = |shape: &[usize]| {
        let (inputs, labels) = classes(shape.iter().product());
        (Set::new(inputs, shape), Set::new(indices(&labels), &[]))
    };
    let convolution = |inputs, outputs, name: &str| {
        conv2d(inputs, outputs, 3, Conv2dConfig { padding: 1, ..Conv2dConfig::default() }, vb.pp(name))
    };
    let adam = Rule::Adam { rate: 1e-3, decay: 0.0 };
    match id {
        "W1" => {
            let (a, b) = (linear(784, 128, vb.pp("a"))?, linear(128, 10, vb.pp("b"))?);
            train(&map, Rule::Sgd(0.1), images(&[784]), batch, move |x, y| {
                loss::cross_entropy(&b.forward(&a.forward(x)?.relu()?)?, y)
            })
        }
        "W1b" => {
            let layers =
                [linear(784, 16, vb.pp("a"))?, linear(16, 16, vb.pp("b"))?, linear(16, 10, vb.pp("c"))?];
            let (inputs, labels) = classes(784);
            let one_hot =
                labels.iter().flat_map(|&l| (0..10).map(move |c| if c == l { 1.0f32 } else { 0.0 }));
            let set = (Set::new(inputs, &[784]), Set::new(one_hot.collect(), &[10]));
            train(&map, Rule::Sgd(0.1), set, batch, move |x, y| {
                let output =
                    layers.iter().try_fold(x.clone(), |x, layer| ops::sigmoid(&layer.forward(&x)?))?;
                loss::mse(&output, y)
            })
        }
        "W2" => {
            let (a, b) = (convolution(1, 16, "a")?, convolution(16, 32, "b")?);
            let head = linear(1568, 10, vb.pp("head"))?;
            train(&map, adam, images(&[1, 28, 28]), batch, move |x, y| {
                let x = a.forward(x)?.relu()?.max_pool2d(2)?;
                let x = b.forward(&x)?.relu()?.max_pool2d(2)?;
                loss::cross_entropy(&head.forward(&x.flatten_from(1)?)?, y)
            })
        }
        "W2b" => {
            let (a, b, c) = (convolution(3, 64, "a")?, convolution(64, 64, "b")?, convolution(64, 128, "c")?);
            let head = linear(128, 10, vb.pp("head"))?;
            train(&map, adam, images(&[3, 32, 32]), batch, move |x, y| {
                let x = b.forward(&a.forward(x)?.relu()?)?.relu()?.max_pool2d(2)?;
                let x = c.forward(&x)?.relu()?.max_pool2d(2)?;
                loss::cross_entropy(&head.forward(&x.mean((2, 3))?)?, y)
            })
        }
        "W3" => {
            let (vocabulary, width, heads, context) = (64, 128, 4, 64);
            let table: Embedding = embedding(vocabulary, width, vb.pp("tokens"))?;
            let normal = Init::Randn { mean: 0.0, stdev: 0.02 };
            let positions = vb.get_with_hints((context, width), "positions", normal)?;
            let blocks = [
                Block::new(width, heads, context, vb.pp("0"))?,
                Block::new(width, heads, context, vb.pp("1"))?,
            ];
            let head = linear(width, vocabulary, vb.pp("head"))?;
            let (inputs, targets) = tokens(vocabulary, context);
            let set = (Set::new(indices(&inputs), &[context]), Set::new(indices(&targets), &[context]));
            train(&map, Rule::Adam { rate: 3e-4, decay: 1e-2 }, set, batch, move |x, y| {
                let x = table.forward(x)?.broadcast_add(&positions)?;
                let x = blocks.iter().try_fold(x, |x, block| block.forward(&x))?;
                loss::cross_entropy(&head.forward(&x)?.flatten(0, 1)?, &y.flatten_all()?)
            })
        }
        "W4" => {
            let layer = linear(32, 1, vb)?;
            let (inputs, targets) = halves(1_000_000, 32);
            let set = (Set::new(inputs, &[32]), Set::new(targets, &[1]));
            train(&map, Rule::Sgd(0.5), set, batch, move |x, y| {
                loss::binary_cross_entropy_with_logit(&layer.forward(x)?, y)
            })
        }
        "W5" => {
            let (a, b) = (linear(2, 8, vb.pp("a"))?, linear(8, 1, vb.pp("b"))?);
            let set = (Set::new(harness::XOR.0.to_vec(), &[2]), Set::new(harness::XOR.1.to_vec(), &[1]));
            train(&map, Rule::Sgd(0.1), set, batch, move |x, y| {
                loss::binary_cross_entropy_with_logit(&b.forward(&a.forward(x)?.tanh()?)?, y)
            })
        }
        "W6" => {
            let at = Var::from_slice(&[-1.2f32, 1.0], 2, &CPU)?;
            let mut update = updater(vec![at.clone()], Rule::Adam { rate: 1e-2, decay: 0.0 })?;
            let mut step = move || -> Result<f32> {
                let (a, b) = (at.get(0)?, at.get(1)?);
                let value = (a.affine(-1.0, 1.0)?.sqr()? + ((b - a.sqr()?)?.sqr()? * 100.0)?)?;
                update(&value)?;
                value.to_scalar()
            };
            Ok(only(2, move || step().expect("a step")))
        }
        "W7" => Ok(vec![
            variant("sparse by hand", 64_000_065, move || rows_by_hand(batch).expect("a step")),
            variant("automatic", 64_000_065, move || rows_automatic(batch).expect("a step")),
        ]),
        "W8" => {
            let recurrent = lstm(32, 128, LSTMConfig::default(), vb.pp("lstm"))?;
            let head = linear(128, 10, vb.pp("head"))?;
            train(&map, adam, images(&[64, 32]), batch, move |x, y| {
                let states = recurrent.seq(x)?;
                loss::cross_entropy(&head.forward(states.last().expect("steps").h())?, y)
            })
        }
        _ => Ok(Vec::new()),
    }
}

/// W7 as one would write it: the gradient of the table has the size of the table.
fn rows_automatic(batch: usize) -> Result<harness::Step> {
    let map = VarMap::new();
    let vb = VarBuilder::from_varmap(&map, DType::F32, &CPU);
    let (table, head) = (embedding(1_000_000, 64, vb.pp("table"))?, linear(64, 1, vb.pp("head"))?);
    let (numbers, targets) = rows(1_000_000);
    let set = (Set::new(indices(&numbers), &[]), Set::new(targets, &[1]));
    let mut variants = train(&map, Rule::Sgd(0.1), set, batch, move |x, y| {
        loss::binary_cross_entropy_with_logit(&head.forward(&table.forward(x)?)?, y)
    })?;
    Ok((variants.remove(0).prepare)())
}

/// W7 with the rows of the batch taken out of the table, and their gradient subtracted there, by hand.
fn rows_by_hand(batch: usize) -> Result<harness::Step> {
    let map = VarMap::new();
    let vb = VarBuilder::from_varmap(&map, DType::F32, &CPU);
    let head = linear(64, 1, vb.pp("head"))?;
    let mut sgd = SGD::new(map.all_vars(), 0.1)?;
    let mut table = Random::new(3).normal(64_000_000, 1.0);
    let (numbers, targets) = rows(1_000_000);
    let targets = Set::new(targets, &[1]);
    let mut starts = batch_starts(numbers.len(), batch);
    let mut step = move || -> Result<f32> {
        let start = starts();
        let numbers = &numbers[start..start + batch];
        let seen: Vec<f32> = numbers.iter().flat_map(|row| &table[64 * row..][..64]).copied().collect();
        let seen = Var::from_vec(seen, (batch, 64), &CPU)?;
        let value =
            loss::binary_cross_entropy_with_logit(&head.forward(&seen)?, &targets.batch(start, batch)?)?;
        let gradients = value.backward()?;
        sgd.step(&gradients)?;
        let gradient = gradients.get(&seen).expect("a gradient").flatten_all()?.to_vec1::<f32>()?;
        for (row, gradient) in numbers.iter().zip(gradient.chunks_exact(64)) {
            table[64 * row..][..64].iter_mut().zip(gradient).for_each(|(p, g)| *p -= 0.1 * g);
        }
        value.to_scalar()
    };
    Ok(Box::new(move || step().expect("a step")))
}
