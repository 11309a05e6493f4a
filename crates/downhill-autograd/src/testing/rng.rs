//! Random shapes and numbers for test cases.

use downhill_tensor::{Key, Shape, Slice, Tensor};
use std::ops::RangeInclusive;

/// From where the numbers of a case are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// Anywhere in the operation's domain; equal numbers do not occur in practice, so that finite
    /// differences see a smooth function.
    Ordinary,
    /// A few whole and half numbers of the domain, zero among them: many ties, and the points where
    /// derivatives jump.
    Tied,
    /// Zero, ±1, the smallest and the largest that single precision can still square, and the ends of the
    /// domain.
    Extreme,
}

/// The random choices of a test case: a stream that depends on its seed alone.
#[derive(Clone, Debug)]
pub struct CaseRng {
    key: Key,
    drawn: u64,
    values: Values,
}

impl CaseRng {
    /// The stream of this seed, with ordinary values.
    pub fn new(seed: u64) -> Self {
        Self::with_values(seed, Values::Ordinary)
    }

    /// The stream of this seed, with tensors drawn as `values` says.
    pub fn with_values(seed: u64, values: Values) -> Self {
        CaseRng { key: Key::new(seed).named("case"), drawn: 0, values }
    }

    /// From where tensors are drawn.
    pub fn values(&self) -> Values {
        self.values
    }

    /// A number in [0, 1).
    pub fn unit(&mut self) -> f64 {
        self.drawn += 1;
        f64::from(self.key.uniform(self.drawn - 1))
    }

    /// A number in [low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// A whole number below `count`; 0 if there is none.
    pub fn below(&mut self, count: usize) -> usize {
        (self.unit() * count as f64) as usize
    }

    /// A whole number of the range.
    pub fn within(&mut self, range: RangeInclusive<usize>) -> usize {
        range.start() + self.below(range.end() + 1 - range.start())
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of these, of which there must be at least one.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// A shape of a rank in the range, with dimensions 1, 2 and 3, now and then 5, seldom 0, and at most 36
    /// elements, so that finite differences stay quick.
    pub fn shape(&mut self, rank: RangeInclusive<usize>) -> Shape {
        let rank = self.within(rank);
        let empty = rank > 0 && self.chance(0.06);
        let mut dims: Vec<usize> = (0..rank).map(|_| self.pick(&[1, 2, 2, 3, 3, 5])).collect();
        while dims.iter().product::<usize>() > 36 {
            if let Some(largest) = dims.iter_mut().max() {
                *largest -= 1;
            }
        }
        if empty {
            let axis = self.below(rank);
            dims[axis] = 0;
        }
        dims.as_slice().try_into().unwrap_or(Shape::SCALAR)
    }

    /// As [`CaseRng::shape`], without dimensions of length 0.
    pub fn full_shape(&mut self, rank: RangeInclusive<usize>) -> Shape {
        let shape = self.shape(rank);
        let dims: Vec<usize> = shape.iter().map(|&dim| dim.max(1)).collect();
        dims.as_slice().try_into().unwrap_or(Shape::SCALAR)
    }

    /// A shape that broadcasts to `whole`: leading axes dropped, others of length 1.
    pub fn broadcast_part(&mut self, whole: Shape) -> Shape {
        let lead = if self.chance(0.4) { self.below(whole.rank() + 1) } else { 0 };
        let dims: Vec<usize> =
            whole[lead..].iter().map(|&dim| if self.chance(0.3) { 1 } else { dim }).collect();
        dims.as_slice().try_into().unwrap_or(Shape::SCALAR)
    }

    /// Two shapes that broadcast to one of rank 0 to 4; often they are equal.
    pub fn broadcast_pair(&mut self) -> (Shape, Shape) {
        let whole = self.shape(0..=4);
        match self.below(3) {
            0 => (whole, whole),
            1 => (whole, self.broadcast_part(whole)),
            _ => (self.broadcast_part(whole), self.broadcast_part(whole)),
        }
    }

    /// An axis of a value of this rank, half of the time counted from the end.
    pub fn axis(&mut self, rank: usize) -> isize {
        let axis = self.below(rank) as isize;
        if self.chance(0.5) { axis - rank as isize } else { axis }
    }

    /// Some of the axes of a value of this rank, in any order; maybe all, maybe none.
    pub fn axes(&mut self, rank: usize) -> Vec<isize> {
        let mut axes: Vec<isize> = (0..rank as isize).filter(|_| self.chance(0.6)).collect();
        if self.chance(0.3) {
            axes.reverse();
        }
        axes.iter().map(|&axis| if self.chance(0.3) { axis - rank as isize } else { axis }).collect()
    }

    /// The axes of a value of this rank in a random order.
    pub fn order(&mut self, rank: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..rank).collect();
        for i in (1..rank).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }

    /// A number of the domain [low, high], as [`CaseRng::values`] says. Tied and extreme values may be 0
    /// although the domain is not.
    pub fn number(&mut self, low: f64, high: f64) -> f64 {
        match self.values {
            Values::Ordinary => self.between(low, high),
            Values::Tied => {
                let choices = [0.0, low.round(), high.round(), 0.5, 1.0, -1.0, 2.0, -0.5];
                let fitting: Vec<f64> =
                    choices.into_iter().filter(|&x| x == 0.0 || (low..=high).contains(&x)).collect();
                self.pick(&fitting)
            }
            Values::Extreme => {
                let magnitude = self.pick(&[0.0, 1e-18, 1.0, 1e4, 1e18]);
                if low >= 0.0 || self.chance(0.5) { magnitude } else { -magnitude }
            }
        }
    }

    /// A tensor of numbers in [low, high], often a view with strides of its own: transposed, walked
    /// backwards, cut from a larger one.
    pub fn tensor(&mut self, shape: Shape, low: f64, high: f64) -> Tensor<f64> {
        let mut tensor = if self.chance(0.5) { self.view(shape, low, high) } else { None };
        if tensor.is_none() {
            let data = (0..shape.size()).map(|_| self.number(low, high)).collect();
            tensor = Tensor::from_vec(data, shape).ok();
        }
        tensor.unwrap_or_else(|| Tensor::full(shape, low))
    }

    /// A view of `shape` on a larger or otherwise ordered tensor; `None` where there is no axis to play with.
    fn view(&mut self, shape: Shape, low: f64, high: f64) -> Option<Tensor<f64>> {
        if shape.rank() == 0 {
            return None;
        }
        let axis = self.below(shape.rank());
        let step = self.pick(&[1isize, 2, -1, -2]);
        let length = shape[axis] * step.unsigned_abs() + 1;
        let order = self.order(shape.rank());
        let mut dims: Vec<usize> = order.iter().map(|&from| shape[from]).collect();
        let place = order.iter().position(|&from| from == axis)?;
        dims[place] = length;
        let data = (0..dims.iter().product()).map(|_| self.number(low, high)).collect();
        let larger = Tensor::from_vec(data, Shape::new(&dims).ok()?).ok()?;
        let (start, end) = if step > 0 { (Some(0), Some(length as isize - 1)) } else { (None, Some(0)) };
        let mut inverse = vec![0isize; order.len()];
        for (to, &from) in order.iter().enumerate() {
            inverse[from] = to as isize;
        }
        larger.permute(&inverse).ok()?.slice(axis as isize, Slice { start, end, step }).ok()
    }

    /// Whole numbers below `classes`; many of them equal when there are few classes.
    pub fn indices(&mut self, shape: Shape, classes: usize) -> Tensor<i64> {
        let data = (0..shape.size()).map(|_| self.below(classes) as i64).collect();
        Tensor::from_vec(data, shape).unwrap_or_else(|_| Tensor::full(shape, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_have_the_shape_that_was_asked_for() {
        let mut rng = CaseRng::new(1);
        let mut strided = 0;
        for _ in 0..200 {
            let shape = rng.shape(0..=4);
            let tensor = rng.tensor(shape, 1.0, 2.0);
            assert_eq!(tensor.shape(), shape);
            assert!(tensor.to_vec().iter().all(|x| (1.0..2.0).contains(x)));
            strided += usize::from(tensor.as_slice().is_none());
        }
        assert!(strided > 40, "only {strided} of 200 tensors were strided");
    }

    #[test]
    fn the_same_seed_makes_the_same_case() {
        let draw = |seed| {
            let mut rng = CaseRng::new(seed);
            let shape = rng.full_shape(1..=4);
            (shape, rng.tensor(shape, -1.0, 1.0).to_vec())
        };
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }
}
