//! Up to which curvature a step of an optimizer is stable.

use downhill_optim::{Adam, OptimizerConfig, OptimizerState, Rule, Sgd};
use downhill_tensor::Float;

/// What an optimizer multiplies the gradient by, element by element, before it takes a step along it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preconditioning {
    /// Nothing: the sharpness is that of the loss.
    None,
    /// The inverse of a vector of its state, which [`preconditioner`] gives: the sharpness is that of
    /// `P^-1/2 H P^-1/2`.
    Diagonal,
}

/// Up to which curvature an optimizer's steps are stable on a quadratic: `η (λ + decoupled_decay) < product`, where λ is
/// the largest eigenvalue of `P^-1/2 (H + coupled_decay I) P^-1/2`, P being 1 or the diagonal of the optimizer.
#[derive(Clone, Debug, PartialEq)]
pub struct StabilityLimit {
    /// What the product of rate and curvature must stay below.
    pub product: f64,
    /// Whether the curvature is taken behind a preconditioner.
    pub preconditioning: Preconditioning,
    /// What weight decay in the gradient adds to every eigenvalue of the Hessian.
    pub coupled_decay: f64,
    /// What weight decay beside the gradient adds to the (preconditioned) sharpness.
    pub decoupled_decay: f64,
    /// The formula of `product`, with the optimizer's numbers: `2 (1 + β), β = 0.9`.
    pub formula: String,
    /// When the limit is exact.
    pub exact: &'static str,
}

/// For a quadratic, and every step alike.
const FOR_A_QUADRATIC: &str = "exact for a quadratic and a constant rate";
/// For a quadratic, and a preconditioner that stands still.
const FOR_A_FROZEN_PRECONDITIONER: &str = "exact for a quadratic, a constant rate and a preconditioner that stays as it is; while it moves, it adapts to \
     the curvature, and training hovers at the limit";

/// The stability limit of an optimizer, for those whose steps are linear in the gradient as long as their
/// preconditioner stands still. `None` for the others: signs and norms (Lion, Rprop, LARS, LAMB, Muon, Adafactor,
/// Adadelta) bound the step whatever the curvature, averages of other kinds have no simple limit, and what goes uphill
/// has none.
///
/// Along an eigenvector of curvature λ a step is a linear recurrence in the parameter and the velocity, and stable
/// where both roots of its characteristic polynomial lie within the unit circle:
///
/// | optimizer | limit of η λ | β = 0.9 |
/// |---|---|---|
/// | gradient descent, and without momentum | 2 | 2 |
/// | momentum β (heavy ball) | 2 (1 + β) | 3.8 |
/// | Nesterov's momentum β | 2 (1 + β) / (1 + 2 β) | 1.357 |
/// | momentum β with dampening τ; τ = β is a moving average | 2 (1 + β) / (1 - τ) | 38 |
/// | Adam, AdamW, RAdam, AdaBelief, Yogi, Adamax (on the preconditioned Hessian) | 2 (1 + β1) / (1 - β1) | 38 |
/// | NAdam (on the preconditioned Hessian, late in a run) | 2 (1 + β1) / ((1 + 2 β1)(1 - β1)) | 13.57 |
/// | RMSprop with momentum β, Adagrad (β = 0), (on the preconditioned Hessian) | 2 (1 + β) | 2 at β = 0 |
///
/// A momentum of 1 or more has no stable rate: the limit is 0. Weight decay w in the gradient makes every eigenvalue
/// larger by w; beside the gradient (AdamW) it acts like `w (1 + β) / (1 - β)` more of preconditioned sharpness.
/// Parameter groups are not looked at. The batches are taken to be alike: noise lowers the limit.
///
/// # Source
/// B. Polyak (1964); L. Lessard, B. Recht, A. Packard, *Analysis and design of optimization algorithms via integral
/// quadratic constraints* (2016); J. Cohen et al., *Gradient descent on neural networks typically occurs at the edge of
/// stability* (2021), appendix B; J. Cohen et al., *Adaptive gradient methods at the edge of stability* (2022): 38 / η.
///
/// ```
/// use downhill_optim::Sgd;
/// use downhill_train::diagnosis::stability_limit;
/// let heavy_ball = Sgd { momentum: 0.9, ..Sgd::default() };
/// let limit = stability_limit(&heavy_ball.into()).expect("it has one");
/// assert!((limit.product - 3.8).abs() < 1e-12);
/// ```
pub fn stability_limit(config: &OptimizerConfig) -> Option<StabilityLimit> {
    if config.maximizes() {
        return None;
    }
    let adam = |beta1: f64, coupled, decoupled| moving_average("β1", beta1, coupled, decoupled);
    match config {
        OptimizerConfig::GradientDescent(_) => Some(plain(0.0)),
        OptimizerConfig::Sgd(rule) => Some(of_sgd(rule)),
        OptimizerConfig::Adam(rule) => Some(adam(rule.beta1, rule.weight_decay, 0.0)),
        OptimizerConfig::AdamW(rule) => Some(adam(rule.beta1, 0.0, rule.weight_decay)),
        OptimizerConfig::AdaBelief(rule) => Some(adam(rule.beta1, 0.0, rule.weight_decay)),
        OptimizerConfig::Yogi(rule) => Some(adam(rule.beta1, rule.weight_decay, 0.0)),
        OptimizerConfig::Adamax(rule) => Some(adam(rule.beta1, rule.weight_decay, 0.0)),
        OptimizerConfig::RAdam(rule) if !rule.decoupled_weight_decay => {
            Some(adam(rule.beta1, rule.weight_decay, 0.0))
        }
        OptimizerConfig::RAdam(rule) => Some(adam(rule.beta1, 0.0, rule.weight_decay)),
        OptimizerConfig::NAdam(rule) if !rule.decoupled_weight_decay || rule.weight_decay == 0.0 => {
            let beta = rule.beta1;
            Some(StabilityLimit {
                product: 2.0 * (1.0 + beta) / ((1.0 + 2.0 * beta) * (1.0 - beta)),
                preconditioning: Preconditioning::Diagonal,
                coupled_decay: rule.weight_decay,
                decoupled_decay: 0.0,
                formula: format!("2 (1 + β1) / ((1 + 2 β1)(1 - β1)), β1 = {beta}"),
                exact: FOR_A_FROZEN_PRECONDITIONER,
            })
        }
        OptimizerConfig::RmsProp(rule) => Some(StabilityLimit {
            preconditioning: Preconditioning::Diagonal,
            exact: FOR_A_FROZEN_PRECONDITIONER,
            ..heavy_ball(rule.momentum, 0.0, rule.weight_decay)
        }),
        OptimizerConfig::Adagrad(rule) => Some(StabilityLimit {
            preconditioning: Preconditioning::Diagonal,
            exact: FOR_A_FROZEN_PRECONDITIONER,
            ..plain(rule.weight_decay)
        }),
        _ => None,
    }
}

fn plain(decay: f64) -> StabilityLimit {
    StabilityLimit {
        product: 2.0,
        preconditioning: Preconditioning::None,
        coupled_decay: decay,
        decoupled_decay: 0.0,
        formula: "2".into(),
        exact: FOR_A_QUADRATIC,
    }
}

fn of_sgd(rule: &Sgd) -> StabilityLimit {
    let beta = rule.momentum;
    if rule.nesterov && beta < 1.0 {
        return StabilityLimit {
            product: 2.0 * (1.0 + beta) / (1.0 + 2.0 * beta),
            formula: format!("2 (1 + β) / (1 + 2 β), β = {beta}"),
            ..plain(rule.weight_decay)
        };
    }
    // Without momentum there is no buffer, and nothing is dampened.
    heavy_ball(beta, if beta == 0.0 { 0.0 } else { rule.dampening }, rule.weight_decay)
}

fn heavy_ball(beta: f64, dampening: f64, decay: f64) -> StabilityLimit {
    let (product, formula) = match (beta, dampening) {
        (0.0, _) => return plain(decay),
        (beta, _) if beta >= 1.0 => (0.0, format!("0: no rate is stable with a momentum of {beta}")),
        (_, 0.0) => (2.0 * (1.0 + beta), format!("2 (1 + β), β = {beta}")),
        // All of the gradient is held back but for the first: nothing moves the velocity any more.
        (_, 1.0) => (f64::INFINITY, "without bound: the dampening of 1 holds back every gradient".into()),
        _ => (
            2.0 * (1.0 + beta) / (1.0 - dampening),
            format!("2 (1 + β) / (1 - τ), β = {beta}, τ = {dampening}"),
        ),
    };
    StabilityLimit { product, formula, ..plain(decay) }
}

fn moving_average(name: &str, beta: f64, coupled: f64, decoupled: f64) -> StabilityLimit {
    let product = 2.0 * (1.0 + beta) / (1.0 - beta);
    StabilityLimit {
        product,
        preconditioning: Preconditioning::Diagonal,
        coupled_decay: coupled,
        decoupled_decay: decoupled * product / 2.0,
        formula: format!("2 (1 + {name}) / (1 - {name}), {name} = {beta}"),
        exact: FOR_A_FROZEN_PRECONDITIONER,
    }
}

/// P, by which an optimizer divides the gradient or its average, element by element, from what it remembers: with
/// `sqrt(v / (1 - β2^t)) + ε` for Adam. `None` for an optimizer without one, before its first step, and for a state
/// that is another optimizer's.
pub fn preconditioner<T: Float>(config: &OptimizerConfig, state: &OptimizerState<T>) -> Option<Vec<f64>> {
    let slot = |name: &str| {
        let slot = state.slots.iter().find(|slot| slot.name == name && state.steps > 0)?;
        Some(slot.values.iter().map(|x| x.to_f64()).collect::<Vec<f64>>())
    };
    let root = |values: Option<Vec<f64>>, correction: f64, epsilon: f64| {
        let denominator = |x: &f64| (x.max(0.0) / correction).sqrt() + epsilon;
        values.map(|values| values.iter().map(denominator).collect::<Vec<f64>>())
    };
    let unbiased = |beta2: f64| 1.0 - beta2.powf(state.steps as f64);
    let adam = |rule: &Adam| {
        let name = if rule.amsgrad { "largest_second_moment" } else { "second_moment" };
        root(slot(name), unbiased(rule.beta2), rule.epsilon)
    };
    match config {
        OptimizerConfig::Adam(rule) => adam(rule),
        OptimizerConfig::AdamW(rule) => {
            let name = if rule.amsgrad { "largest_second_moment" } else { "second_moment" };
            root(slot(name), unbiased(rule.beta2), rule.epsilon)
        }
        OptimizerConfig::NAdam(rule) => root(slot("second_moment"), unbiased(rule.beta2), rule.epsilon),
        OptimizerConfig::RAdam(rule) => root(slot("second_moment"), unbiased(rule.beta2), rule.epsilon),
        OptimizerConfig::Yogi(rule) => root(slot("second_moment"), unbiased(rule.beta2), rule.epsilon),
        OptimizerConfig::AdaBelief(rule) => root(slot("variance"), unbiased(rule.beta2), rule.epsilon),
        OptimizerConfig::Adamax(_) => slot("largest_derivative"),
        OptimizerConfig::Adagrad(rule) => {
            let slowed = 1.0 + state.steps.saturating_sub(1) as f64 * rule.learning_rate_decay;
            let values = root(slot("sum_of_squares"), 1.0, rule.epsilon);
            values.map(|values| values.iter().map(|p| p * slowed).collect())
        }
        OptimizerConfig::RmsProp(rule) => {
            let mut squares = slot("square_average")?;
            if let Some(means) = slot("gradient_average") {
                squares.iter_mut().zip(means).for_each(|(v, a)| *v -= a * a);
            }
            root(Some(squares), 1.0, rule.epsilon)
        }
        _ => None,
    }
}

/// What the learning rate of an optimizer must stay below for a (preconditioned) sharpness; infinite where nothing
/// curves upwards.
pub fn largest_stable_rate(limit: &StabilityLimit, sharpness: f64) -> f64 {
    let curvature = sharpness + limit.decoupled_decay;
    if curvature > 0.0 { limit.product / curvature } else { f64::INFINITY }
}

/// The name of an optimizer for a sentence.
pub(crate) fn called(config: &OptimizerConfig) -> String {
    match config {
        OptimizerConfig::Sgd(rule) if rule.nesterov => format!("Nesterov's momentum of {}", rule.momentum),
        OptimizerConfig::Sgd(rule) if rule.momentum > 0.0 => format!("momentum of {}", rule.momentum),
        OptimizerConfig::Sgd(_) | OptimizerConfig::GradientDescent(_) => "gradient descent".into(),
        other => other.name().replace('_', " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use downhill_optim::{AdaBelief, AdamW, Adamax, GradientDescent, NAdam, Optimizer, RAdam, RmsProp, Yogi};

    /// The rate times the curvature at which an optimizer stops to converge on `λ x² / 2`, by bisection. `prepare`
    /// sets its memory before the first step.
    fn measured(
        config: &OptimizerConfig,
        curvature: f64,
        highest: f64,
        prepare: impl Fn(&mut Optimizer<f64>),
    ) -> f64 {
        let converges = |rate: f64| {
            let mut optimizer =
                Optimizer::<f64>::new(config.clone().with_learning_rate(rate / curvature), 1).unwrap();
            prepare(&mut optimizer);
            let mut x = [1e-6];
            let mut swing = [0.0f64; 2];
            for step in 0..6000 {
                let gradient = [curvature * x[0]];
                optimizer.step(&mut x, &gradient).unwrap();
                if x[0].abs().is_nan() || x[0].abs() > 1e3 {
                    return false;
                }
                let half = usize::from(step >= 3000);
                swing[half] = swing[half].max(if step % 3000 >= 2000 { x[0].abs() } else { 0.0 });
            }
            swing[1] < swing[0] || swing[1] < 1e-100
        };
        let (mut low, mut high) = (1e-3, highest);
        assert!(converges(low) && !converges(high));
        while high / low > 1.001 {
            let middle = (low * high).sqrt();
            *if converges(middle) { &mut low } else { &mut high } = middle;
        }
        low
    }

    fn near(measured: f64, expected: f64) {
        assert!((measured / expected - 1.0).abs() < 0.01, "measured {measured}, expected {expected}");
    }

    #[test]
    fn the_limits_are_where_the_optimizers_stop_converging() {
        let sgd = |momentum, dampening, nesterov, weight_decay| {
            OptimizerConfig::from(Sgd { momentum, dampening, nesterov, weight_decay, ..Sgd::default() })
        };
        for (config, expected) in [
            (GradientDescent::default().into(), 2.0),
            (sgd(0.0, 0.0, false, 0.0), 2.0),
            (sgd(0.9, 0.0, false, 0.0), 3.8),
            (sgd(0.9, 0.0, true, 0.0), 1.357),
            (sgd(0.9, 0.9, false, 0.0), 38.0),
            (sgd(0.5, 0.2, false, 0.0), 2.0 * 1.5 / 0.8),
        ] {
            let limit = stability_limit(&config).unwrap();
            assert!((limit.product / expected - 1.0).abs() < 1e-3, "{limit:?}");
            near(measured(&config, 3.0, 100.0, |_| {}), limit.product);
        }
    }

    #[test]
    fn weight_decay_adds_to_the_curvature() {
        let decayed = OptimizerConfig::from(Sgd { momentum: 0.9, weight_decay: 1.5, ..Sgd::default() });
        let limit = stability_limit(&decayed).unwrap();
        let rate = largest_stable_rate(&limit, 3.0 + limit.coupled_decay);
        near(measured(&decayed, 3.0, 100.0, |_| {}) / 3.0, rate);
    }

    /// Sets all that an optimizer remembers of squares so that it stays as it is: to `value`, after so many steps that
    /// nothing is corrected any more.
    fn freeze(optimizer: &mut Optimizer<f64>, value: f64) {
        let mut state = optimizer.state().clone();
        state.steps = 1 << 60;
        for slot in &mut state.slots {
            let square = ["second_moment", "variance", "square_average", "largest_derivative"];
            if square.contains(&slot.name.as_str()) {
                slot.values.fill(value);
            }
        }
        for scalar in &mut state.scalars {
            scalar.value = 0.0;
        }
        optimizer.load_state(state).unwrap();
    }

    #[test]
    fn behind_a_frozen_preconditioner_the_limits_hold_for_the_preconditioned_curvature() {
        // Averages that move so slowly that they stand still.
        let beta2 = 1.0 - 1e-15;
        let (value, curvature) = (0.25, 3.0);
        let rows: [OptimizerConfig; 7] = [
            Adam { beta2, ..Adam::default() }.into(),
            AdamW { beta2, weight_decay: 0.4, ..AdamW::default() }.into(),
            Adam { beta2, beta1: 0.5, weight_decay: 0.7, ..Adam::default() }.into(),
            RAdam { beta2, ..RAdam::default() }.into(),
            NAdam { beta2, ..NAdam::default() }.into(),
            Yogi { beta2, ..Yogi::default() }.into(),
            RmsProp { alpha: beta2, momentum: 0.9, ..RmsProp::default() }.into(),
        ];
        for config in rows {
            let mut optimizer = Optimizer::<f64>::new(config.clone(), 1).unwrap();
            freeze(&mut optimizer, value);
            let p = preconditioner(&config, optimizer.state()).unwrap()[0];
            assert!((p - 0.5).abs() < 0.01, "{config:?}: {p}");
            let limit = stability_limit(&config).unwrap();
            assert_eq!(limit.preconditioning, Preconditioning::Diagonal);
            let sharpness = (curvature + limit.coupled_decay) / p;
            let rate = largest_stable_rate(&limit, sharpness);
            near(
                measured(&config, curvature, 1000.0, |optimizer| freeze(optimizer, value)) / curvature,
                rate,
            );
        }
    }

    #[test]
    fn the_preconditioner_is_what_the_step_is_divided_by() {
        // After one step from rest, Adam and its kind move by η g / P, up to what the average corrects.
        for config in [
            OptimizerConfig::from(Adam::default()),
            AdamW { weight_decay: 0.0, ..AdamW::default() }.into(),
            Adam { amsgrad: true, ..Adam::default() }.into(),
            Adamax::default().into(),
            RmsProp::default().into(),
            downhill_optim::Adagrad::default().into(),
        ] {
            let mut optimizer = Optimizer::<f64>::new(config.clone(), 3).unwrap();
            let gradient = [0.5, -2.0, 1e-3];
            let mut x = [0.0; 3];
            optimizer.step(&mut x, &gradient).unwrap();
            let p = preconditioner(&config, optimizer.state()).unwrap();
            for i in 0..3 {
                let expected = -config.learning_rate() * gradient[i] / p[i];
                assert!((x[i] - expected).abs() < 1e-12, "{config:?}: {} {expected}", x[i]);
            }
        }
        let fresh = Optimizer::<f64>::new(OptimizerConfig::from(Adam::default()), 1).unwrap();
        assert_eq!(preconditioner(&Adam::default().into(), fresh.state()), None);
        let other = Optimizer::<f64>::new(OptimizerConfig::from(AdaBelief::default()), 1).unwrap();
        assert_eq!(preconditioner(&Adam::default().into(), other.state()), None);
    }

    #[test]
    fn steps_of_a_bounded_length_have_no_limit_and_a_momentum_of_1_none_above_0() {
        for name in ["lion", "rprop", "lars", "lamb", "muon", "adafactor", "adadelta"] {
            assert_eq!(stability_limit(&OptimizerConfig::from_name(name).unwrap()), None, "{name}");
        }
        let undamped = Sgd { momentum: 1.0, ..Sgd::default() };
        assert_eq!(stability_limit(&undamped.into()).unwrap().product, 0.0);
    }
}
