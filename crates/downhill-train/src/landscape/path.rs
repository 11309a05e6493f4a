//! The path of a training through the space of parameters, and the plane that it lies in as far as possible.

use super::Plane;
use crate::vectors::dot;
use crate::{Error, Result};
use downhill_tensor::linalg::symmetric_eigen;
use downhill_tensor::{Key, Tensor};

/// The part of the variance of the path below which a direction is rounding.
const ROUNDING: f64 = 1e-12;

/// The room around the path in a picture, as a part of its extent.
const MARGIN: f64 = 0.2;

/// Points of the path of a training.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Path {
    /// After how many steps the path was at each.
    pub steps: Vec<u64>,
    /// θ at each.
    pub points: Vec<Vec<f32>>,
}

/// The plane through the end of a path that holds most of its variance.
#[derive(Clone, Debug, PartialEq)]
pub struct PathPlane {
    /// Its origin is the end of the path; its directions have length 1 and stand at a right angle to each other.
    pub plane: Plane,
    /// The share of the variance along each of the two directions.
    pub explained: [f64; 2],
    /// Where each point of the path stands on the plane.
    pub places: Vec<[f64; 2]>,
    /// How far each point of the path is from the plane.
    pub distances: Vec<f64>,
}

impl Path {
    /// The plane of the two principal directions of the path: of the matrix with the rows `θ_t - θ_T`, where θ_T is its
    /// end, the two directions with the most squared length. What is explained is their part of the sum of all squared
    /// lengths. A path that is straight has a second direction at random.
    ///
    /// # Errors
    /// Fewer than two points or two parameters, a point that is not finite, and a path that never leaves its end.
    ///
    /// # Source
    /// H. Li et al., *Visualizing the loss landscape of neural nets* (2018), section 7.
    pub fn plane(&self) -> Result<PathPlane> {
        let refuse = |reason: &str| Err(Error::Mismatch { what: "the path".into(), reason: reason.into() });
        let (Some(end), true) = (self.points.last(), self.points.len() > 1) else {
            return refuse("a plane needs a path of at least two points");
        };
        let n = end.len();
        if n < 2 {
            return refuse("a plane needs at least two parameters");
        }
        let origin: Vec<f64> = end.iter().map(|&x| f64::from(x)).collect();
        let away: Vec<Vec<f64>> = self.points[..self.points.len() - 1]
            .iter()
            .map(|point| point.iter().zip(&origin).map(|(&x, origin)| f64::from(x) - origin).collect())
            .collect();
        // The eigenvectors of the small matrix of products lead to those of the large one.
        let m = away.len();
        let products: Vec<f64> = (0..m * m).map(|at| dot(&away[at / m.max(1)], &away[at % m])).collect();
        if !products.iter().all(|x| x.is_finite()) {
            return Err(Error::NotFinite { what: "the path" });
        }
        let total: f64 = (0..m).map(|i| products[i * m + i]).sum();
        if total == 0.0 {
            return refuse("it never leaves its end: nothing was learned, or the rate was 0");
        }
        let eigen = symmetric_eigen(&Tensor::from_vec(products, [m, m])?)?;
        let (values, vectors) = (eigen.values.to_vec(), eigen.vectors.to_vec());
        let mut directions: Vec<Vec<f64>> = Vec::new();
        let mut explained = [0.0; 2];
        for (number, explained) in explained.iter_mut().enumerate() {
            let value = if number < m { values[m - 1 - number].max(0.0) } else { 0.0 };
            let mut direction = vec![0.0; n];
            if value > ROUNDING * total {
                *explained = value / total;
                for (row, away) in away.iter().enumerate() {
                    let share = vectors[row * m + m - 1 - number];
                    direction.iter_mut().zip(away).for_each(|(sum, x)| *sum += share * x);
                }
            } else {
                direction =
                    Tensor::<f64>::normal(Key::new(0).named("second direction"), [n], 0.0, 1.0)?.to_vec();
            }
            for before in &directions {
                let part = dot(before, &direction);
                direction.iter_mut().zip(before).for_each(|(x, before)| *x -= part * before);
            }
            // The beginning of the path lies to the right and above, so that a picture does not depend on a sign.
            let length = dot(&direction, &direction).sqrt();
            let scale = if dot(&direction, &away[0]) < 0.0 { -1.0 / length } else { 1.0 / length };
            direction.iter_mut().for_each(|x| *x *= scale);
            directions.push(direction);
        }
        let second = directions.pop().unwrap_or_default();
        let first = directions.pop().unwrap_or_default();
        let mut plane = PathPlane {
            plane: Plane { origin, first, second },
            explained,
            places: vec![],
            distances: vec![],
        };
        for point in &self.points {
            let theta: Vec<f64> = point.iter().map(|&x| f64::from(x)).collect();
            let (place, distance) = plane.project(&theta);
            plane.places.push(place);
            plane.distances.push(distance);
        }
        Ok(plane)
    }
}

impl PathPlane {
    /// Where the point of the plane that is nearest to θ stands, and how far away that is.
    pub fn project(&self, theta: &[f64]) -> ([f64; 2], f64) {
        let Plane { origin, first, second } = &self.plane;
        let away: Vec<f64> = theta.iter().zip(origin).map(|(x, origin)| x - origin).collect();
        let (x, y) = (dot(&away, first), dot(&away, second));
        let beside = away.iter().zip(first.iter().zip(second)).map(|(d, (a, b))| (d - x * a - y * b).powi(2));
        ([x, y], beside.sum::<f64>().sqrt())
    }

    /// The ends of both axes of a picture that holds the path and these places too, with some room.
    pub fn room(&self, also: &[[f64; 2]]) -> [[f64; 2]; 2] {
        let ends = |axis: usize| {
            let values = self.places.iter().chain(also).map(|place| place[axis]);
            values.fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], x| [low.min(x), high.max(x)])
        };
        let both = [ends(0), ends(1)];
        let longest = both.iter().fold(0.0f64, |most, [low, high]| most.max(high - low));
        both.map(|[low, high]| {
            // A path that is straight would make a picture without height.
            let (middle, half) = (0.5 * (low + high), 0.5 * (high - low).max(0.2 * longest));
            let reach = half * (1.0 + 2.0 * MARGIN);
            [middle - reach, middle + reach]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A path in a plane of five dimensions, with something beside it.
    fn path(beside: f32) -> Path {
        let points = (0..9).map(|t| {
            let t = t as f32;
            let (x, y) = (8.0 - t, 0.5 * (8.0 - t) * t / 4.0);
            let off = if t == 4.0 { beside } else { 0.0 };
            vec![1.0 + 0.6 * x, 2.0 + 0.8 * x, 3.0 + y, 4.0, 5.0 + off]
        });
        Path { steps: (0..9).collect(), points: points.collect() }
    }

    #[test]
    fn a_path_in_a_plane_is_found_there() {
        let plane = path(0.0).plane().unwrap();
        assert!((plane.explained[0] + plane.explained[1] - 1.0).abs() < 1e-10);
        assert!(plane.explained[0] > plane.explained[1] && plane.explained[1] > 0.01);
        assert!(plane.distances.iter().all(|distance| *distance < 1e-5), "{:?}", plane.distances);
        assert_eq!(plane.places[8], [0.0, 0.0]);
        for (point, place) in path(0.0).points.iter().zip(&plane.places) {
            let again = plane.plane.point(place[0], place[1]);
            assert!(again.iter().zip(point).all(|(a, &b)| (a - f64::from(b)).abs() < 1e-5));
        }
        let [a, b] = [&plane.plane.first, &plane.plane.second];
        assert!(
            (dot(a, a) - 1.0).abs() < 1e-12 && (dot(b, b) - 1.0).abs() < 1e-12 && dot(a, b).abs() < 1e-12
        );
    }

    #[test]
    fn what_lies_beside_the_plane_is_told() {
        let plane = path(1.5).plane().unwrap();
        // The plane leans towards it, and what is not explained is what lies beside.
        assert!(plane.distances[4] > 1.0 && plane.distances[4] < 1.5, "{:?}", plane.distances);
        let squares = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>();
        let within: f64 = plane.places.iter().map(|place| squares(place)).sum();
        let beside = squares(&plane.distances);
        let unexplained = 1.0 - plane.explained[0] - plane.explained[1];
        assert!((beside / (within + beside) - unexplained).abs() < 1e-10 && unexplained > 1e-3);
        let [[low, high], _] = plane.room(&[[50.0, 0.0]]);
        assert!(low < 0.0 && high > 50.0);
    }

    #[test]
    fn a_straight_path_gets_a_second_direction_that_explains_nothing() {
        let points = vec![vec![3.0, 3.0], vec![2.0, 2.0], vec![0.0, 0.0]];
        let plane = Path { steps: vec![0, 1, 2], points }.plane().unwrap();
        assert!((plane.explained[0] - 1.0).abs() < 1e-12 && plane.explained[1] == 0.0);
        assert!(dot(&plane.plane.first, &plane.plane.second).abs() < 1e-12);
        let [_, [low, high]] = plane.room(&[]);
        assert!(high - low > 0.5);
    }

    #[test]
    fn what_has_no_plane_is_refused() {
        let path = |points: Vec<Vec<f32>>| Path { steps: vec![0; points.len()], points }.plane();
        assert!(path(vec![]).is_err() && path(vec![vec![1.0, 2.0]]).is_err());
        assert!(path(vec![vec![1.0], vec![2.0]]).is_err());
        let still = path(vec![vec![1.0, 2.0], vec![1.0, 2.0]]).unwrap_err().to_string();
        assert!(still.contains("never leaves its end"), "{still}");
        assert!(path(vec![vec![f32::NAN, 2.0], vec![1.0, 2.0]]).is_err());
    }
}
