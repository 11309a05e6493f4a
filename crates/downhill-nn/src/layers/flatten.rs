//! Images and sequences as rows of features.

use crate::{Layer, Scope};
use downhill_autograd::Var;
use serde::{Deserialize, Serialize};

/// All axes behind the batch joined into one, in row-major order.
///
/// # Shape
/// `[n, ..]` gives `[n, product of the others]`; `[n]` gives `[n, 1]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flatten {}

impl Layer for Flatten {
    fn forward<'t>(&self, _: &Scope<'t>, x: Var<'t>) -> Var<'t> {
        x.flatten_from(1)
    }
}
