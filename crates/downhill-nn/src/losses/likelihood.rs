//! Losses that are distances of distributions: Poisson's and Gauss's negative log-likelihood, and the
//! Kullback-Leibler divergence.

use super::{aligned, refuse};
use downhill_autograd::Var;

const LN_2PI: f64 = 1.837_877_066_409_345_5;

/// The Poisson loss of each element: see [`poisson_nll`].
#[track_caller]
pub fn poisson_nll_elements<'t>(output: Var<'t>, target: Var<'t>, log_input: bool, full: bool) -> Var<'t> {
    let target = aligned("poisson_nll", output, target);
    let tape = output.tape();
    let loss =
        if log_input { output.exp() - target * output } else { output - target * (output + 1e-8).log() };
    if !full {
        return loss;
    }
    let (zero, one) = (tape.scalar(0.0), tape.scalar(1.0));
    let large = target.gt(one);
    let t = large.select(target, one);
    let stirling = t * t.log() - t + 0.5 * (t.log() + LN_2PI);
    loss + large.select(stirling, zero)
}

/// The mean negative log-likelihood of counts t under Poisson distributions of the rate λ, without the term
/// log t!: the mean of `λ - t log λ`. With `log_input` (PyTorch's default) the output z is log λ, and the loss
/// `exp(z) - t z`; without it the output is the rate, to which 1e-8 is added in the logarithm. With `full`
/// Stirling's approximation `t log t - t + log(2πt) / 2` of log t! is added for t > 1.
///
/// Rates grow with the exponential: from z = 88 on they are infinite in single precision.
///
/// # Shape
/// See [`mse`](super::mse).
///
/// # Source
/// PyTorch, `torch.nn.PoissonNLLLoss`.
#[track_caller]
pub fn poisson_nll<'t>(output: Var<'t>, target: Var<'t>, log_input: bool, full: bool) -> Var<'t> {
    poisson_nll_elements(output, target, log_input, full).mean()
}

/// The Gaussian loss of each element: see [`gaussian_nll`].
#[track_caller]
pub fn gaussian_nll_elements<'t>(
    mean: Var<'t>,
    target: Var<'t>,
    variance: Var<'t>,
    epsilon: f64,
    full: bool,
) -> Var<'t> {
    if !(epsilon > 0.0 && epsilon.is_finite()) {
        return refuse("gaussian_nll", mean, target, &format!("epsilon must be positive, not {epsilon}"));
    }
    let target = aligned("gaussian_nll", mean, target);
    if !variance.shape().broadcasts_to(mean.shape()) {
        return refuse(
            "gaussian_nll",
            mean,
            variance,
            "the variance must broadcast to the shape of the mean",
        );
    }
    // Held from below, and yet with the gradient of the variance itself, as in PyTorch: one that is too small can
    // grow again.
    let lift = (variance.maximum(variance.tape().scalar(epsilon)) - variance).stop_gradient();
    let variance = variance + lift;
    let loss = 0.5 * (variance.log() + (mean - target).square() / variance);
    if full { loss + 0.5 * LN_2PI } else { loss }
}

/// The mean negative log-likelihood of numbers t under normal distributions whose mean and variance a network
/// gives: the mean of `(log v + (mean - t)² / v) / 2` with `v = max(variance, epsilon)`; with `full`,
/// `log(2π) / 2` is added. PyTorch's defaults are an epsilon of 1e-6 and not full. The variance must not be
/// negative: a softplus or an exponential makes it so.
///
/// # Shape
/// Mean and target as in [`mse`](super::mse); a variance that broadcasts to them.
///
/// # Source
/// Nix and Weigend, "Estimating the mean and variance of the target probability distribution", ICNN 1994.
#[track_caller]
pub fn gaussian_nll<'t>(
    mean: Var<'t>,
    target: Var<'t>,
    variance: Var<'t>,
    epsilon: f64,
    full: bool,
) -> Var<'t> {
    gaussian_nll_elements(mean, target, variance, epsilon, full).mean()
}

/// The term of each element in the divergence: see [`kl_divergence`].
#[track_caller]
pub fn kl_divergence_elements<'t>(output: Var<'t>, target: Var<'t>, log_target: bool) -> Var<'t> {
    if !target.is_float() {
        return refuse("kl_divergence", output, target, "the target must be probabilities, real numbers");
    }
    let target = aligned("kl_divergence", output, target);
    if log_target {
        return target.exp() * (target - output);
    }
    let (zero, one) = (target.tape().scalar(0.0), target.tape().scalar(1.0));
    let possible = target.gt(zero);
    let t = possible.select(target, one);
    // 0 log 0 is 0, whatever the output says.
    possible.select(t * (t.log() - output), zero)
}

/// The Kullback-Leibler divergence of a target distribution t from the one whose logarithms are the output:
/// `t (log t - output)`, or with `log_target` `exp(t) (t - output)`; the mean is over all elements, PyTorch's
/// default. The divergence as mathematics has it, a sum for each sample, is the other reduction,
/// [`Reduction::BatchMean`](super::Reduction::BatchMean).
///
/// # Shape
/// Output and target alike.
///
/// # Source
/// PyTorch, `torch.nn.KLDivLoss`.
#[track_caller]
pub fn kl_divergence<'t>(output: Var<'t>, target: Var<'t>, log_target: bool) -> Var<'t> {
    kl_divergence_elements(output, target, log_target).mean()
}
