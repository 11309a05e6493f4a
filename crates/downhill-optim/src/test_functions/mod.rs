//! The functions on which the literature tests minimizers, with their gradients by formula and the minima that are
//! known.
//!
//! Each is plain data: a name, a function of a slice, its box, its minima, where a walk starts, and in words the
//! formula, its source and what is hard about it. They are in double precision alone: several of them are known by
//! numbers that single precision cannot tell apart (`brown_badly_scaled` has its minimum at (1e6, 2e-6)).
//!
//! ```
//! use downhill_optim::test_functions;
//! let rosenbrock = test_functions::by_name("rosenbrock")?;
//! let start = rosenbrock.start(2)?;
//! let mut gradient = [0.0; 2];
//! let value = (rosenbrock.value_and_gradient)(&start, &mut gradient);
//! assert_eq!(start, [-1.2, 1.0]);
//! assert!((value - 24.2).abs() < 1e-12);
//! # Ok::<(), downhill_optim::Error>(())
//! ```
//!
//! # Source
//! - MGH: J. J. Moré, B. S. Garbow, K. E. Hillstrom, "Testing Unconstrained Optimization Software", ACM Transactions
//!   on Mathematical Software 7, 1981.
//! - JY: M. Jamil, X.-S. Yang, "A literature survey of benchmark functions for global optimisation problems",
//!   International Journal of Mathematical Modelling and Numerical Optimisation 4, 2013.
//! - SB: S. Surjanovic, D. Bingham, "Virtual Library of Simulation Experiments: Test Functions and Datasets", Simon
//!   Fraser University, 2013.

mod bowls;
mod data_fits;
mod few_minima;
mod many_minima;
mod valleys;

use crate::{Error, Result};
use downhill_tensor::suggest;
use std::fmt;

/// A function to minimize, and what is known about it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct TestFunction {
    /// Its name in [`by_name`], in lower case with `_` between words.
    pub name: &'static str,
    /// How many variables it takes.
    pub dimension: Dimension,
    /// The value at a point, and its gradient there into the second slice. Both slices are as long as the
    /// dimension admits; other lengths are a bug of the caller and may panic. Where there is no derivative, the
    /// parts that have none are 0.
    pub value_and_gradient: fn(&[f64], &mut [f64]) -> f64,
    /// The lower and the upper end of each variable, as the literature searches it. The function is finite in
    /// this box.
    pub bounds: (Coordinates, Coordinates),
    /// Where a walk starts: the standard start if the literature has one, else a point that is near no minimum.
    pub start: Coordinates,
    /// The minima inside the bounds that are known: all global ones, or one of them where the formula makes the
    /// others by symmetry; and local ones that the literature lists.
    pub minima: &'static [Minimum],
    /// The formula as text, indices from 1.
    pub formula: &'static str,
    /// What is hard about it.
    pub note: &'static str,
    /// Where in its bounds it has no derivative; `None` if it has one everywhere.
    pub not_differentiable: Option<&'static str>,
    /// Where it is from; the letters are those of the [module](self).
    pub source: &'static str,
}

/// How many variables a function takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dimension {
    /// The fewest.
    pub least: usize,
    /// The most; `usize::MAX` if there is no limit.
    pub most: usize,
}

impl Dimension {
    const fn fixed(count: usize) -> Self {
        Dimension { least: count, most: count }
    }

    const fn at_least(least: usize) -> Self {
        Dimension { least, most: usize::MAX }
    }

    /// Whether the function takes this many variables.
    pub fn admits(self, count: usize) -> bool {
        (self.least..=self.most).contains(&count)
    }

    /// The dimension that is meant where none is given: the only one, or 2, which can be drawn.
    pub fn usual(self) -> usize {
        2.clamp(self.least, self.most)
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (least, most) if least == most => write!(f, "{least}"),
            (1, usize::MAX) => f.write_str("any"),
            (least, usize::MAX) => write!(f, "{least} or more"),
            (least, most) => write!(f, "{least} to {most}"),
        }
    }
}

/// A point of any dimension.
#[derive(Clone, Copy, Debug)]
pub enum Coordinates {
    /// These, over and over.
    Cycle(&'static [f64]),
    /// A formula of the index, counted from 1, and of the dimension.
    Formula(fn(usize, usize) -> f64),
}

impl Coordinates {
    /// The point in this dimension.
    pub fn point(&self, dimension: usize) -> Vec<f64> {
        match self {
            Coordinates::Cycle(values) => values.iter().copied().cycle().take(dimension).collect(),
            Coordinates::Formula(formula) => (1..=dimension).map(|index| formula(index, dimension)).collect(),
        }
    }
}

/// A point that has no lower one near it.
#[derive(Clone, Copy, Debug)]
pub struct Minimum {
    /// Where it is.
    pub point: Coordinates,
    /// The value there, of the dimension.
    pub value: fn(usize) -> f64,
    /// Whether it is the lowest of all.
    pub kind: MinimumKind,
}

/// Whether a minimum is the lowest of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinimumKind {
    /// No point is lower.
    Global,
    /// No point nearby is lower.
    Local,
}

impl Minimum {
    const fn global(point: &'static [f64], value: fn(usize) -> f64) -> Self {
        Minimum { point: Coordinates::Cycle(point), value, kind: MinimumKind::Global }
    }

    const fn local(point: &'static [f64], value: fn(usize) -> f64) -> Self {
        Minimum { point: Coordinates::Cycle(point), value, kind: MinimumKind::Local }
    }
}

impl TestFunction {
    /// Refuses a number of variables that the function does not take.
    ///
    /// # Errors
    /// [`Error::Dimension`].
    pub fn check_dimension(&self, count: usize) -> Result<()> {
        if self.dimension.admits(count) {
            return Ok(());
        }
        Err(Error::Dimension { name: self.name, expected: self.dimension, actual: count })
    }

    /// Where a walk starts in this dimension.
    ///
    /// # Errors
    /// [`Error::Dimension`].
    pub fn start(&self, dimension: usize) -> Result<Vec<f64>> {
        self.check_dimension(dimension)?;
        Ok(self.start.point(dimension))
    }

    /// The lower and the upper end of each variable.
    ///
    /// # Errors
    /// [`Error::Dimension`].
    pub fn bounds(&self, dimension: usize) -> Result<Vec<(f64, f64)>> {
        self.check_dimension(dimension)?;
        let (lower, upper) = self.bounds;
        Ok(lower.point(dimension).into_iter().zip(upper.point(dimension)).collect())
    }

    /// The lowest value in this dimension, where it is known.
    pub fn global_minimum(&self, dimension: usize) -> Option<f64> {
        let global = self.minima.iter().find(|minimum| minimum.kind == MinimumKind::Global)?;
        Some((global.value)(dimension))
    }
}

/// The function of this name. Upper case, `-` and spaces are understood.
///
/// # Errors
/// [`Error::UnknownTestFunction`], with the name that was probably meant and those that there are.
pub fn by_name(name: &str) -> Result<&'static TestFunction> {
    let normal = name.trim().to_ascii_lowercase().replace(['-', ' '], "_");
    let known = || ALL.iter().map(|function| function.name);
    ALL.iter().find(|function| function.name == normal).ok_or_else(|| Error::UnknownTestFunction {
        name: name.into(),
        suggestion: suggest::nearest(&normal, known()),
        known: known().collect(),
    })
}

/// All functions, the easy ones first.
pub const ALL: &[TestFunction] = &[
    bowls::SPHERE,
    bowls::SUM_OF_SQUARES,
    bowls::ROTATED_HYPER_ELLIPSOID,
    bowls::BOOTH,
    bowls::MATYAS,
    bowls::TRID,
    bowls::ZAKHAROV,
    bowls::EXPONENTIAL,
    bowls::QUARTIC,
    bowls::VARIABLY_DIMENSIONED,
    valleys::ROSENBROCK,
    valleys::CUBE,
    valleys::DIXON_PRICE,
    valleys::BEALE,
    valleys::FREUDENSTEIN_ROTH,
    valleys::HELICAL_VALLEY,
    valleys::WOOD,
    valleys::POWELL_SINGULAR,
    valleys::POWELL_BADLY_SCALED,
    valleys::BROWN_BADLY_SCALED,
    valleys::BUKIN_6,
    few_minima::HIMMELBLAU,
    few_minima::GOLDSTEIN_PRICE,
    few_minima::MCCORMICK,
    few_minima::THREE_HUMP_CAMEL,
    few_minima::SIX_HUMP_CAMEL,
    few_minima::BRANIN,
    few_minima::HARTMANN_3,
    few_minima::STYBLINSKI_TANG,
    few_minima::QING,
    few_minima::EASOM,
    few_minima::MONKEY_SADDLE,
    many_minima::ACKLEY,
    many_minima::RASTRIGIN,
    many_minima::GRIEWANK,
    many_minima::LEVY,
    many_minima::SCHWEFEL,
    many_minima::MICHALEWICZ,
    many_minima::BOHACHEVSKY,
    many_minima::DROP_WAVE,
    many_minima::SCHAFFER_2,
    data_fits::JENNRICH_SAMPSON,
    data_fits::BARD,
    data_fits::BOX,
    data_fits::KOWALIK_OSBORNE,
    data_fits::BROWN_DENNIS,
];

/// The same bounds for each variable.
const fn within(low: &'static [f64; 1], high: &'static [f64; 1]) -> (Coordinates, Coordinates) {
    (Coordinates::Cycle(low), Coordinates::Cycle(high))
}

/// The index of a variable in formulas, from 1.
fn index(position: usize) -> f64 {
    (position + 1) as f64
}
