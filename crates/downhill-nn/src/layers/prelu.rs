//! The rectifier with a learned slope.

use super::conv2d::along_channels;
use crate::{Init, Layer, Scope};
use downhill_autograd::Var;
use serde::{Deserialize, Serialize};

/// x where x > 0, `weight` x elsewhere, with one learned slope for all or one for each channel.
///
/// # Shape
/// Any; with `per_channel`, `[n, channels, ..]`. The result has the same. `weight` is `[1]` or `[channels]`.
///
/// # Start
/// 0.25, as PyTorch's.
///
/// # Source
/// He et al., "Delving deep into rectifiers", 2015 (arXiv:1502.01852).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PRelu {
    /// Whether each channel has a slope of its own.
    pub per_channel: bool,
}

impl Layer for PRelu {
    fn forward<'t>(&self, scope: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        if self.per_channel && x.rank() < 2 {
            return x.refuse("prelu", "with slopes for channels the input must be [n, channels, ..]");
        }
        let init = Init::Constant(0.25);
        let slope = if self.per_channel {
            along_channels(x, scope.param("weight", [x.dim(1)], init))
        } else {
            scope.param("weight", [1], init).squeeze(0)
        };
        x.gt(x.tape().scalar(0.0)).select(x, slope * x)
    }
}
