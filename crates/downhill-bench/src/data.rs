//! Data sets in memory and batches out of them.
//!
//! What is in them does not matter, only that a model finds something to learn: noise around a prototype for
//! each class, tokens that follow one another by a rule, rows with a bias.

use crate::Result;
use downhill::autograd::Data;
use downhill::tensor::{Key, Shape};
use downhill::train::AsData;

/// Examples in memory, where a workload does not say otherwise.
pub const EXAMPLES: usize = 8192;

/// Numbers of either kind, as programs take them.
#[derive(Clone, Debug)]
pub enum Values {
    /// Real numbers.
    Float(Vec<f32>),
    /// Whole numbers.
    Index(Vec<i64>),
}

impl Values {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Values::Float(values) => values.len(),
            Values::Index(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first `len` of these.
    fn first(&self, len: usize) -> Values {
        match self {
            Values::Float(values) => Values::Float(values[..len].to_vec()),
            Values::Index(values) => Values::Index(values[..len].to_vec()),
        }
    }

    /// Overwrites these with as many of `source`, from `start` on.
    fn copy_from(&mut self, source: &Values, start: usize) {
        let range = start..start + self.len();
        match (self, source) {
            (Values::Float(to), Values::Float(from)) => to.copy_from_slice(&from[range]),
            (Values::Index(to), Values::Index(from)) => to.copy_from_slice(&from[range]),
            _ => {}
        }
    }
}

impl AsData<f32> for Values {
    fn as_data(&self) -> Data<'_, f32> {
        match self {
            Values::Float(values) => Data::Float(values),
            Values::Index(values) => Data::Index(values),
        }
    }
}

/// Inputs and targets of some number of examples, all of the same length.
#[derive(Clone, Debug)]
pub struct Examples {
    /// All inputs, one after the other.
    pub inputs: Values,
    /// All targets, one after the other.
    pub targets: Values,
    /// How many examples there are.
    pub count: usize,
}

/// Examples, and the batch that was copied out of them last.
pub struct Batches {
    all: Examples,
    /// None if the batch is the whole set, which need not be copied.
    copy: Option<Examples>,
    next: usize,
}

impl Batches {
    /// Copied batches of this size, in order, over and over.
    ///
    /// # Errors
    /// A batch larger than the data set.
    pub fn copied(all: Examples, batch: usize) -> Result<Self> {
        if batch == 0 || batch > all.count {
            return Err(format!("a batch must have 1 to {} examples, not {batch}", all.count).into());
        }
        let part = |values: &Values| values.first(values.len() / all.count * batch);
        let copy = Examples { inputs: part(&all.inputs), targets: part(&all.targets), count: batch };
        Ok(Batches { all, copy: Some(copy), next: 0 })
    }

    /// The whole set each time, where it lies.
    pub fn whole(all: Examples) -> Self {
        Batches { all, copy: None, next: 0 }
    }

    /// Takes the next batch and gives its inputs and targets.
    pub fn next_batch(&mut self) -> (&Values, &Values) {
        let Some(copy) = &mut self.copy else {
            return (&self.all.inputs, &self.all.targets);
        };
        let first = self.next;
        // The last batch of an epoch begins earlier if the size does not divide that of the set.
        self.next = if first + copy.count == self.all.count { 0 } else { first + copy.count };
        self.next = self.next.min(self.all.count - copy.count);
        copy.inputs.copy_from(&self.all.inputs, first * (copy.inputs.len() / copy.count));
        copy.targets.copy_from(&self.all.targets, first * (copy.targets.len() / copy.count));
        (&copy.inputs, &copy.targets)
    }
}

/// The classes of the examples `0..count`.
fn labels(key: Key, count: usize, classes: usize) -> Vec<i64> {
    (0..count as u64).map(|i| (key.uniform(i) * classes as f32) as i64).collect()
}

/// Noise around a prototype for each of ten classes: hard enough to keep the loss above zero for a while.
pub fn classes(key: Key, example: Shape) -> Examples {
    const CLASSES: usize = 10;
    let len = example.size();
    let mut prototypes = vec![0.0f32; CLASSES * len];
    key.named("prototypes").fill_uniform(0, &mut prototypes);
    let mut inputs = vec![0.0f32; EXAMPLES * len];
    key.named("noise").fill_uniform(0, &mut inputs);
    let targets = labels(key.named("labels"), EXAMPLES, CLASSES);
    for (input, &label) in inputs.chunks_exact_mut(len).zip(&targets) {
        let prototype = &prototypes[label as usize * len..][..len];
        input.iter_mut().zip(prototype).for_each(|(x, mean)| *x = 0.8 * *x + 0.2 * mean - 0.5);
    }
    Examples { inputs: Values::Float(inputs), targets: Values::Index(targets), count: EXAMPLES }
}

/// Sequences of tokens in which the next follows from the one before, four times out of five. The targets are
/// the inputs, one position on.
pub fn tokens(key: Key, vocabulary: usize, length: usize) -> Examples {
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    for example in 0..EXAMPLES as u64 {
        let rng = key.fold(example);
        let random = |index: u64| (rng.uniform(index) * vocabulary as f32) as i64;
        let mut token = random(0);
        for place in 1..=length as u64 {
            inputs.push(token);
            let follows = rng.uniform(2 * place) < 0.8;
            token = if follows { (5 * token + 17) % vocabulary as i64 } else { random(2 * place + 1) };
            targets.push(token);
        }
    }
    Examples { inputs: Values::Index(inputs), targets: Values::Index(targets), count: EXAMPLES }
}

/// Points of a cube, divided by a plane with soft sides: what logistic regression is for.
pub fn halves(key: Key, count: usize, features: usize) -> Examples {
    let mut inputs = vec![0.0f32; count * features];
    key.named("inputs").fill_uniform(0, &mut inputs);
    inputs.iter_mut().for_each(|x| *x = 2.0 * *x - 1.0);
    let slope = |feature: usize| 4.0 * feature as f32 / (features as f32 - 1.0) - 2.0;
    let coin = key.named("targets");
    let target = |(number, x): (usize, &[f32])| {
        let logit: f32 = x.iter().enumerate().map(|(feature, x)| x * slope(feature)).sum();
        if coin.uniform(number as u64) < 1.0 / (1.0 + (-logit).exp()) { 1.0 } else { 0.0 }
    };
    let targets = inputs.chunks_exact(features).enumerate().map(target).collect();
    Examples { inputs: Values::Float(inputs), targets: Values::Float(targets), count }
}

/// Rows of a table of `count`, seven out of ten of which are 1.
pub fn rows(key: Key, count: usize) -> Examples {
    let rows: Vec<i64> =
        (0..EXAMPLES as u64).map(|i| (f64::from(key.uniform(i)) * count as f64) as i64).collect();
    let targets = rows.iter().map(|row| if row * 7919 % 10 < 7 { 1.0 } else { 0.0 }).collect();
    Examples { inputs: Values::Index(rows), targets: Values::Float(targets), count: EXAMPLES }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_go_through_the_set_and_begin_again() {
        let examples = Examples {
            inputs: Values::Float((0..10).map(|x| x as f32).collect()),
            targets: Values::Index((0..5).collect()),
            count: 5,
        };
        let mut batches = Batches::copied(examples, 2).unwrap();
        let mut firsts = Vec::new();
        for _ in 0..4 {
            let (Values::Float(x), Values::Index(y)) = batches.next_batch() else { panic!("both kinds") };
            assert_eq!((x.len(), y.len(), x[0]), (4, 2, 2.0 * y[0] as f32));
            firsts.push(y[0]);
        }
        assert_eq!(firsts, [0, 2, 3, 0]);
    }

    #[test]
    fn a_batch_larger_than_the_set_is_refused() {
        assert!(Batches::copied(rows(Key::new(0), 10), EXAMPLES + 1).is_err());
    }
}
