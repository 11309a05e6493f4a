//! Linear, logistic, Poisson and robust regression: a convex objective, its minimum, and how sure it is.
//!
//! The models are plain values: [`OrdinaryLeastSquares`], [`Ridge`], [`Lasso`], [`ElasticNet`], [`LogisticRegression`],
//! [`PoissonRegression`], [`HuberRegression`], and [`Regression`] for any of them. `fit` takes rows and targets as slices
//! and gives a [`Fitted`]: coefficients, the objective, why the solver ended, standard errors where they are defined, and
//! a [`Certificate`] of how far the objective can be above its minimum. [`Regression::fit_data`] takes a data set.
//!
//! # The objective
//! All models minimize a **mean** loss and a penalty, `f = Σ wᵢ ℓ(yᵢ, ηᵢ) / W + penalty(β)` with `W = Σ wᵢ` and the linear
//! predictor `ηᵢ = b + Σⱼ βⱼ xᵢⱼ`, so that a strength α means the same for few examples and for many. The intercept b is
//! never penalized. Some other libraries sum the losses; each model says how its α maps to scikit-learn's parameter.
//!
//! # How it is computed
//! The rows are read once a step, in blocks that are centred, scaled and put into double precision on the way; no copy of
//! the data is made. Sums are added in an order that follows from the sizes alone: the bits are the same with any number of
//! threads.
//!
//! ```
//! use downhill_train::regression::{FitOptions, Ridge, Solver};
//! let rows = [1.0f32, 0.0, 2.0, 1.0, 3.0, 0.0, 4.0, 1.0]; // four rows of two columns
//! let targets = [2.0, 5.1, 6.0, 8.9];
//! let fitted = Ridge { alpha: 0.01, ..Ridge::default() }.fit(&rows, &targets)?;
//! assert!(fitted.certificate.gap() < Some(1e-12));
//!
//! // Any optimizer comes to the same place, and the certificate says how near.
//! let options = FitOptions { solver: Solver::from_name("nesterov")?, ..FitOptions::default() };
//! let descended = Ridge { alpha: 0.01, options }.fit(&rows, &targets)?;
//! let gap = descended.certificate.gap().expect("the penalty makes it strongly convex");
//! assert!(descended.objective - fitted.objective <= gap);
//! # Ok::<(), downhill_train::Error>(())
//! ```

mod certificate;
mod dense;
mod distribution;
mod error;
mod examples;
mod first_order;
mod fit;
mod fitted;
mod inference;
mod lasso;
mod loss;
mod models;
mod newton;
mod options;
mod problem;
mod quality;
mod separation;
mod stream;
mod table;

pub use certificate::{Certificate, Proof};
pub use error::RegressionError;
pub use examples::{Examples, Rows};
pub use fitted::{Because, FitStop, Fitted, LeftOut};
pub use inference::{Estimate, Inference};
pub use models::{
    ElasticNet, HuberRegression, Lasso, LogisticRegression, OrdinaryLeastSquares, PoissonRegression,
    Regression, Ridge,
};
pub use options::{FitOptions, Solver};
pub use quality::Quality;
pub use table::FittedTable;
