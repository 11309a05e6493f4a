//! The regressions themselves: plain values of their hyperparameters.

use super::RegressionError;
use super::examples::{Examples, Rows};
use super::fit::fit;
use super::fitted::Fitted;
use super::loss::Loss;
use super::options::{FitOptions, check};
use super::problem::Penalty;
use crate::Result;
use serde::{Deserialize, Serialize};

/// `f = Σ wᵢ (yᵢ - ηᵢ)² / (2W)`: ordinary least squares.
///
/// Columns that are combinations of earlier ones, to eleven digits, are left out and named in [`Fitted::left_out`]; so
/// with fewer rows than columns the first ones that suffice are taken.
///
/// scikit-learn: `LinearRegression`, which divides the coefficients of such columns among them instead.
///
/// ```
/// use downhill_train::regression::OrdinaryLeastSquares;
/// let fitted = OrdinaryLeastSquares::default().fit(&[0.0, 1.0, 2.0, 3.0], &[1.0, 3.1, 4.9, 7.0])?;
/// let estimate = fitted.inference.estimates()[0].expect("the column was not left out");
/// assert!((fitted.coefficients[0] - 1.98).abs() < 1e-12);
/// assert!((estimate.standard_error - 0.0424264068711929).abs() < 1e-12);
/// assert!((fitted.predict(&[4.0])?[0] - 8.95).abs() < 0.01);
/// # Ok::<(), downhill_train::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrdinaryLeastSquares {
    /// How it is fitted.
    pub options: FitOptions,
}

/// `f = Σ wᵢ (yᵢ - ηᵢ)² / (2W) + α/2 ‖β‖²`: ridge regression (Hoerl and Kennard, 1970).
///
/// scikit-learn: `Ridge(alpha=α W)`, whose squares are summed; [`Ridge::of_sum`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ridge {
    /// The strength of the penalty, α. Default: 1.
    pub alpha: f64,
    /// How it is fitted.
    pub options: FitOptions,
}

/// `f = Σ wᵢ (yᵢ - ηᵢ)² / (2W) + α ‖β‖₁`: the lasso (Tibshirani, 1996).
///
/// scikit-learn: `Lasso(alpha=α)`.
///
/// ```
/// use downhill_train::regression::Lasso;
/// // The second column has nothing to do with the target.
/// let rows = [0.0, 1.0, 1.0, -1.0, 2.0, 1.0, 3.0, -1.0, 4.0, 1.0, 5.0, -1.0];
/// let fitted = Lasso { alpha: 0.1, ..Lasso::default() }.fit(&rows, &[0.0, 2.1, 4.0, 6.1, 8.0, 9.9])?;
/// assert!(fitted.coefficients[0] > 1.9 && fitted.coefficients[1] == 0.0);
/// assert!(fitted.certificate.gap() < Some(1e-7));
/// # Ok::<(), downhill_train::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lasso {
    /// The strength of the penalty, α. Default: 1.
    pub alpha: f64,
    /// How it is fitted.
    pub options: FitOptions,
}

/// `f = Σ wᵢ (yᵢ - ηᵢ)² / (2W) + α r ‖β‖₁ + α (1 - r)/2 ‖β‖²`: the elastic net (Zou and Hastie, 2005).
///
/// scikit-learn: `ElasticNet(alpha=α, l1_ratio=r)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ElasticNet {
    /// The strength of the penalty, α. Default: 1.
    pub alpha: f64,
    /// The part of it that is the l1 norm, r, from 0 to 1. Default: 0.5.
    pub l1_ratio: f64,
    /// How it is fitted.
    pub options: FitOptions,
}

/// `f = Σ wᵢ ℓᵢ / W + α/2 ‖β‖²` with the negative log-likelihood of a class: for two, `ℓ = ln(1 + e^η) - y η`; for more,
/// `ℓ = ln Σₖ e^ηₖ - η_y` with coefficients for each class.
///
/// Without a penalty the likelihood of classes that a plane separates grows without end:
/// [`RegressionError::Separation`].
///
/// scikit-learn: `LogisticRegression(C=1/(α W))`, whose losses are summed; [`LogisticRegression::of_inverse`].
///
/// ```
/// use downhill_train::regression::LogisticRegression;
/// let hours = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0];
/// let fitted = LogisticRegression::default().fit(&hours, &[0, 0, 0, 1, 0, 1, 1, 1])?;
/// assert_eq!(fitted.predict_classes(&[1.0, 3.5])?, [0, 1]);
/// let probability_of_1 = fitted.predict(&[4.0])?[1];
/// assert!(probability_of_1 > 0.9);
/// # Ok::<(), downhill_train::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogisticRegression {
    /// The strength of the penalty, α. Default: 0, none.
    pub alpha: f64,
    /// How it is fitted.
    pub options: FitOptions,
}

/// `f = Σ wᵢ (e^ηᵢ - yᵢ ηᵢ) / W + α/2 ‖β‖²`: counts, or other numbers that are not negative, whose mean is `e^η`.
///
/// scikit-learn: `PoissonRegressor(alpha=α)`, whose objective differs by a constant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoissonRegression {
    /// The strength of the penalty, α. Default: 0, none.
    pub alpha: f64,
    /// How it is fitted.
    pub options: FitOptions,
}

/// Squares for small residuals, sizes for large ones, so that outliers do not decide (Huber, 1964).
///
/// With σ estimated: `f = Σ wᵢ (σ + σ H((yᵢ - ηᵢ)/σ)) / (2W) + α/2 ‖β‖²` with `H(z) = z²` up to ε and `2 ε |z| - ε²`
/// beyond; it is convex in β, b and σ together (Huber, "Robust Statistics", 1981, 7.7), and scaling the target scales the
/// coefficients. scikit-learn: `HuberRegressor(epsilon=ε, alpha=α W)`; [`HuberRegression::of_sum`].
///
/// With σ given: `f = Σ wᵢ h(yᵢ - ηᵢ) / W + α/2 ‖β‖²` with `h(r) = r²/2` up to δ = ε σ and `δ |r| - δ²/2` beyond.
/// PyTorch: `HuberLoss(delta=ε σ)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HuberRegression {
    /// The strength of the penalty, α. Default: 0, none.
    pub alpha: f64,
    /// From how many σ on a residual counts as large, ε; at least 1. Default: 1.35, which loses five percent of the
    /// precision of least squares where errors are normal.
    pub epsilon: f64,
    /// σ; estimated where it is not given. Default: not given.
    pub scale: Option<f64>,
    /// How it is fitted.
    pub options: FitOptions,
}

impl Default for Ridge {
    fn default() -> Self {
        Ridge { alpha: 1.0, options: FitOptions::default() }
    }
}

impl Default for Lasso {
    fn default() -> Self {
        Lasso { alpha: 1.0, options: FitOptions::default() }
    }
}

impl Default for ElasticNet {
    fn default() -> Self {
        ElasticNet { alpha: 1.0, l1_ratio: 0.5, options: FitOptions::default() }
    }
}

impl Default for HuberRegression {
    fn default() -> Self {
        HuberRegression { alpha: 0.0, epsilon: 1.35, scale: None, options: FitOptions::default() }
    }
}

impl Ridge {
    /// The penalty `alpha ‖β‖²` beside a sum of squares over examples of this total weight, as scikit-learn's `Ridge`
    /// and many textbooks have it.
    pub fn of_sum(alpha: f64, total_weight: f64) -> Self {
        Ridge { alpha: alpha / total_weight, ..Ridge::default() }
    }
}

impl LogisticRegression {
    /// The penalty `‖β‖²/2` beside `c` times a sum of losses over examples of this total weight: `C` of scikit-learn's
    /// `LogisticRegression` and of LIBLINEAR.
    pub fn of_inverse(c: f64, total_weight: f64) -> Self {
        LogisticRegression { alpha: 1.0 / (c * total_weight), ..LogisticRegression::default() }
    }

    /// Fits it to rows and the class of each: 0, 1 and so on to the largest.
    ///
    /// # Errors
    /// What [`Examples::new`] refuses; negative labels; one class alone, a class without an example, or classes that a
    /// plane separates where there is no penalty; options outside their domain.
    pub fn fit<'a>(&self, rows: impl Into<Rows<'a>>, labels: &[i64]) -> Result<Fitted> {
        let targets: Vec<f64> = labels.iter().map(|&label| label as f64).collect();
        let rows: Rows<'a> = rows.into();
        self.fit_examples(&Examples::new(rows, &targets)?)
    }

    /// Fits it to examples whose targets are the positions of their classes.
    ///
    /// # Errors
    /// As [`LogisticRegression::fit`].
    pub fn fit_examples(&self, examples: &Examples<'_>) -> Result<Fitted> {
        Regression::from(self.clone()).fit_examples(examples)
    }
}

impl HuberRegression {
    /// The penalty `alpha ‖β‖²` beside a sum over examples of this total weight, as scikit-learn's `HuberRegressor` has
    /// it.
    pub fn of_sum(alpha: f64, total_weight: f64) -> Self {
        HuberRegression { alpha: alpha / total_weight, ..HuberRegression::default() }
    }
}

macro_rules! fit_to_numbers {
    ($($model:ident: $errors:literal,)*) => {$(
        impl $model {
            /// Fits it to rows and the target of each.
            ///
            /// # Errors
            #[doc = concat!("What [`Examples::new`] refuses, ", $errors, "options outside their domain, a solver that does not fit.")]
            pub fn fit<'a>(&self, rows: impl Into<Rows<'a>>, targets: &'a [f64]) -> Result<Fitted> {
                self.fit_examples(&Examples::new(rows, targets)?)
            }

            /// Fits it to examples, which may have weights and names.
            ///
            /// # Errors
            #[doc = concat!("As [`", stringify!($model), "::fit`].")]
            pub fn fit_examples(&self, examples: &Examples<'_>) -> Result<Fitted> {
                Regression::from(self.clone()).fit_examples(examples)
            }
        }
    )*};
}

fit_to_numbers! {
    OrdinaryLeastSquares: "",
    Ridge: "",
    Lasso: "more than 8,192 columns, ",
    ElasticNet: "more than 8,192 columns, ",
    PoissonRegression: "negative targets, targets without a finite estimate where there is no penalty, ",
    HuberRegression: "",
}

macro_rules! regressions {
    ($($model:ident, $name:literal;)*) => {
        /// Any of the regressions, to be chosen by name or read from a file.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "model")]
        #[non_exhaustive]
        pub enum Regression {
            $(
                #[doc = concat!("[`", stringify!($model), "`]")]
                #[serde(rename = $name)]
                $model($model),
            )*
        }

        $(impl From<$model> for Regression {
            fn from(model: $model) -> Self {
                Regression::$model(model)
            }
        })*

        impl Regression {
            /// The names that [`Regression::from_name`] knows.
            pub const NAMES: &[&str] = &[$($name),*];

            /// The model of this name with its defaults.
            pub fn from_name(name: &str) -> Option<Self> {
                match name.replace('_', "-").as_str() {
                    $($name => Some($model::default().into()),)*
                    _ => None,
                }
            }

            /// What it is called.
            pub fn name(&self) -> &'static str {
                match self { $(Regression::$model(_) => $name,)* }
            }

            /// How it is fitted.
            pub fn options(&self) -> &FitOptions {
                match self { $(Regression::$model(model) => &model.options,)* }
            }

            /// How it is fitted, to be changed.
            pub fn options_mut(&mut self) -> &mut FitOptions {
                match self { $(Regression::$model(model) => &mut model.options,)* }
            }
        }
    };
}

regressions! {
    OrdinaryLeastSquares, "ols";
    Ridge, "ridge";
    Lasso, "lasso";
    ElasticNet, "elastic-net";
    LogisticRegression, "logistic";
    PoissonRegression, "poisson";
    HuberRegression, "huber";
}

impl Regression {
    /// Fits the model to examples; the targets of classes are their positions.
    ///
    /// # Errors
    /// Those of the model.
    pub fn fit_examples(&self, examples: &Examples<'_>) -> Result<Fitted> {
        let classes = match self {
            Regression::LogisticRegression(_) => {
                let most = examples.targets.iter().copied().fold(0.0, f64::max);
                // So many classes that no memory holds them are refused as targets.
                if most >= examples.len() as f64 + 1.0 {
                    let row = examples.targets.iter().position(|&y| y == most).unwrap_or(0);
                    let expected = "the position of a class, of which there are no more than examples";
                    return Err(RegressionError::Target { row, value: most, expected }.into());
                }
                (most as usize + 1).max(2)
            }
            _ => 0,
        };
        fit(self, examples, classes)
    }

    pub(crate) fn loss(&self, classes: usize) -> Loss {
        match self {
            Regression::LogisticRegression(_) if classes > 2 => Loss::Softmax { classes },
            Regression::LogisticRegression(_) => Loss::Logistic,
            Regression::PoissonRegression(_) => Loss::Poisson,
            Regression::HuberRegression(HuberRegression { epsilon, scale: Some(scale), .. }) => {
                Loss::FixedHuber { delta: epsilon * scale }
            }
            Regression::HuberRegression(huber) => Loss::Huber { epsilon: huber.epsilon },
            _ => Loss::Squares,
        }
    }

    pub(crate) fn penalty(&self) -> Penalty {
        let l2 = |l2: f64| Penalty { l1: 0.0, l2 };
        match self {
            Regression::OrdinaryLeastSquares(_) => Penalty::default(),
            Regression::Ridge(model) => l2(model.alpha),
            Regression::Lasso(model) => Penalty { l1: model.alpha, l2: 0.0 },
            Regression::ElasticNet(model) => {
                Penalty { l1: model.alpha * model.l1_ratio, l2: model.alpha * (1.0 - model.l1_ratio) }
            }
            Regression::LogisticRegression(model) => l2(model.alpha),
            Regression::PoissonRegression(model) => l2(model.alpha),
            Regression::HuberRegression(model) => l2(model.alpha),
        }
    }

    /// Sets the strength of the penalty; whether the model has one.
    pub fn set_alpha(&mut self, to: f64) -> bool {
        match self.alpha_mut() {
            Some(alpha) => *alpha = to,
            None => return false,
        }
        true
    }

    fn alpha_mut(&mut self) -> Option<&mut f64> {
        match self {
            Regression::OrdinaryLeastSquares(_) => None,
            Regression::Ridge(model) => Some(&mut model.alpha),
            Regression::Lasso(model) => Some(&mut model.alpha),
            Regression::ElasticNet(model) => Some(&mut model.alpha),
            Regression::LogisticRegression(model) => Some(&mut model.alpha),
            Regression::PoissonRegression(model) => Some(&mut model.alpha),
            Regression::HuberRegression(model) => Some(&mut model.alpha),
        }
    }

    /// Checks the options and the hyperparameters.
    ///
    /// # Errors
    /// [`crate::Error::Option`], with the field, its domain and what came.
    pub fn validate(&self) -> Result<()> {
        self.options().validate()?;
        if let Some(alpha) = self.clone().alpha_mut() {
            check("alpha", *alpha, "at least 0, finite and at most 1e100", |alpha| {
                (0.0..=1e100).contains(&alpha)
            })?;
        }
        match self {
            Regression::ElasticNet(model) => {
                check("l1_ratio", model.l1_ratio, "from 0 to 1", |r| (0.0..=1.0).contains(&r))
            }
            Regression::HuberRegression(model) => {
                check("epsilon", model.epsilon, "at least 1 and finite", |epsilon| epsilon >= 1.0)?;
                match model.scale {
                    Some(scale) => check("scale", scale, "above 0 and finite", |scale| scale > 0.0),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }
}
