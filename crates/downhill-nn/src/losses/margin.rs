//! Losses that ask for a margin: hinges, rankings, and distances between embeddings.

use super::{aligned, refuse};
use downhill_autograd::{Kind, Var};

/// 1 and -1 for yes and no, in the shape of the output.
#[track_caller]
fn signs<'t>(loss: &str, output: Var<'t>, target: Var<'t>) -> Var<'t> {
    match target.ty().kind {
        Kind::Float => aligned(loss, output, target),
        // The number itself, checked to be 0 or 1.
        Kind::Index => aligned(loss, output, target.one_hot(2).select_at(-1, 1)) * 2.0 - 1.0,
    }
}

/// The hinge loss of each element: see [`hinge`].
#[track_caller]
pub fn hinge_elements<'t>(output: Var<'t>, target: Var<'t>) -> Var<'t> {
    (1.0 - signs("hinge", output, target) * output).relu()
}

/// The mean hinge loss, the loss of support vector machines: the mean of `max(0, 1 - t y)` for targets t of 1 and
/// -1; derivative 0 at the edge.
///
/// # Shape
/// Output and target alike (a target may leave out a last axis of length 1). The target is 1 and -1, or whole
/// numbers 1 and 0 for the same.
///
/// # Source
/// Cortes and Vapnik, "Support-vector networks", Machine Learning 20, 1995; as in Keras.
#[track_caller]
pub fn hinge<'t>(output: Var<'t>, target: Var<'t>) -> Var<'t> {
    hinge_elements(output, target).mean()
}

/// The squared hinge loss of each element: see [`squared_hinge`].
#[track_caller]
pub fn squared_hinge_elements<'t>(output: Var<'t>, target: Var<'t>) -> Var<'t> {
    (1.0 - signs("squared_hinge", output, target) * output).relu().square()
}

/// The mean of `max(0, 1 - t y)²`: a [`hinge`] without a corner.
///
/// # Shape
/// As [`hinge`].
#[track_caller]
pub fn squared_hinge<'t>(output: Var<'t>, target: Var<'t>) -> Var<'t> {
    squared_hinge_elements(output, target).mean()
}

/// The ranking loss of each pair: `max(0, -t (first - second) + margin)`, where t is 1 if the first should be the
/// larger and -1 if the second should; derivative 0 at the edge. PyTorch's default margin is 0.
///
/// # Shape
/// All three alike.
///
/// # Source
/// PyTorch, `torch.nn.MarginRankingLoss`.
#[track_caller]
pub fn margin_ranking_elements<'t>(first: Var<'t>, second: Var<'t>, target: Var<'t>, margin: f64) -> Var<'t> {
    let second = aligned("margin_ranking", first, second);
    let target = signs("margin_ranking", first, target);
    (margin - target * (first - second)).relu()
}

/// The mean of [`margin_ranking_elements`].
#[track_caller]
pub fn margin_ranking<'t>(first: Var<'t>, second: Var<'t>, target: Var<'t>, margin: f64) -> Var<'t> {
    margin_ranking_elements(first, second, target, margin).mean()
}

/// The loss of each pair of vectors by the cosine c of the angle between them: `1 - c` where they should be alike
/// (t = 1), `max(0, c - margin)` where they should not (t = -1). PyTorch's default margin is 0. 1e-12 is added to
/// both squared lengths, so that a vector of zeros has the cosine 0.
///
/// # Shape
/// Vectors `[.., width]`, both alike; target `[..]`, 1 and -1, or whole numbers 1 and 0.
///
/// # Source
/// PyTorch, `torch.nn.CosineEmbeddingLoss`.
#[track_caller]
pub fn cosine_embedding_elements<'t>(
    first: Var<'t>,
    second: Var<'t>,
    target: Var<'t>,
    margin: f64,
) -> Var<'t> {
    if first.shape() != second.shape() || first.rank() == 0 {
        return refuse("cosine_embedding", first, second, "both must be vectors [.., width] of one shape");
    }
    let product = (first * second).sum_over(&[-1]);
    // The root of each, not of the product, which would overflow earlier.
    let length = |vector: Var<'t>| (vector.square().sum_over(&[-1]) + 1e-12).sqrt();
    let cosine = product / (length(first) * length(second));
    let alike = signs("cosine_embedding", cosine, target).gt(target.tape().scalar(0.0));
    alike.select(1.0 - cosine, (cosine - margin).relu())
}

/// The mean of [`cosine_embedding_elements`].
#[track_caller]
pub fn cosine_embedding<'t>(first: Var<'t>, second: Var<'t>, target: Var<'t>, margin: f64) -> Var<'t> {
    cosine_embedding_elements(first, second, target, margin).mean()
}

/// The options of [`triplet_margin`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TripletMargin {
    /// By how much farther the negative should be than the positive.
    pub margin: f64,
    /// Of which norm the distances are: `(Σ |x|ᵖ)^(1/p)`; at least 1.
    pub p: f64,
    /// Whether the negative's distance is the smaller one of those from the anchor and from the positive.
    pub swap: bool,
}

impl Default for TripletMargin {
    /// PyTorch's: margin 1, p = 2, no swap.
    fn default() -> Self {
        TripletMargin { margin: 1.0, p: 2.0, swap: false }
    }
}

/// The loss of each triplet: `max(0, d(anchor, positive) - d(anchor, negative) + margin)`, where d is the norm of
/// the difference, to each component of which 1e-6 is added.
///
/// # Shape
/// Vectors `[.., width]`, all alike, give `[..]`.
///
/// # Source
/// Balntas et al., "Learning local feature descriptors with triplets", BMVC 2016; PyTorch,
/// `torch.nn.TripletMarginLoss`.
#[track_caller]
pub fn triplet_margin_elements<'t>(
    anchor: Var<'t>,
    positive: Var<'t>,
    negative: Var<'t>,
    options: TripletMargin,
) -> Var<'t> {
    let TripletMargin { margin, p, swap } = options;
    if anchor.rank() == 0 || anchor.shape() != positive.shape() || anchor.shape() != negative.shape() {
        let other = if anchor.shape() == positive.shape() { negative } else { positive };
        return refuse("triplet_margin", anchor, other, "all three must be vectors [.., width] of one shape");
    }
    if !(p >= 1.0 && p.is_finite() && margin.is_finite()) {
        let reason = format!("p must be at least 1 and the margin finite; they are {p} and {margin}");
        return refuse("triplet_margin", anchor, positive, &reason);
    }
    let distance = |a: Var<'t>, b: Var<'t>| {
        let difference = a - b + 1e-6;
        match p {
            1.0 => difference.abs().sum_over(&[-1]),
            2.0 => difference.square().sum_over(&[-1]).sqrt(),
            _ => difference.abs().powf(p).sum_over(&[-1]).powf(1.0 / p),
        }
    };
    let far = distance(anchor, negative);
    let far = if swap { far.minimum(distance(positive, negative)) } else { far };
    (distance(anchor, positive) - far + margin).relu()
}

/// The mean of [`triplet_margin_elements`].
#[track_caller]
pub fn triplet_margin<'t>(
    anchor: Var<'t>,
    positive: Var<'t>,
    negative: Var<'t>,
    options: TripletMargin,
) -> Var<'t> {
    triplet_margin_elements(anchor, positive, negative, options).mean()
}
