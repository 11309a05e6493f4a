//! What the steps of a run show of themselves, noted in places that do not grow with its length.

use downhill_optim::global_norm;
use downhill_tensor::ParameterLayout;

/// The most stretches into which a run is divided. When all are full, each two become one.
const STRETCHES: usize = 256;

/// The parameters are looked at in steps 1, 2, 4, 8 and so on, and about this often in all, but never more often than
/// in one of `LEAST_DISTANCE` steps: each time costs about as much as an optimizer's step.
const SAMPLES: u64 = 32;
const LEAST_DISTANCE: u64 = 64;

/// Some steps in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Stretch {
    /// How many.
    pub steps: u64,
    /// The sum of their losses.
    loss: f64,
    /// The sum of the norms of their gradients.
    gradient_norm: f64,
}

impl Stretch {
    /// The mean of the losses.
    pub fn loss(&self) -> f64 {
        self.loss / self.steps as f64
    }

    /// The mean norm of the gradient.
    pub fn gradient_norm(&self) -> f64 {
        self.gradient_norm / self.steps as f64
    }

    fn add(&mut self, other: Stretch) {
        self.steps += other.steps;
        self.loss += other.loss;
        self.gradient_norm += other.gradient_norm;
    }
}

/// A parameter in one step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Seen {
    /// `‖Δθ‖ / ‖θ‖`; NaN where the parameter is 0.
    pub update: f64,
    /// `‖g‖ / √n`: the root of the mean square of the gradient.
    pub gradient: f64,
}

/// The first step of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct First {
    /// Its loss.
    pub loss: f64,
    /// `‖g‖ ‖θ‖ / loss`: by which part the loss changes for each part by which the parameters change.
    pub sensitivity: f64,
}

/// What the steps of a run showed.
pub(crate) struct Course {
    /// The first step.
    pub first: Option<First>,
    stretches: Vec<Stretch>,
    /// How many steps a stretch holds.
    length: u64,
    steps: u64,
    distance: u64,
    /// For each sample, each parameter in the order of the layout.
    samples: Vec<Seen>,
    most_samples: usize,
    parameters: usize,
    /// The parameters before the step that is looked at.
    before: Vec<f32>,
    looking: bool,
}

impl Course {
    /// Of a run of at most this many steps.
    pub fn new(layout: &ParameterLayout, steps: u64) -> Self {
        // A sample for each power of two as well.
        let most_samples = SAMPLES as usize + 64;
        let parameters = layout.entries().len();
        Course {
            first: None,
            stretches: Vec::with_capacity(STRETCHES),
            length: 1,
            steps: 0,
            distance: (steps / SAMPLES).max(LEAST_DISTANCE),
            samples: Vec::with_capacity(most_samples * parameters),
            most_samples,
            parameters,
            before: vec![0.0; layout.len()],
            looking: false,
        }
    }

    /// Notes a step that is about to be made.
    pub fn before_step(&mut self, loss: f64, gradient_norm: f64, parameters: &[f32]) {
        if self.first.is_none() {
            let sensitivity = gradient_norm * global_norm(parameters) / loss.abs();
            self.first = Some(First { loss, sensitivity });
        }
        self.steps += 1;
        let due = self.steps.is_power_of_two() || self.steps.is_multiple_of(self.distance);
        self.looking = due && self.samples.len() < self.most_samples * self.parameters;
        if self.looking {
            self.before.copy_from_slice(parameters);
        }
        let full = self.stretches.last().is_none_or(|last| last.steps == self.length);
        if full && self.stretches.len() == STRETCHES {
            for i in 0..STRETCHES / 2 {
                let mut both = self.stretches[2 * i];
                both.add(self.stretches[2 * i + 1]);
                self.stretches[i] = both;
            }
            self.stretches.truncate(STRETCHES / 2);
            self.length *= 2;
        }
        let step = Stretch { steps: 1, loss, gradient_norm };
        match self.stretches.last_mut() {
            Some(last) if last.steps < self.length => last.add(step),
            _ => self.stretches.push(step),
        }
    }

    /// Notes the step that was made.
    pub fn after_step(&mut self, layout: &ParameterLayout, parameters: &[f32], gradient: &[f32]) {
        if !self.looking {
            return;
        }
        for entry in layout.entries() {
            let range = entry.range();
            let size = global_norm(&self.before[range.clone()]);
            let moved = &mut self.before[range.clone()];
            moved.iter_mut().zip(&parameters[range.clone()]).for_each(|(old, new)| *old = new - *old);
            let update = global_norm(moved) / if size > 0.0 { size } else { f64::NAN };
            let gradient = global_norm(&gradient[range]) / (entry.shape.size().max(1) as f64).sqrt();
            self.samples.push(Seen { update, gradient });
        }
    }

    /// The run in stretches of equal length, the last of which may be shorter.
    pub fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// All samples of the parameter of this number.
    pub fn samples(&self, parameter: usize) -> impl Iterator<Item = Seen> {
        self.samples.iter().skip(parameter).step_by(self.parameters.max(1)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> ParameterLayout {
        let mut layout = ParameterLayout::default();
        layout.push("a", [2], false).unwrap();
        layout.push("b", [1], false).unwrap();
        layout
    }

    #[test]
    fn a_long_run_takes_as_much_room_as_a_short_one_and_keeps_its_sums() {
        let layout = layout();
        let mut course = Course::new(&layout, 100_000);
        let room = (course.stretches.capacity(), course.samples.capacity());
        for step in 1..=100_000 {
            course.before_step(f64::from(step), 1.0, &[1.0, 1.0, 1.0]);
            course.after_step(&layout, &[1.0, 1.0, 2.0], &[1.0, 1.0, 3.0]);
        }
        assert_eq!((course.stretches.capacity(), course.samples.capacity()), room);
        let steps: u64 = course.stretches().iter().map(|stretch| stretch.steps).sum();
        let losses: f64 = course.stretches().iter().map(|stretch| stretch.loss).sum();
        assert_eq!((steps, losses), (100_000, 100_000.0 * 100_001.0 / 2.0));
        assert!(course.stretches().windows(2).all(|pair| pair[0].loss() < pair[1].loss()));
        assert!((32..=64).contains(&course.samples(0).count()));
    }

    #[test]
    fn updates_and_gradients_are_measured_parameter_by_parameter() {
        let layout = layout();
        let mut course = Course::new(&layout, 10);
        course.before_step(2.0, 5.0, &[3.0, 4.0, 0.0]);
        course.after_step(&layout, &[3.0, 3.0, 1.0], &[3.0, 3.0, 4.0]);
        assert_eq!(course.first, Some(First { loss: 2.0, sensitivity: 12.5 }));
        let a: Vec<_> = course.samples(0).collect();
        assert!(a.len() == 1 && a[0].update == 0.2 && (a[0].gradient - 3.0).abs() < 1e-12);
        let b = course.samples(1).next().unwrap();
        assert!(b.update.is_nan() && b.gradient == 4.0);
    }
}
