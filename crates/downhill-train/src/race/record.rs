//! Where a run of a race stands: what it has spent, and the losses that were seen on the way.

use crate::Result;
use crate::evaluator::Evaluator;
use crate::race::{Course, End, Point};

/// The growth of the loss, from that of the untrained network or from 1 if that is larger, which counts as
/// divergence: as in a run of training.
const DIVERGENCE: f64 = 1e3;

/// When the loss is evaluated.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Watch {
    /// Before the first step, at the end, and in between after 10^(k/n) examples, or at the first step then.
    PerDecade(u32),
    /// Before the first step and at the end.
    Ends,
    /// As often as `PerDecade`, and not beyond an evaluation at which the loss is at the target.
    UntilTarget { per_decade: u32, target: f64 },
}

impl Watch {
    fn growth(self) -> Option<f64> {
        match self {
            Watch::PerDecade(points) | Watch::UntilTarget { per_decade: points, .. } => {
                Some(10f64.powf(1.0 / f64::from(points)))
            }
            Watch::Ends => None,
        }
    }
}

/// What a run has spent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    pub steps: u64,
    pub gradient_evaluations: u64,
    pub examples: u64,
    pub seconds: f64,
}

/// A run as it is written down.
pub(crate) struct Record<'r, 'a> {
    evaluated: &'r mut Evaluator<'a>,
    held_out: Option<&'r mut Evaluator<'a>>,
    watch: Watch,
    /// The number of examples from which on the next evaluation is due.
    next: f64,
    pub spent: Spent,
    pub course: Course,
}

impl<'r, 'a> Record<'r, 'a> {
    pub fn new(
        evaluated: &'r mut Evaluator<'a>,
        held_out: Option<&'r mut Evaluator<'a>>,
        watch: Watch,
        seed: u64,
    ) -> Self {
        let course = Course { seed, points: Vec::new(), end: End::BudgetSpent };
        Record { evaluated, held_out, watch, next: 1.0, spent: Spent::default(), course }
    }

    /// Whether it is time for an evaluation.
    pub fn is_due(&self) -> bool {
        self.watch.growth().is_some() && self.spent.examples as f64 >= self.next
    }

    /// Evaluates the loss at these parameters. Says whether the run may go on: it has neither diverged nor reached what
    /// it was to reach.
    pub fn evaluate(&mut self, parameters: &[f32], state: &[f32]) -> Result<bool> {
        let growth = self.watch.growth().unwrap_or(f64::INFINITY);
        while self.next <= self.spent.examples as f64 {
            self.next *= growth;
        }
        let loss = self.evaluated.evaluate(parameters, state, None)?.loss;
        let held_out = match &mut self.held_out {
            Some(held_out) => Some(held_out.evaluate(parameters, state, None)?.loss),
            None => None,
        };
        let first = self.course.points.first().map_or(loss, |point| point.loss);
        let finite = loss.is_finite() && held_out.is_none_or(f64::is_finite);
        if !finite || loss > DIVERGENCE * first.max(1.0) {
            self.course.end = End::Diverged;
            return Ok(false);
        }
        let Spent { steps, gradient_evaluations, examples, seconds } = self.spent;
        self.course.points.push(Point { steps, gradient_evaluations, examples, seconds, loss, held_out });
        Ok(!matches!(self.watch, Watch::UntilTarget { target, .. } if loss <= target))
    }

    /// Notes that the run ended for this reason, unless it has diverged.
    pub fn end(&mut self, end: End) {
        if self.course.end != End::Diverged {
            self.course.end = end;
        }
    }
}
