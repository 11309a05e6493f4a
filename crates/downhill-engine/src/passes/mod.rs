//! What is done with a graph before it becomes a plan: each pass leaves its meaning as it was.

mod chain;
mod common_subexpressions;
mod fold_constants;
mod join_pads;
mod join_products;
mod parts;
mod placement;
mod simplify;

pub(crate) use placement::{Lifetime, place};

use crate::graph::Graph;
use downhill_autograd::Precision;

/// All passes, in order. What they leave unused is not computed: lowering walks back from what is delivered.
pub(crate) fn run<T: Precision>(graph: &mut Graph<T>) {
    fold_constants::run(graph);
    simplify::run(graph);
    join_pads::run(graph);
    parts::run(graph);
    join_products::run(graph);
    common_subexpressions::run(graph);
}
