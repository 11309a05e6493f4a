//! The list of optimizers: a name, and the hyperparameters, of each.
//!
//! Adding an optimizer is a file in `rules/` and a row here. The row makes it serializable, puts it on the
//! command line and under the tests that all optimizers share, one of which asks for a trajectory to agree
//! with in `tests/oracles`.

use crate::rules::*;
use crate::{Error, MAX_SLOTS, Piece, Result, RowSteps, Rule, Scope, Slot, Step};
use downhill_tensor::{Float, ParameterEntry};
use serde::{Deserialize, Serialize};

/// Sets the rate of a rule: its field, or that of the rule inside it.
macro_rules! set_rate {
    (Lookahead, $rule:ident, $rate:ident) => {
        *$rule.inner = $rule.inner.as_ref().clone().with_learning_rate($rate)
    };
    ($variant:ident, $rule:ident, $rate:ident) => {
        $rule.learning_rate = $rate
    };
}

macro_rules! registry {
    ($($variant:ident = $name:literal,)*) => {
        /// A choice of optimizer with its hyperparameters: a plain value that can be cloned, compared and
        /// written to a file.
        ///
        /// Serialized it is the optimizer's name with what differs from the defaults, or all of it:
        ///
        /// ```
        /// use downhill_optim::{Adam, OptimizerConfig};
        /// let config: OptimizerConfig = serde_json::from_str(r#"{"adam": {"learning_rate": 0.01}}"#)?;
        /// assert_eq!(config, Adam { learning_rate: 0.01, ..Adam::default() }.into());
        /// # Ok::<(), serde_json::Error>(())
        /// ```
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum OptimizerConfig {
            $(
                #[doc = concat!("`", $name, "`; see [`", stringify!($variant), "`].")]
                #[serde(rename = $name)]
                $variant($variant),
            )*
        }

        $(
            impl From<$variant> for OptimizerConfig {
                fn from(rule: $variant) -> Self {
                    OptimizerConfig::$variant(rule)
                }
            }
        )*

        /// The names of the rows, in their order.
        const ROWS: &[&str] = &[$($name),*];

        /// The row of this name, with its defaults.
        fn row(name: &str) -> Option<OptimizerConfig> {
            match name {
                $($name => Some(OptimizerConfig::$variant($variant::default())),)*
                _ => None,
            }
        }

        impl OptimizerConfig {
            /// The same optimizer with another learning rate.
            pub fn with_learning_rate(mut self, learning_rate: f64) -> Self {
                match &mut self {
                    $(OptimizerConfig::$variant(rule) => set_rate!($variant, rule, learning_rate),)*
                }
                self
            }
        }

        impl Rule for OptimizerConfig {
            fn name(&self) -> &str {
                match self { $(OptimizerConfig::$variant(rule) => rule.name(),)* }
            }
            fn learning_rate(&self) -> f64 {
                match self { $(OptimizerConfig::$variant(rule) => rule.learning_rate(),)* }
            }
            fn weight_decay(&self) -> Option<f64> {
                match self { $(OptimizerConfig::$variant(rule) => rule.weight_decay(),)* }
            }
            fn maximizes(&self) -> bool {
                match self { $(OptimizerConfig::$variant(rule) => rule.maximizes(),)* }
            }
            fn scope(&self) -> Scope {
                match self { $(OptimizerConfig::$variant(rule) => rule.scope(),)* }
            }
            fn slot_len(&self, slot: usize, parameter: &ParameterEntry) -> usize {
                match self { $(OptimizerConfig::$variant(rule) => rule.slot_len(slot, parameter),)* }
            }
            fn scalars(&self) -> Vec<Slot> {
                match self { $(OptimizerConfig::$variant(rule) => rule.scalars(),)* }
            }
            fn advance(&self, step: &mut Step) {
                match self { $(OptimizerConfig::$variant(rule) => rule.advance(step),)* }
            }
            fn evaluation_point<T: Float>(&self, parameter: T, state: [T; MAX_SLOTS]) -> T {
                match self { $(OptimizerConfig::$variant(rule) => rule.evaluation_point(parameter, state),)* }
            }
            fn validate(&self) -> Result<()> {
                match self { $(OptimizerConfig::$variant(rule) => rule.validate(),)* }
            }
            fn slots(&self) -> Vec<Slot> {
                match self { $(OptimizerConfig::$variant(rule) => rule.slots(),)* }
            }
            fn row_steps(&self) -> RowSteps {
                match self { $(OptimizerConfig::$variant(rule) => rule.row_steps(),)* }
            }
            fn update<T: Float>(&self, step: &Step, piece: Piece<'_, T>) {
                match self { $(OptimizerConfig::$variant(rule) => rule.update(step, piece),)* }
            }
        }
    };
}

registry! {
    GradientDescent = "gradient_descent",
    Sgd = "sgd",
    Adagrad = "adagrad",
    RmsProp = "rmsprop",
    Adadelta = "adadelta",
    Adam = "adam",
    AdamW = "adamw",
    Adamax = "adamax",
    NAdam = "nadam",
    RAdam = "radam",
    AdaBelief = "adabelief",
    Yogi = "yogi",
    Adan = "adan",
    Lion = "lion",
    Rprop = "rprop",
    Asgd = "asgd",
    ScheduleFreeSgd = "schedule_free_sgd",
    ScheduleFreeAdamW = "schedule_free_adamw",
    Lamb = "lamb",
    Lars = "lars",
    Adafactor = "adafactor",
    Muon = "muon",
    Lookahead = "lookahead",
}

/// Settings of rows above that are known under a name of their own.
const PRESETS: &[&str] = &["momentum", "nesterov", "amsgrad"];

fn preset(name: &str) -> Option<OptimizerConfig> {
    match name {
        "momentum" => Some(Sgd { momentum: 0.9, ..Sgd::default() }.into()),
        "nesterov" => Some(Sgd { momentum: 0.9, nesterov: true, ..Sgd::default() }.into()),
        "amsgrad" => Some(Adam { amsgrad: true, ..Adam::default() }.into()),
        _ => None,
    }
}

impl OptimizerConfig {
    /// The optimizer of this name with its defaults, for command lines. Upper case and `-` are understood.
    ///
    /// Beside the optimizers there are `momentum` and `nesterov` ([`Sgd`] with a momentum of 0.9) and
    /// `amsgrad` ([`Adam`]).
    ///
    /// # Errors
    /// [`Error::UnknownOptimizer`], with the names that there are.
    ///
    /// ```
    /// use downhill_optim::{OptimizerConfig, Sgd};
    /// let config = OptimizerConfig::from_name("nesterov")?.with_learning_rate(0.1);
    /// let sgd = Sgd { learning_rate: 0.1, momentum: 0.9, nesterov: true, ..Sgd::default() };
    /// assert_eq!(config, sgd.into());
    /// # Ok::<(), downhill_optim::Error>(())
    /// ```
    pub fn from_name(name: &str) -> Result<Self> {
        let normal = name.to_ascii_lowercase().replace('-', "_");
        row(&normal)
            .or_else(|| preset(&normal))
            .ok_or_else(|| Error::UnknownOptimizer { name: name.into(), known: Self::names().collect() })
    }

    /// The names that [`from_name`](Self::from_name) knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ROWS.iter().chain(PRESETS).copied()
    }
}

impl Default for OptimizerConfig {
    /// [`GradientDescent`].
    fn default() -> Self {
        GradientDescent::default().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_bears_the_name_of_its_rule_and_valid_defaults() {
        for name in ROWS {
            let config = OptimizerConfig::from_name(name).unwrap();
            assert_eq!(config.name(), *name);
            config.validate().unwrap();
            assert_eq!(config.with_learning_rate(0.5).learning_rate(), 0.5);
        }
        for name in PRESETS {
            OptimizerConfig::from_name(name).unwrap().validate().unwrap();
        }
    }

    #[test]
    fn every_row_survives_being_written() {
        for name in OptimizerConfig::names() {
            let config = OptimizerConfig::from_name(name).unwrap().with_learning_rate(0.25);
            let text = serde_json::to_string(&config).unwrap();
            assert_eq!(serde_json::from_str::<OptimizerConfig>(&text).unwrap(), config);
        }
    }

    #[test]
    fn a_misspelt_hyperparameter_is_refused() {
        let error = serde_json::from_str::<OptimizerConfig>(r#"{"adam": {"lr": 0.1}}"#).unwrap_err();
        assert!(error.to_string().contains("unknown field `lr`, expected one of `learning_rate`"), "{error}");
    }

    #[test]
    fn an_unknown_name_lists_the_known_ones() {
        let error = OptimizerConfig::from_name("adamin").unwrap_err().to_string();
        assert!(
            error.starts_with("no optimizer is called \"adamin\"; there are gradient_descent, sgd"),
            "{error}"
        );
        assert_eq!(OptimizerConfig::from_name("RMSprop").unwrap().name(), "rmsprop");
    }
}
