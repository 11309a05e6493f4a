//! The model of the Hessian of L-BFGS as a matrix of low rank, as methods for bounds need it.

use super::history::History;
use super::small_matrix::Factors;
use super::vectors::dot;
use super::walk::Walk;
use downhill_tensor::Float;

/// The compact form of the L-BFGS matrix,
///
/// ```text
/// B = θ I - W M Wᵀ,    W = [Y  θ S],    M = K⁻¹,    K = [-D  Lᵀ; L  θ SᵀS]
/// ```
///
/// with the steps S, the changes of the gradient Y, θ = y·y / s·y of the newest pair, D the diagonal and L the part
/// below the diagonal of SᵀY. Each pair is scaled so that s·y = 1, which changes nothing in B and keeps K in balance.
///
/// # Source
/// R. Byrd, J. Nocedal, R. Schnabel, *Representations of quasi-Newton matrices and their use in limited memory
/// methods*, Mathematical Programming 63 (1994).
#[derive(Clone, Debug)]
pub(super) struct Compact<T> {
    history: History<T>,
    memory: usize,
    /// `s·y` and `s·s` of all pairs of places.
    step_change: Vec<f64>,
    step_step: Vec<f64>,
    /// `1 / sqrt(s·y)` of each place.
    weights: Vec<f64>,
    middle: Factors,
    /// Memory for [`reduced`](Self::reduced).
    inner: Vec<f64>,
    reduced: Factors,
}

impl<T: Float> Compact<T> {
    pub fn new(memory: usize, variables: usize) -> Self {
        Compact {
            history: History::new(memory, variables),
            memory,
            step_change: vec![0.0; memory * memory],
            step_step: vec![0.0; memory * memory],
            weights: vec![0.0; memory],
            middle: Factors::with_capacity(2 * memory),
            inner: vec![0.0; 4 * memory * memory],
            reduced: Factors::with_capacity(2 * memory),
        }
    }

    /// θ.
    pub fn scale(&self) -> f64 {
        self.history.scale
    }

    /// The number of columns of W.
    pub fn rank(&self) -> usize {
        2 * self.history.len()
    }

    /// Takes in the step that the walk has just made. Where the matrix becomes singular, all pairs are forgotten.
    pub fn push(&mut self, walk: &Walk<T>) {
        let Some(place) = self.history.push(walk) else {
            // A pair may have been lost.
            self.factor();
            return;
        };
        let (step, change) = (self.history.step(place), self.history.change(place));
        for age in 0..self.history.len() {
            let other = self.history.place(age);
            self.step_change[place * self.memory + other] = dot(step, self.history.change(other));
            self.step_change[other * self.memory + place] = dot(self.history.step(other), change);
            let square = dot(step, self.history.step(other));
            self.step_step[place * self.memory + other] = square;
            self.step_step[other * self.memory + place] = square;
        }
        self.weights[place] = 1.0 / self.step_change[place * self.memory + place].sqrt();
        self.factor();
    }

    /// Forgets all pairs.
    pub fn clear(&mut self) {
        self.history.clear();
        self.factor();
    }

    fn factor(&mut self) {
        let (size, mut factors) = (self.rank(), std::mem::take(&mut self.middle));
        let regular = factors.factor(size, |row, column| self.middle_element(row, column));
        self.middle = factors;
        if !regular {
            self.clear();
        }
    }

    /// An element of K.
    fn middle_element(&self, row: usize, column: usize) -> f64 {
        let pairs = self.history.len();
        let place = |index: usize| self.history.place(index % pairs);
        let (a, b) = (place(row), place(column));
        let weight = self.weights[a] * self.weights[b];
        match (row < pairs, column < pairs) {
            (true, true) if row == column => -1.0,
            (true, true) => 0.0,
            (false, false) => self.scale() * weight * self.step_step[a * self.memory + b],
            // L: the step later than the change.
            (false, true) if row - pairs > column => weight * self.step_change[a * self.memory + b],
            (true, false) if column - pairs > row => weight * self.step_change[b * self.memory + a],
            _ => 0.0,
        }
    }

    /// An element of W.
    pub fn element(&self, variable: usize, column: usize) -> f64 {
        let pairs = self.history.len();
        let place = self.history.place(column % pairs);
        match column < pairs {
            true => self.weights[place] * self.history.change(place)[variable].to_f64(),
            false => self.scale() * self.weights[place] * self.history.step(place)[variable].to_f64(),
        }
    }

    /// A row of W.
    pub fn row(&self, variable: usize, row: &mut [f64]) {
        for (column, element) in row[..self.rank()].iter_mut().enumerate() {
            *element = self.element(variable, column);
        }
    }

    /// Replaces `v` by `M v`.
    pub fn apply_middle(&self, vector: &mut [f64]) {
        self.middle.solve(&mut vector[..self.rank()]);
    }

    /// Prepares `(K - WᵀW / θ)⁻¹`, with the sum over some of the variables; says whether it exists.
    pub fn reduce(&mut self, free: impl Iterator<Item = usize>, row: &mut [f64]) -> bool {
        let size = self.rank();
        self.inner[..size * size].fill(0.0);
        let scale = 1.0 / self.scale();
        for variable in free {
            self.row(variable, row);
            for a in 0..size {
                for b in 0..=a {
                    self.inner[a * size + b] += scale * row[a] * row[b];
                }
            }
        }
        let mut reduced = std::mem::take(&mut self.reduced);
        let regular = reduced.factor(size, |row, column| {
            let (a, b) = (row.max(column), row.min(column));
            self.middle_element(row, column) - self.inner[a * size + b]
        });
        self.reduced = reduced;
        regular
    }

    /// Replaces `v` by `(K - WᵀW / θ)⁻¹ v`.
    pub fn apply_reduced(&self, vector: &mut [f64]) {
        self.reduced.solve(&mut vector[..self.rank()]);
    }
}
