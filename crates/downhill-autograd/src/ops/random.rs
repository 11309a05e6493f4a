//! Random numbers of other distributions than the uniform one: compositions of [`Uniform`](super::Uniform).

use crate::{Error, Tape, Var};
use downhill_tensor::Shape;

impl Tape {
    /// Random numbers of the standard normal distribution (mean 0, variance 1), drawn anew whenever the program runs,
    /// from the key that it is given: `√(-2 ln (1 - u)) cos 2πv` for uniform u and v. As these lie on a grid of 2⁻²⁴,
    /// no number is beyond ±5.77.
    ///
    /// # Source
    /// Box and Muller, "A note on the generation of random normal deviates", 1958.
    #[track_caller]
    pub fn normal(&self, shape: impl Into<Shape>) -> Var<'_> {
        let shape = shape.into();
        let radius = (-2.0 * (1.0 - self.uniform(shape)).log()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform(shape)).cos()
    }

    /// 1 with this probability and 0 else, drawn anew whenever the program runs, from the key that it is given. A
    /// probability outside of [0, 1] is noted as an error.
    #[track_caller]
    pub fn bernoulli(&self, probability: f64, shape: impl Into<Shape>) -> Var<'_> {
        if !(0.0..=1.0).contains(&probability) {
            return self.fail(Error::Count {
                what: "the probability of `bernoulli`",
                expected: "a number from 0 to 1".into(),
                actual: probability.to_string(),
                place: self.here(),
            });
        }
        self.uniform(shape).lt(self.scalar(probability))
    }
}
