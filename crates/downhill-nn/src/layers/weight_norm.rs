//! Weights by another parameterization: length and direction, or divided by the largest singular value.

use super::AnyLayer;
use crate::{Init, Layer, Scope};
use downhill_autograd::Var;
use downhill_tensor::Shape;
use serde::{Deserialize, Serialize};

/// How a layer's `weight` is made of other parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Reparameterization {
    /// Length times direction.
    Norm,
    /// Divided by the largest singular value.
    Spectral {
        /// The least length by which a vector is divided.
        epsilon: f64,
    },
}

impl Reparameterization {
    /// Declares the parameters in the place of `weight`, and records it.
    #[track_caller]
    pub(crate) fn record<'t>(self, scope: &Scope<'t>, shape: Shape, init: Init) -> Var<'t> {
        match self {
            Reparameterization::Norm => by_length(scope, shape, init),
            Reparameterization::Spectral { epsilon } => by_singular_value(scope, shape, init, epsilon),
        }
    }
}

/// Which axis of a weight holds the outputs: the last one of `[in, out]`, else the first.
fn output_axis(shape: Shape) -> usize {
    usize::from(shape.rank() == 2)
}

fn by_length<'t>(scope: &Scope<'t>, shape: Shape, init: Init) -> Var<'t> {
    let axis = output_axis(shape);
    let outputs = shape[axis];
    // Uniform in ±1/√n, n numbers have the expected squared length 1/3.
    let length = scope.param("weight_g", [outputs], Init::Constant(1.0 / 3f64.sqrt()));
    let direction = scope.param("weight_v", shape, init);
    let others: Vec<isize> = (0..shape.rank()).filter(|&a| a != axis).map(|a| a as isize).collect();
    let norm = direction.square().sum_keep(&others).sqrt();
    direction * (length.reshape(norm.shape()) / norm)
}

fn by_singular_value<'t>(scope: &Scope<'t>, shape: Shape, init: Init, epsilon: f64) -> Var<'t> {
    let weight = scope.param("weight_orig", shape, init);
    // As a matrix [out, in].
    let matrix = if output_axis(shape) == 1 { weight.transpose() } else { weight.flatten_from(1) };
    let &[outputs, inputs] = matrix.shape().dims() else { return weight };
    let start = |length: usize| 1.0 / (length.max(1) as f64).sqrt();
    let (mut u, mut v) = (
        scope.state("weight_u", [outputs], start(outputs)),
        scope.state("weight_v", [inputs], start(inputs)),
    );
    if scope.is_training() {
        let fixed = matrix.stop_gradient();
        let unit = |x: Var<'t>| x / x.square().sum().sqrt().maximum(x.tape().scalar(epsilon));
        u = unit(fixed.matmul(v)).stop_gradient();
        v = unit(u.matmul(fixed)).stop_gradient();
        scope.update_state("weight_u", u);
        scope.update_state("weight_v", v);
    }
    weight / u.matmul(matrix.matmul(v))
}

/// The wrapped layer, whose kinds of weight are known.
fn forward<'t>(
    name: &str,
    layer: &AnyLayer,
    weight: Reparameterization,
    scope: &Scope<'t>,
    x: Var<'t>,
) -> Var<'t> {
    match layer {
        AnyLayer::Linear(_) | AnyLayer::Conv1d(_) | AnyLayer::Conv2d(_) | AnyLayer::Conv3d(_) => {
            layer.forward(&scope.reparameterized(weight), x)
        }
        other => {
            let reason =
                format!("it is for the weights of linear layers and convolutions, not for {}", other.kind());
            x.refuse(name, reason)
        }
    }
}

/// A linear layer or convolution whose weights for each output are a learned length times a direction:
/// `weight = weight_g · weight_v / ‖weight_v‖`.
///
/// # Shape
/// Those of the layer; `weight_g` is `[out]` (PyTorch: `[out, 1, ..]`), `weight_v` has the shape of the weight in
/// whose place they are.
///
/// # Start
/// `weight_v` as the layer's weight; `weight_g` 1/√3, the expected length of weights that start uniform in
/// ±1/√fan_in (PyTorch: their length as drawn).
///
/// # Errors
/// Another layer than a linear one or a convolution.
///
/// # Source
/// Salimans and Kingma, "Weight normalization", 2016 (arXiv:1602.07868).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightNorm {
    /// The layer, whose other parameters keep their names.
    pub layer: Box<AnyLayer>,
}

impl WeightNorm {
    /// This layer with its weights by length and direction.
    pub fn new(layer: impl Into<AnyLayer>) -> Self {
        WeightNorm { layer: Box::new(layer.into()) }
    }
}

impl Layer for WeightNorm {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        forward("weight_norm", &self.layer, Reparameterization::Norm, scope, x)
    }
}

/// A linear layer or convolution whose weight, as a matrix `[out, in · window]`, is divided by an estimate of its
/// largest singular value: `weight = weight_orig / (uᵀ weight_orig v)`.
///
/// The state `weight_u` `[out]` and `weight_v` `[in · window]` are estimates of the singular vectors. Each training
/// step makes one step of the power iteration, `u = W v / ‖W v‖`, then `v = Wᵀ u / ‖Wᵀ u‖`, through which no gradient
/// flows; in inference they are used as they are.
///
/// # Shape
/// Those of the layer; `weight_orig` has the shape of the weight in whose place it is.
///
/// # Start
/// `weight_orig` as the layer's weight; u and v have equal components (PyTorch: random, after 15 steps of the
/// iteration), so that the estimate is only good after some training steps.
///
/// # Errors
/// Another layer than a linear one or a convolution.
///
/// # Source
/// Miyato et al., "Spectral normalization for generative adversarial networks", 2018 (arXiv:1802.05957); the order of
/// the two halves of a step is that of `torch.nn.utils.parametrizations.spectral_norm`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpectralNorm {
    /// The layer, whose other parameters keep their names.
    pub layer: Box<AnyLayer>,
    /// The least length by which a vector is divided.
    pub epsilon: f64,
}

impl SpectralNorm {
    /// This layer with a weight of spectral norm 1; epsilon 1e-12, PyTorch's default.
    pub fn new(layer: impl Into<AnyLayer>) -> Self {
        SpectralNorm { layer: Box::new(layer.into()), epsilon: 1e-12 }
    }
}

impl Layer for SpectralNorm {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        if !(self.epsilon > 0.0 && self.epsilon.is_finite()) {
            return x.refuse("spectral_norm", format!("epsilon must be positive; it is {}", self.epsilon));
        }
        let weight = Reparameterization::Spectral { epsilon: self.epsilon };
        forward("spectral_norm", &self.layer, weight, scope, x)
    }
}
