//! What an example adds to the objective, as a function of its linear predictor, with slope and curvature.

/// The loss of a regression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Loss {
    /// `(y - η)² / 2`
    Squares,
    /// `ln(1 + e^η) - y η`, with y 0 or 1
    Logistic,
    /// `ln Σ e^ηₖ - η_y`
    Softmax { classes: usize },
    /// `e^η - y η`
    Poisson,
    /// `(σ + σ H((y - η) / σ)) / 2` with `H(z) = z²` up to ε and `2 ε |z| - ε²` beyond; σ is a parameter too
    Huber { epsilon: f64 },
    /// `(y - η)² / 2` up to δ and `δ |y - η| - δ² / 2` beyond
    FixedHuber { delta: f64 },
}

/// What a block of rows adds up to, apart from slopes and curvatures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    pub value: f64,
    /// The sum of the sizes of what the value is the sum of, which its rounding is measured by.
    pub size: f64,
    /// The slope with respect to σ.
    pub scale_slope: f64,
    /// The smallest margin by which a linear predictor is on the side of its class.
    pub margin: f64,
}

impl Tally {
    pub const NOTHING: Tally = Tally { value: 0.0, size: 0.0, scale_slope: 0.0, margin: f64::INFINITY };

    pub fn add(&mut self, other: &Tally) {
        self.value += other.value;
        self.size += other.size;
        self.scale_slope += other.scale_slope;
        self.margin = self.margin.min(other.margin);
    }
}

/// Slopes and curvatures of a block of rows: one stretch of `rows` numbers for each output, and one for each pair of
/// outputs `k <= l`.
#[derive(Default)]
pub(crate) struct Bends {
    pub slopes: Vec<f64>,
    pub curvatures: Vec<f64>,
    /// What stands beside the row in the Hessian for σ: `(y - η) / σ`.
    pub beside: Vec<f64>,
}

impl Loss {
    /// How many linear predictors an example has.
    pub fn outputs(self) -> usize {
        match self {
            Loss::Softmax { classes } => classes,
            _ => 1,
        }
    }

    /// Whether σ is estimated.
    pub fn has_scale(self) -> bool {
        matches!(self, Loss::Huber { .. })
    }

    /// Whether the curvature is the same everywhere.
    pub fn is_quadratic(self) -> bool {
        self == Loss::Squares
    }

    /// Whether residuals beyond some size have no curvature.
    pub fn is_flat_far_out(self) -> bool {
        matches!(self, Loss::Huber { .. } | Loss::FixedHuber { .. })
    }

    /// How many stretches of curvatures there are.
    pub fn pairs(self) -> usize {
        self.outputs() * (self.outputs() + 1) / 2
    }

    /// Evaluates `rows` examples with the linear predictors `eta` (one stretch for each output) and the shares
    /// `share(i)` of the total weight.
    #[inline]
    pub fn evaluate(
        self,
        rows: usize,
        eta: &[f64],
        targets: &[f64],
        share: impl Fn(usize) -> f64,
        scale: f64,
        bends: &mut Bends,
    ) -> Tally {
        bends.slopes.resize(rows * self.outputs(), 0.0);
        bends.curvatures.resize(rows * self.pairs(), 0.0);
        match self {
            Loss::Squares => single(rows, eta, targets, share, bends, |eta, y| {
                let rest = eta - y;
                let value = 0.5 * rest * rest;
                Point { value, size: value, slope: rest, curvature: 1.0, margin: f64::INFINITY }
            }),
            Loss::Logistic => single(rows, eta, targets, share, bends, logistic),
            Loss::Poisson => single(rows, eta, targets, share, bends, |eta, y| {
                let rate = eta.exp();
                let (value, size) = (rate - y * eta, rate + (y * eta).abs());
                Point { value, size, slope: rate - y, curvature: rate, margin: f64::INFINITY }
            }),
            Loss::FixedHuber { delta } => single(rows, eta, targets, share, bends, |eta, y| {
                let rest = eta - y;
                let (value, slope, curvature) = if rest.abs() <= delta {
                    (0.5 * rest * rest, rest, 1.0)
                } else {
                    (delta * (rest.abs() - 0.5 * delta), delta.copysign(rest), 0.0)
                };
                Point { value, size: value, slope, curvature, margin: f64::INFINITY }
            }),
            Loss::Huber { epsilon } => {
                bends.beside.resize(rows, 0.0);
                let mut scale_slope = 0.0;
                let mut beside = std::mem::take(&mut bends.beside);
                let mut at = 0;
                let mut tally = single(rows, eta, targets, &share, bends, |eta, y| {
                    let z = (y - eta) / scale;
                    let weight = share(at);
                    beside[at] = z;
                    at += 1;
                    let (value, slope, curvature, of_scale) = if z.abs() < epsilon {
                        (0.5 * scale * (1.0 + z * z), -z, 1.0 / scale, 0.5 * (1.0 - z * z))
                    } else {
                        let beyond = 2.0 * epsilon * z.abs() - epsilon * epsilon;
                        let of_scale = 0.5 * (1.0 - epsilon * epsilon);
                        (0.5 * scale * (1.0 + beyond), -epsilon.copysign(z), 0.0, of_scale)
                    };
                    scale_slope += weight * of_scale;
                    Point { value, size: value, slope, curvature, margin: f64::INFINITY }
                });
                bends.beside = beside;
                tally.scale_slope = scale_slope;
                if scale.is_nan() || scale <= 0.0 {
                    tally.value = f64::INFINITY;
                }
                tally
            }
            Loss::Softmax { classes } => softmax(rows, classes, eta, targets, share, bends),
        }
    }
}

struct Point {
    value: f64,
    size: f64,
    slope: f64,
    curvature: f64,
    margin: f64,
}

/// A loss of one linear predictor.
#[inline(always)]
fn single(
    rows: usize,
    eta: &[f64],
    targets: &[f64],
    share: impl Fn(usize) -> f64,
    bends: &mut Bends,
    mut loss: impl FnMut(f64, f64) -> Point,
) -> Tally {
    let mut tally = Tally::NOTHING;
    let (slopes, curvatures) = (&mut bends.slopes[..rows], &mut bends.curvatures[..rows]);
    for (i, ((&eta, &y), (slope, curvature))) in
        eta[..rows].iter().zip(targets).zip(slopes.iter_mut().zip(curvatures)).enumerate()
    {
        let (point, share) = (loss(eta, y), share(i));
        // An example without weight must not make a NaN of an infinity.
        if share == 0.0 {
            (*slope, *curvature) = (0.0, 0.0);
            continue;
        }
        tally.value += share * point.value;
        tally.size += share * point.size;
        tally.margin = tally.margin.min(point.margin);
        (*slope, *curvature) = (share * point.slope, share * point.curvature);
    }
    tally
}

/// `ln(1 + e^-m)` with the margin `m = η` for class 1 and `-η` for class 0, without overflow.
#[inline(always)]
fn logistic(eta: f64, y: f64) -> Point {
    let is_one = y > 0.5;
    let margin = if is_one { eta } else { -eta };
    let e = (-margin.abs()).exp();
    let share = 1.0 / (1.0 + e);
    // The probability of the other class.
    let wrong = if margin >= 0.0 { e * share } else { share };
    let value = (-margin).max(0.0) + e.ln_1p();
    Point {
        value,
        size: value,
        slope: if is_one { -wrong } else { wrong },
        curvature: e * share * share,
        margin,
    }
}

fn softmax(
    rows: usize,
    classes: usize,
    eta: &[f64],
    targets: &[f64],
    share: impl Fn(usize) -> f64,
    bends: &mut Bends,
) -> Tally {
    let mut tally = Tally::NOTHING;
    let mut p = vec![0.0; classes];
    for (i, &y) in targets[..rows].iter().enumerate() {
        let (weight, right) = (share(i), y as usize);
        if weight == 0.0 {
            (0..classes).for_each(|k| bends.slopes[k * rows + i] = 0.0);
            bends.curvatures.iter_mut().skip(i).step_by(rows).for_each(|c| *c = 0.0);
            continue;
        }
        let eta = |k: usize| eta[k * rows + i];
        let top = (0..classes).map(eta).fold(f64::NEG_INFINITY, f64::max);
        let mut sum = 0.0;
        for (k, p) in p.iter_mut().enumerate() {
            *p = (eta(k) - top).exp();
            sum += *p;
        }
        let other = (0..classes).filter(|&k| k != right).map(eta).fold(f64::NEG_INFINITY, f64::max);
        let value = sum.ln() + (top - eta(right));
        tally.value += weight * value;
        tally.size += weight * value;
        tally.margin = tally.margin.min(eta(right) - other);
        p.iter_mut().for_each(|p| *p /= sum);
        // 1 - p of the right class, as a sum: no digits are lost where p is nearly 1.
        let wrong: f64 = (0..classes).filter(|&k| k != right).map(|k| p[k]).sum();
        let rest = |k: usize| if k == right { wrong } else { 1.0 - p[k] };
        let mut pair = 0;
        for k in 0..classes {
            bends.slopes[k * rows + i] = weight * if k == right { -wrong } else { p[k] };
            for l in k..classes {
                let curvature = if k == l { p[k] * rest(k) } else { -p[k] * p[l] };
                bends.curvatures[pair * rows + i] = weight * curvature;
                pair += 1;
            }
        }
    }
    tally
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Slopes and curvatures by differences of values and slopes.
    #[test]
    fn slopes_and_curvatures_are_derivatives() {
        let losses = [
            Loss::Squares,
            Loss::Logistic,
            Loss::Poisson,
            Loss::FixedHuber { delta: 0.75 },
            Loss::Huber { epsilon: 1.35 },
            Loss::Softmax { classes: 3 },
        ];
        for loss in losses {
            let outputs = loss.outputs();
            let at = |eta: &[f64], y: f64, scale: f64| {
                let mut bends = Bends::default();
                let tally = loss.evaluate(1, eta, &[y], |_| 1.5, scale, &mut bends);
                (tally, bends)
            };
            for (eta, y) in [([0.3, -0.4, 1.1], 1.0), ([-2.0, 0.2, 0.9], 0.0), ([1.9, -1.0, 0.0], 1.0)] {
                let (h, scale) = (1e-5, 0.8);
                let (tally, bends) = at(&eta[..outputs], y, scale);
                let mut pair = 0;
                for k in 0..outputs {
                    let moved = |by: f64| {
                        let mut eta = eta;
                        eta[k] += by;
                        at(&eta[..outputs], y, scale)
                    };
                    let (up, down) = (moved(h), moved(-h));
                    let slope = (up.0.value - down.0.value) / (2.0 * h);
                    assert!((slope - bends.slopes[k]).abs() < 1e-8, "{loss:?}: {slope} {:?}", bends.slopes);
                    for l in k..outputs {
                        let curvature = (up.1.slopes[l] - down.1.slopes[l]) / (2.0 * h);
                        assert!((curvature - bends.curvatures[pair]).abs() < 1e-8, "{loss:?} at {eta:?}");
                        pair += 1;
                    }
                }
                if loss.has_scale() {
                    let (up, down) = (at(&eta[..1], y, scale + h), at(&eta[..1], y, scale - h));
                    let slope = (up.0.value - down.0.value) / (2.0 * h);
                    assert!((slope - tally.scale_slope).abs() < 1e-8, "{slope} and {}", tally.scale_slope);
                    let mixed = (up.1.slopes[0] - down.1.slopes[0]) / (2.0 * h);
                    assert!((mixed - bends.curvatures[0] * bends.beside[0]).abs() < 1e-8);
                }
            }
        }
    }

    #[test]
    fn far_predictors_neither_overflow_nor_lose_the_slope() {
        for (eta, y, value) in
            [(800.0, 1.0, 0.0), (-800.0, 1.0, 800.0), (1e4, 0.0, 1e4), (-40.0, 0.0, 4.2e-18)]
        {
            let mut bends = Bends::default();
            let tally = Loss::Logistic.evaluate(1, &[eta], &[y], |_| 1.0, 1.0, &mut bends);
            assert!((tally.value - value).abs() <= 0.02 * value, "{eta}: {}", tally.value);
            assert!(bends.slopes[0].abs() <= 1.0 && bends.curvatures[0] >= 0.0);
        }
        let mut bends = Bends::default();
        let loss = Loss::Softmax { classes: 3 };
        let tally = loss.evaluate(1, &[1e4, 0.0, -1e4], &[2.0], |_| 1.0, 1.0, &mut bends);
        assert_eq!((tally.value, tally.margin), (2e4, -2e4));
        assert!(bends.slopes.iter().all(|slope| slope.is_finite()));
    }
}
