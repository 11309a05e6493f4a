//! All pictures of the loss around a model together, as numbers.

use super::{Path, Plane, Replay, Sameness, Segment, Surface, filter_normalized_direction};
use crate::diagnosis::{Severity, Verdict};
use crate::objective::{LossOptions, LossOverData};
use crate::page::readable;
use crate::{Error, Model, Result};
use downhill_data::{InMemory, PartSize, TargetKind};
use downhill_engine::Engine;
use downhill_tensor::Key;
use serde::Serialize;

/// The places along the line from the first parameters to the last, of which α = 0 and α = 1 are two.
const LINE: ([f64; 2], usize) = ([-0.5, 1.5], 41);

/// How many places a side of a plane may have: a million evaluations of the loss.
const MOST_PLACES: usize = 1000;

/// What to draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LandscapeOptions {
    /// How many places each axis of a plane has, from 2 to 1000; default 25.
    pub grid: usize,
    /// How far the random directions are followed, in lengths of the parameters; above 0, default 1.
    pub range: f64,
    /// How many examples the loss is taken over, at most; default 1000. Which ones the seed says, classes in the
    /// proportions of the data.
    pub examples: usize,
    /// What directions and examples are drawn from; default 0.
    pub seed: u64,
}

impl Default for LandscapeOptions {
    fn default() -> Self {
        LandscapeOptions { grid: 25, range: 1.0, examples: 1000, seed: 0 }
    }
}

/// The loss around a model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Landscape {
    /// What the data is called.
    pub data: String,
    /// How many of its examples the loss is taken over.
    pub examples: usize,
    /// How many it has.
    pub of: usize,
    /// The seed of directions and examples.
    pub seed: u64,
    /// The number of parameters.
    pub parameters: usize,
    /// The loss at the model's parameters.
    pub loss: f64,
    /// The loss along two filter-normalized random directions; the model stands at 0, 0.
    pub random: Surface,
    /// What the path of the training shows, if it was replayed.
    pub path: Option<PathPicture>,
}

/// The loss along the path of a training.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PathPicture {
    /// How many parameters of the replay differ from the model's, and by how much at most; nothing where every bit is the
    /// same.
    pub differs: Option<(usize, f64)>,
    /// The loss on the plane of the path's two principal directions; the end of the path stands at 0, 0.
    pub surface: Surface,
    /// The share of the path's variance along each of them.
    pub explained: [f64; 2],
    /// After how many steps the path was at each point.
    pub steps: Vec<u64>,
    /// The loss at each point.
    pub losses: Vec<f64>,
    /// Where each point stands on the plane.
    pub places: Vec<[f64; 2]>,
    /// How far each point is from the plane.
    pub distances: Vec<f64>,
    /// How far each point is from the end of the path.
    pub from_end: Vec<f64>,
    /// Where the model stands on the plane, which is not at the end where the best epoch was kept.
    pub model: [f64; 2],
    /// How far the model is from the plane.
    pub model_distance: f64,
    /// The loss along the line from the first parameters (0) to the model's (1).
    pub line: Segment,
}

impl Landscape {
    /// Draws the loss of a model over data as it comes from its source, in single precision and as in training (see
    /// [`LossOptions::mode`]); with a replay of its training, also the path.
    ///
    /// # Errors
    /// An option outside its domain, data of another form than the training data, and a path without a plane
    /// ([`Path::plane`]).
    pub fn of(
        model: &Model,
        data: &InMemory,
        replay: Option<&Replay>,
        options: LandscapeOptions,
        engine: &Engine,
    ) -> Result<Landscape> {
        let refuse = |option, expected, actual: String| Err(Error::Option { option, expected, actual });
        if !(2..=MOST_PLACES).contains(&options.grid) {
            return refuse("grid", "from 2 to 1000", options.grid.to_string());
        }
        if !(options.range > 0.0 && options.range.is_finite()) {
            return refuse("range", "above 0 and finite", options.range.to_string());
        }
        if options.examples == 0 {
            return refuse("examples", "at least 1", "0".into());
        }
        if data.target_kind() == TargetKind::None {
            return Err(Error::NoTarget { role: "the data of the loss", title: data.title().into() });
        }
        let some = if data.len() > options.examples {
            let split = data.split(PartSize::Count(options.examples), options.seed);
            split.map_err(Error::data("the data of the loss"))?.1
        } else {
            data.clone()
        };
        let mut loss = LossOverData::<f32>::of_model(model, &some, engine, LossOptions::default())?;
        let theta = LossOverData::<f64>::point(model.parameters());
        let key = Key::new(options.seed).named("landscape");
        let direction = |name| filter_normalized_direction(loss.layout(), &theta, key.named(name));
        let plane = Plane { first: direction("first")?, second: direction("second")?, origin: theta.clone() };
        let (ends, size) = ([-options.range, options.range], [options.grid, options.grid]);
        let path = match replay {
            Some(replay) => Some(PathPicture::of(&mut loss, model, &theta, replay, size)?),
            None => None,
        };
        Ok(Landscape {
            data: data.title().into(),
            examples: loss.examples(),
            of: data.len(),
            seed: options.seed,
            parameters: theta.len(),
            loss: loss.value(model.parameters())?,
            random: plane.surface(&mut loss, ends, ends, size)?,
            path,
        })
    }

    /// What is to be known of the pictures before they are believed.
    pub fn verdicts(&self) -> Vec<Verdict> {
        self.path
            .iter()
            .flat_map(|path| [path.about_the_replay(), path.about_the_plane(), path.about_the_line()])
            .collect()
    }
}

impl PathPicture {
    fn of(
        loss: &mut LossOverData<'_, f32>,
        model: &Model,
        theta: &[f64],
        replay: &Replay,
        size: [usize; 2],
    ) -> Result<PathPicture> {
        let Path { steps, points } = &replay.path;
        let plane = replay.path.plane()?;
        let (place, model_distance) = plane.project(theta);
        let [x, y] = plane.room(&[place]);
        let first = points.first().map(|point| LossOverData::<f64>::point(point)).unwrap_or_default();
        let from_end = |point: &Vec<f32>| {
            let away = point.iter().zip(&plane.plane.origin).map(|(&x, end)| (f64::from(x) - end).powi(2));
            away.sum::<f64>().sqrt()
        };
        let losses = points.iter().map(|point| loss.value(point)).collect::<Result<_>>()?;
        let (ends, count) = LINE;
        Ok(PathPicture {
            differs: match replay.sameness(model) {
                Sameness::Bits => None,
                Sameness::Differs { parameters, largest } => Some((parameters, largest)),
            },
            surface: plane.plane.surface(loss, x, y, size)?,
            explained: plane.explained,
            steps: steps.clone(),
            losses,
            from_end: points.iter().map(from_end).collect(),
            places: plane.places,
            distances: plane.distances,
            model: place,
            model_distance,
            line: Segment::measure(loss, &first, theta, ends, count)?,
        })
    }

    /// The point that is farthest from the plane.
    fn farthest(&self) -> usize {
        let distances = &self.distances;
        (0..distances.len()).fold(0, |most, i| if distances[i] > distances[most] { i } else { most })
    }

    fn about_the_replay(&self) -> Verdict {
        let (name, severity, number, finding, advice) = match self.differs {
            None => (
                "replay-is-the-run",
                Severity::Healthy,
                0.0,
                "The replay of the training ended at the saved parameters, bit for bit: the path is the run's own."
                    .to_owned(),
                "",
            ),
            Some((parameters, largest)) => (
                "replay-is-not-the-run",
                Severity::Warning,
                parameters as f64,
                format!(
                    "The replay of the training ended elsewhere: {parameters} parameters differ from the saved ones, by \
                     up to {largest:.2e}. The path is that of another run with the same settings."
                ),
                "Give the same data as in training; a run that was interrupted within an epoch cannot be replayed.",
            ),
        };
        Verdict {
            name: name.into(),
            severity,
            place: None,
            finding,
            number,
            threshold: 0.0,
            formula: "parameters whose bits differ".into(),
            source: "a run is a function of network, settings and data".into(),
            advice: advice.into(),
        }
    }

    fn about_the_plane(&self) -> Verdict {
        let share = self.explained[0] + self.explained[1];
        let farthest = self.farthest();
        let (distance, step, away) =
            (self.distances[farthest], self.steps[farthest], self.from_end[farthest]);
        let beside = if distance > 0.0 {
            format!(
                " After step {step} it is {} away from the plane, and {} from its end: what the picture shows there is the \
                 path's shadow.",
                readable(distance),
                readable(away)
            )
        } else {
            " It never leaves the plane.".into()
        };
        Verdict {
            name: "path-in-its-plane".into(),
            severity: Severity::Notice,
            place: None,
            finding: format!(
                "The plane holds {:.1} % of the path's variance ({:.1} % and {:.1} % along its two directions).{beside}",
                100.0 * share,
                100.0 * self.explained[0],
                100.0 * self.explained[1]
            ),
            number: share,
            threshold: 1.0,
            formula: "(λ1 + λ2) / Σ λ of the path's principal directions".into(),
            source: "Li et al. 2018, section 7; principal directions make even random walks look smooth: Antognini and \
                     Sohl-Dickstein 2018"
                .into(),
            advice: String::new(),
        }
    }

    fn about_the_line(&self) -> Verdict {
        let barrier = self.line.barrier();
        let blank = self.line.losses.iter().filter(|loss| !loss.is_finite()).count();
        let finding = if blank > 0 {
            format!(
                "On the straight line from the first parameters to the model's, the loss is no finite number at {blank} of \
                 {} places: nothing can be said of a barrier.",
                self.line.losses.len()
            )
        } else if barrier > 0.0 {
            format!(
                "On the straight line from the first parameters to the model's, the loss rises up to {barrier:.4} above \
                 the line between its two ends."
            )
        } else {
            "On the straight line from the first parameters to the model's, the loss never rises above the line between \
             its two ends."
                .into()
        };
        Verdict {
            name: "straight-line".into(),
            severity: Severity::Notice,
            place: None,
            finding,
            number: barrier,
            threshold: 0.0,
            formula: "max over α of f((1 - α) θ₀ + α θ) - (1 - α) f(θ₀) - α f(θ)".into(),
            source: "Goodfellow, Vinyals and Saxe 2015".into(),
            advice: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_the_loss_is_no_number_nothing_is_said_of_a_barrier() {
        let line = Segment { shares: vec![0.0, 0.5, 1.0], losses: vec![1.0, 2.0, f64::NAN] };
        let picture = PathPicture {
            differs: None,
            surface: Surface { x: [0.0, 1.0], y: [0.0, 1.0], columns: 2, losses: vec![1.0; 4] },
            explained: [0.9, 0.1],
            steps: vec![0, 1],
            losses: vec![1.0, f64::NAN],
            places: vec![[1.0, 0.0], [0.0, 0.0]],
            distances: vec![1e14, 0.0],
            from_end: vec![1e20, 0.0],
            model: [0.0; 2],
            model_distance: 0.0,
            line,
        };
        let said = picture.about_the_line().finding;
        assert!(said.contains("no finite number at 1 of 3 places") && !said.contains("never"), "{said}");
        let said = picture.about_the_plane().finding;
        assert!(said.contains("it is 10¹⁴ away from the plane, and 10²⁰ from its end"), "{said}");
    }
}
