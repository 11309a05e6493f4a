//! The objective in the coordinates in which it is minimized.
//!
//! # Coordinates
//! Column `j` becomes `z = (x - x̄ⱼ) / tⱼ`, with `x̄ⱼ` its mean where there is an intercept and 0 else, and `tⱼ² = sⱼ² +
//! α πⱼ`, with `sⱼ²` the mean square of `x - x̄ⱼ` and `α πⱼ` the l2 penalty on the coefficient. The Hessian of squares has
//! ones on its diagonal then, whatever the units and whatever the penalty. A column that never changes has the factor 0
//! and a penalty of its own, so that its coefficient is 0.

use super::RegressionError;
use super::examples::Examples;
use super::loss::{Bends, Loss, Tally};
use super::options::FitOptions;
use super::stream::{Block, Frame, each_block, padded};
use crate::Result;
use downhill_tensor::kernels::matmul::{Product, Strides2, Update, matmul, matmul_scratch_len};

/// The strength of the penalties on the coefficients `β`: `l1 ‖β‖₁ + l2/2 ‖β‖²`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Penalty {
    pub l1: f64,
    pub l2: f64,
}

/// How much to compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    Gradient,
    Hessian,
}

/// The smooth part of the objective at a point.
#[derive(Clone, Debug)]
pub(crate) struct Evaluated {
    pub value: f64,
    pub gradient: Vec<f64>,
    /// Row-major, symmetric, and regular along directions that change no prediction of a softmax; empty if it was not
    /// asked for.
    pub hessian: Vec<f64>,
    pub margin: f64,
    /// How much of the value may be rounding.
    pub rounding: f64,
}

/// An objective and its data.
pub(crate) struct Problem<'a> {
    pub examples: &'a Examples<'a>,
    pub frame: Frame,
    pub loss: Loss,
    /// For each column.
    pub l2: Vec<f64>,
    /// For each column.
    pub l1: Vec<f64>,
    /// Columns that take no part: their factor is 0.
    pub left_out: Vec<bool>,
    /// Whether an l2 penalty makes the objective strongly convex in the coefficients.
    pub penalized: bool,
    pub threads: usize,
    pub total: f64,
    /// What the gradient is held against.
    pub unit: f64,
    /// The standard deviation of the targets; 1 where there is none.
    pub spread: f64,
}

impl<'a> Problem<'a> {
    /// The problem of this loss and penalty.
    pub fn new(
        examples: &'a Examples<'a>,
        loss: Loss,
        penalty: Penalty,
        options: &FitOptions,
    ) -> Result<Self> {
        let columns = examples.columns;
        if columns == 0 && !options.intercept {
            return Err(RegressionError::Empty { examples: examples.len(), columns }.into());
        }
        let threads = options.threads();
        let moments = Moments::of(examples, options.intercept, threads);
        let mut problem = Problem {
            examples,
            frame: Frame::plain(columns, options.intercept),
            loss,
            l2: vec![0.0; columns],
            l1: vec![0.0; columns],
            left_out: vec![false; columns],
            penalized: penalty.l2 > 0.0,
            threads,
            total: examples.total_weight(),
            unit: unit(examples, loss),
            spread: spread(examples),
        };
        for j in 0..columns {
            let weight = if options.standardize { moments.deviations[j] } else { 1.0 };
            let l2 = penalty.l2.sqrt() * weight;
            let scale = moments.roots[j].hypot(l2);
            // What never changes, or what nothing but the penalty would be left of.
            if moments.roots[j] == 0.0 || !(scale > 0.0 && (1.0 / scale).is_finite()) {
                problem.leave_out(j);
                continue;
            }
            problem.frame.centre[j] = moments.centres[j];
            problem.frame.factor[j] = 1.0 / scale;
            problem.l2[j] = (l2 / scale).powi(2);
            problem.l1[j] = penalty.l1 * weight / scale;
        }
        Ok(problem)
    }

    /// Takes a column out of the design: its coefficient will be 0.
    pub fn leave_out(&mut self, column: usize) {
        self.frame.factor[column] = 0.0;
        self.l2[column] = 1.0;
        self.l1[column] = 0.0;
        self.left_out[column] = true;
    }

    /// The columns of the design, with that of ones.
    pub fn width(&self) -> usize {
        self.frame.width()
    }

    /// The number of parameters: for each output one for each column of the design, and perhaps σ.
    pub fn dimension(&self) -> usize {
        self.loss.outputs() * self.width() + usize::from(self.loss.has_scale())
    }

    /// Where it begins: coefficients of 0 and the constants that fit best beside them.
    pub fn start(&self) -> Vec<f64> {
        let (examples, width) = (self.examples, self.width());
        let mut start = vec![0.0; self.dimension()];
        if self.frame.intercept {
            match self.loss {
                Loss::Logistic => {
                    let share = examples.mean(|y| y);
                    start[width - 1] = (share / (1.0 - share)).ln();
                }
                Loss::Softmax { classes } => {
                    let logs: Vec<f64> = (0..classes)
                        .map(|k| examples.mean(|y| f64::from(u8::from(y as usize == k))).ln())
                        .collect();
                    let mean = logs.iter().sum::<f64>() / classes as f64;
                    logs.iter().enumerate().for_each(|(k, log)| start[(k + 1) * width - 1] = log - mean);
                }
                Loss::Poisson => start[width - 1] = examples.mean(|y| y).ln(),
                Loss::Squares | Loss::Huber { .. } | Loss::FixedHuber { .. } => {
                    start[width - 1] = examples.mean(|y| y);
                }
            }
        }
        if self.loss.has_scale() {
            start[self.dimension() - 1] = self.spread;
        }
        start
    }

    /// The smooth part of the objective at a point, in one pass over the rows.
    pub fn evaluate(&self, point: &[f64], want: Want) -> Evaluated {
        let (width, outputs, dimension) = (self.width(), self.loss.outputs(), self.dimension());
        let hessian_len = if want == Want::Hessian { dimension * dimension } else { 0 };
        let padded = self.of_outputs(point);
        let scale = self.scale(point);
        let stride = self.frame.stride();
        let chunks = each_block(
            self.examples.rows,
            self.examples.len(),
            &self.frame,
            self.threads,
            hessian_len,
            || Sums {
                tally: Tally::NOTHING,
                gradient: vec![0.0; outputs * stride],
                hessian: vec![0.0; hessian_len],
                eta: Vec::new(),
                bends: Bends::default(),
                room: Vec::new(),
                scratch: Vec::new(),
            },
            |sums, block| self.add(block, &padded, scale, want, sums),
        );
        let mut tally = Tally::NOTHING;
        let mut gradient = vec![0.0; dimension];
        let mut hessian = vec![0.0; hessian_len];
        for chunk in &chunks {
            tally.add(&chunk.tally);
            for k in 0..outputs {
                let part = &chunk.gradient[k * stride..k * stride + width];
                gradient[k * width..(k + 1) * width].iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
            }
            hessian.iter_mut().zip(&chunk.hessian).for_each(|(sum, x)| *sum += x);
        }
        if self.loss.has_scale() {
            gradient[dimension - 1] = tally.scale_slope;
        }
        // Only the upper triangle was computed.
        for row in 0..dimension.min(hessian_len) {
            for column in 0..row {
                hessian[row * dimension + column] = hessian[column * dimension + row];
            }
        }
        let (mut value, mut size) = (tally.value, tally.size);
        for k in 0..outputs {
            for (j, &l2) in self.l2.iter().enumerate() {
                let at = k * width + j;
                let penalty = 0.5 * l2 * point[at] * point[at];
                value += penalty;
                size += penalty;
                gradient[at] += l2 * point[at];
                if want == Want::Hessian {
                    hessian[at * dimension + at] += l2;
                }
            }
        }
        self.fix_gauge(&mut hessian);
        Evaluated { value, gradient, hessian, margin: tally.margin, rounding: 64.0 * f64::EPSILON * size }
    }

    /// Adds what a block of rows has.
    fn add(&self, block: &Block<'_>, parameters: &[Vec<f64>], scale: f64, want: Want, sums: &mut Sums) {
        let (rows, outputs) = (block.rows, self.loss.outputs());
        let tally = self.bend(block, parameters, scale, &mut sums.eta, &mut sums.bends);
        sums.tally.add(&tally);
        for k in 0..outputs {
            let slopes = &sums.bends.slopes[k * rows..(k + 1) * rows];
            block.add_weighted_rows(slopes, &mut sums.gradient[k * block.stride..(k + 1) * block.stride]);
        }
        if want == Want::Hessian {
            self.add_curvature(block, sums);
        }
    }

    /// The parameters of each output, padded.
    fn of_outputs(&self, point: &[f64]) -> Vec<Vec<f64>> {
        let width = self.width();
        (0..self.loss.outputs()).map(|k| padded(&point[k * width..(k + 1) * width], &self.frame)).collect()
    }

    /// σ, where it is a parameter; 1 else.
    pub fn scale(&self, point: &[f64]) -> f64 {
        if self.loss.has_scale() { point[self.dimension() - 1] } else { 1.0 }
    }

    /// The linear predictors of a block, and the loss there.
    fn bend(
        &self,
        block: &Block<'_>,
        parameters: &[Vec<f64>],
        scale: f64,
        eta: &mut Vec<f64>,
        bends: &mut Bends,
    ) -> Tally {
        let rows = block.rows;
        eta.resize(rows * parameters.len(), 0.0);
        for (k, parameters) in parameters.iter().enumerate() {
            block.product(parameters, &mut eta[k * rows..(k + 1) * rows]);
        }
        let targets = &self.examples.targets[block.first..block.first + rows];
        let share = 1.0 / self.total;
        match self.examples.weights {
            None => self.loss.evaluate(rows, eta, targets, |_| share, scale, bends),
            Some(weights) => {
                let weights = &weights[block.first..];
                self.loss.evaluate(rows, eta, targets, |i| weights[i] * share, scale, bends)
            }
        }
    }

    /// The product of the Hessian at a point and a vector, in one pass over the rows.
    pub fn hessian_product(&self, point: &[f64], direction: &[f64]) -> Vec<f64> {
        let (width, outputs, stride) = (self.width(), self.loss.outputs(), self.frame.stride());
        let (parameters, along) = (self.of_outputs(point), self.of_outputs(direction));
        let scale = self.scale(point);
        let along_scale = if self.loss.has_scale() { direction[self.dimension() - 1] } else { 0.0 };
        let chunks = each_block(
            self.examples.rows,
            self.examples.len(),
            &self.frame,
            self.threads,
            outputs * stride,
            || (vec![0.0; outputs * stride], 0.0, Vec::new(), Bends::default()),
            |(sums, of_scale, eta, bends), block| {
                let rows = block.rows;
                self.bend(block, &parameters, scale, eta, bends);
                let mut change = vec![0.0; rows * outputs];
                for (k, along) in along.iter().enumerate() {
                    block.product(along, &mut change[k * rows..(k + 1) * rows]);
                }
                if self.loss.has_scale() {
                    change.iter_mut().zip(&bends.beside).for_each(|(c, beside)| *c += beside * along_scale);
                }
                let mut bent = vec![0.0; rows * outputs];
                let mut pair = 0;
                for k in 0..outputs {
                    for l in k..outputs {
                        for i in 0..rows {
                            let curvature = bends.curvatures[pair * rows + i];
                            bent[k * rows + i] += curvature * change[l * rows + i];
                            if l > k {
                                bent[l * rows + i] += curvature * change[k * rows + i];
                            }
                        }
                        pair += 1;
                    }
                }
                for k in 0..outputs {
                    let sums = &mut sums[k * stride..(k + 1) * stride];
                    block.add_weighted_rows(&bent[k * rows..(k + 1) * rows], sums);
                }
                if self.loss.has_scale() {
                    *of_scale += bent.iter().zip(&bends.beside).map(|(b, beside)| b * beside).sum::<f64>();
                }
            },
        );
        let mut product = vec![0.0; self.dimension()];
        for (sums, of_scale, ..) in &chunks {
            for k in 0..outputs {
                let part = &sums[k * stride..k * stride + width];
                product[k * width..(k + 1) * width].iter_mut().zip(part).for_each(|(p, x)| *p += x);
            }
            if self.loss.has_scale() {
                product[self.dimension() - 1] += of_scale;
            }
        }
        for k in 0..outputs {
            for (j, l2) in self.l2.iter().enumerate() {
                product[k * width + j] += l2 * direction[k * width + j];
            }
        }
        product
    }

    /// Adds `Zᵀ diag(curvature) Z` for each pair of outputs.
    fn add_curvature(&self, block: &Block<'_>, sums: &mut Sums) {
        let (rows, width, dimension) = (block.rows, self.width(), self.dimension());
        let Sums { hessian, bends, room, scratch, .. } = sums;
        // With σ, the design has one more column.
        let beside = usize::from(self.loss.has_scale());
        let (stride, width) = (block.stride + beside, width + beside);
        room.resize(rows * stride * (1 + beside), 0.0);
        let (scaled, wider) = room.split_at_mut(rows * stride);
        let z = if beside == 1 {
            for (i, row) in wider.chunks_exact_mut(stride).enumerate() {
                row[..width - 1].copy_from_slice(&block.z[i * block.stride..][..width - 1]);
                row[width - 1] = bends.beside[i];
            }
            &*wider
        } else {
            block.z
        };
        let product = Product {
            m: width,
            n: width,
            k: rows,
            a: Strides2 { row: 1, column: stride },
            b: Strides2::row_major(stride),
            c_row_stride: dimension,
        };
        scratch.resize(matmul_scratch_len::<f64>(&product), 0.0);
        let mut pair = 0;
        for k in 0..self.loss.outputs() {
            for l in k..self.loss.outputs() {
                let curvatures = &bends.curvatures[pair * rows..(pair + 1) * rows];
                pair += 1;
                for ((to, from), c) in
                    scaled.chunks_exact_mut(stride).zip(z.chunks_exact(stride)).zip(curvatures)
                {
                    to.iter_mut().zip(from).for_each(|(to, from)| *to = c * from);
                }
                let c = &mut hessian[k * width * dimension + l * width..];
                matmul(&product, 0..width, 0..width, z, scaled, c, Update::ADD, scratch);
            }
        }
    }

    /// Adds nothing, but says by how much each example's linear predictors change along a direction: the smallest
    /// and the largest change in its favour. See [`super::separation`].
    pub fn along<S: Send>(
        &self,
        direction: &[f64],
        new: impl Fn() -> S + Sync,
        visit: impl Fn(&mut S, usize, &[f64]) + Sync,
    ) -> Vec<S> {
        let outputs = self.loss.outputs();
        let padded = self.of_outputs(direction);
        each_block(
            self.examples.rows,
            self.examples.len(),
            &self.frame,
            self.threads,
            1,
            &new,
            |state, block| {
                let mut eta = vec![0.0; block.rows * outputs];
                for (k, parameters) in padded.iter().enumerate() {
                    block.product(parameters, &mut eta[k * block.rows..(k + 1) * block.rows]);
                }
                let mut of_row = vec![0.0; outputs];
                for i in 0..block.rows {
                    (0..outputs).for_each(|k| of_row[k] = eta[k * block.rows + i]);
                    visit(state, block.first + i, &of_row);
                }
            },
        )
    }

    /// Makes the Hessian of a softmax regular: moving a column's coefficients of all classes by the same number changes
    /// no probability, so that a curvature added along it changes neither steps nor proofs.
    fn fix_gauge(&self, hessian: &mut [f64]) {
        let (width, classes, dimension) = (self.width(), self.loss.outputs(), self.dimension());
        if classes == 1 || hessian.is_empty() {
            return;
        }
        for j in 0..width {
            if self.l2.get(j).copied().unwrap_or(0.0) > 0.0 {
                continue;
            }
            for k in 0..classes {
                for l in 0..classes {
                    hessian[(k * width + j) * dimension + l * width + j] += 1.0 / classes as f64;
                }
            }
        }
    }

    /// Coefficients `[outputs, columns]` and intercepts in the units of the data.
    pub fn in_units(&self, point: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (width, columns) = (self.width(), self.examples.columns);
        let mut coefficients = Vec::with_capacity(self.loss.outputs() * columns);
        let mut intercepts = Vec::new();
        for k in 0..self.loss.outputs() {
            let part = &point[k * width..(k + 1) * width];
            let own: Vec<f64> = (0..columns).map(|j| part[j] * self.frame.factor[j]).collect();
            let moved: f64 = own.iter().zip(&self.frame.centre).map(|(b, centre)| b * centre).sum();
            intercepts.push(if self.frame.intercept { part[columns] - moved } else { 0.0 });
            coefficients.extend(own);
        }
        (coefficients, intercepts)
    }
}

/// What a chunk of rows adds up to, and room to compute it in.
struct Sums {
    tally: Tally,
    gradient: Vec<f64>,
    hessian: Vec<f64>,
    eta: Vec<f64>,
    bends: Bends,
    room: Vec<f64>,
    scratch: Vec<f64>,
}

/// What a gradient of a linear predictor is measured in.
fn unit(examples: &Examples<'_>, loss: Loss) -> f64 {
    match loss {
        Loss::Squares => spread(examples),
        Loss::FixedHuber { delta } => spread(examples).min(delta),
        Loss::Poisson => examples.mean(|y| y),
        Loss::Logistic | Loss::Softmax { .. } | Loss::Huber { .. } => 1.0,
    }
}

fn spread(examples: &Examples<'_>) -> f64 {
    let mean = examples.mean(|y| y);
    let spread = examples.mean(|y| (y - mean).powi(2)).sqrt();
    if spread > 0.0 { spread } else { 1.0 }
}

/// Means and deviations of the columns.
struct Moments {
    /// Means where they are taken off, 0 else.
    centres: Vec<f64>,
    /// Roots of the mean squares of what is left.
    roots: Vec<f64>,
    /// Standard deviations around the mean; exactly 0 for a column that never changes.
    deviations: Vec<f64>,
}

impl Moments {
    fn of(examples: &Examples<'_>, centred: bool, threads: usize) -> Self {
        struct Extent {
            sums: Vec<f64>,
            low: Vec<f64>,
            high: Vec<f64>,
        }
        let columns = examples.columns;
        let total = examples.total_weight();
        let shares = |block: &Block<'_>| -> Vec<f64> {
            (block.first..block.first + block.rows).map(|row| examples.weight(row) / total).collect()
        };
        let mut frame = Frame::plain(columns, false);
        // Counted from the first row, so that little is lost of columns that lie far from 0.
        let first = first_row(examples);
        frame.centre.copy_from_slice(&first);
        let stride = frame.stride();
        let extents = each_block(
            examples.rows,
            examples.len(),
            &frame,
            threads,
            3 * columns,
            || Extent { sums: vec![0.0; stride], low: vec![0.0; stride], high: vec![0.0; stride] },
            |extent, block| {
                block.add_weighted_rows(&shares(block), &mut extent.sums);
                for row in block.z.chunks_exact(stride) {
                    for (low, &z) in extent.low.iter_mut().zip(row) {
                        *low = if z < *low { z } else { *low };
                    }
                    for (high, &z) in extent.high.iter_mut().zip(row) {
                        *high = if z > *high { z } else { *high };
                    }
                }
            },
        );
        let varies: Vec<bool> =
            (0..columns).map(|j| extents.iter().any(|e| e.low[j] < 0.0 || e.high[j] > 0.0)).collect();
        let means: Vec<f64> =
            (0..columns).map(|j| first[j] + extents.iter().map(|e| e.sums[j]).sum::<f64>()).collect();
        frame.centre.copy_from_slice(&means);
        let squares = each_block(
            examples.rows,
            examples.len(),
            &frame,
            threads,
            columns,
            || vec![0.0; stride],
            |sums: &mut Vec<f64>, block| {
                for (row, share) in block.z.chunks_exact(stride).zip(shares(block)) {
                    sums.iter_mut().zip(row).for_each(|(sum, z)| *sum += share * z * z);
                }
            },
        );
        let deviations: Vec<f64> = (0..columns)
            .map(|j| {
                let deviation = squares.iter().map(|s| s[j]).sum::<f64>().sqrt();
                // The same number in all rows that count leaves nothing but rounding.
                let rounding = 8.0 * f64::EPSILON * means[j].abs().max(first[j].abs());
                if varies[j] && deviation > rounding { deviation } else { 0.0 }
            })
            .collect();
        let (centres, roots) = if centred {
            (means, deviations.clone())
        } else {
            (vec![0.0; columns], (0..columns).map(|j| means[j].hypot(deviations[j])).collect())
        };
        Moments { centres, roots, deviations }
    }
}

fn first_row(examples: &Examples<'_>) -> Vec<f64> {
    use super::examples::Rows;
    match examples.rows {
        Rows::F32(x) => x[..examples.columns].iter().map(|&x| f64::from(x)).collect(),
        Rows::F64(x) => x[..examples.columns].to_vec(),
    }
}
