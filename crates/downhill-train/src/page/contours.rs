//! Contours of a function on a grid: marching squares.

use std::collections::BTreeMap;

/// The outlines of the region where a function is above a level, as closed lines in columns and rows of its points.
/// Holes are outlines of their own. `values` has `columns` numbers a row, all of them finite.
///
/// Each square of four neighbouring points is cut by straight lines. Around the square one goes into the region and out
/// of it again; the cut leads from where one goes out to where one came in. On the far side of that edge it is the other
/// way round, so the cuts join to closed lines.
pub(super) fn outlines(columns: usize, values: &[f64], level: f64) -> Vec<Vec<[f64; 2]>> {
    let rows = values.len().checked_div(columns).unwrap_or(0);
    // A border of points below every level closes the lines at the edge of the picture.
    let side = columns + 2;
    let inner = |node: usize| Some(((node % side).checked_sub(1)?, (node / side).checked_sub(1)?));
    let value = |node: usize| match inner(node) {
        Some((x, y)) if x < columns && y < rows => values[y * columns + x],
        _ => f64::NEG_INFINITY,
    };
    let inside = |node: usize| value(node) > level;

    let mut cuts = BTreeMap::new();
    for corner in (0..=rows).flat_map(|row| (0..=columns).map(move |column| row * side + column)) {
        let around = [corner, corner + 1, corner + 1 + side, corner + side];
        let edge = |k: usize| {
            let (a, b) = (around[k % 4], around[(k + 1) % 4]);
            (a.min(b), a.max(b))
        };
        for entry in (0..4).filter(|&k| !inside(around[k]) && inside(around[(k + 1) % 4])) {
            let exit = (entry + 1..entry + 4).find(|&k| !inside(around[(k + 1) % 4])).unwrap_or(entry);
            cuts.insert(edge(exit), edge(entry));
        }
    }

    let crossing = |(a, b): (usize, usize)| {
        let (low, high) = (value(a), value(b));
        // Next to the border the share is that of infinity: the line keeps to the point inside. Halves, since the
        // difference of two finite numbers may be infinite.
        let share = match (low.is_infinite(), high.is_infinite()) {
            (true, _) => 1.0,
            (_, true) => 0.0,
            _ => (level / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0),
        };
        // Halves of the smallest numbers may be equal.
        let share = if share.is_finite() { share } else { 0.5 };
        let place = |of: &dyn Fn(usize) -> usize| of(a) as f64 + share * (of(b) as f64 - of(a) as f64) - 1.0;
        [place(&|node| node % side), place(&|node| node / side)]
    };
    let mut lines = Vec::new();
    while let Some((start, mut at)) = cuts.pop_first() {
        let mut line = vec![crossing(start)];
        while at != start {
            line.push(crossing(at));
            match cuts.remove(&at) {
                Some(next) => at = next,
                None => break,
            }
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The area within closed lines; holes count against it.
    fn area(lines: &[Vec<[f64; 2]>]) -> f64 {
        let of = |line: &Vec<[f64; 2]>| {
            let next = line.iter().cycle().skip(1);
            line.iter().zip(next).map(|(a, b)| a[0] * b[1] - b[0] * a[1]).sum::<f64>() / 2.0
        };
        lines.iter().map(of).sum::<f64>().abs()
    }

    fn grid(side: usize, f: impl Fn(f64, f64) -> f64) -> Vec<f64> {
        let at = |index: usize| 2.0 * index as f64 / (side - 1) as f64 - 1.0;
        (0..side * side).map(|node| f(at(node % side), at(node / side))).collect()
    }

    #[test]
    fn the_contour_of_a_cone_is_a_circle() {
        let values = grid(101, |x, y| -x.hypot(y));
        let lines = outlines(101, &values, -0.5);
        assert_eq!(lines.len(), 1);
        for [x, y] in &lines[0] {
            assert!(((x - 50.0).hypot(y - 50.0) - 25.0).abs() < 0.01);
        }
    }

    #[test]
    fn a_hole_is_an_outline_of_its_own() {
        let values = grid(201, |x, y| -(x.hypot(y) - 0.5).abs());
        let lines = outlines(201, &values, -0.1);
        assert_eq!(lines.len(), 2);
        let ring = std::f64::consts::PI * (60.0f64.powi(2) - 40.0f64.powi(2));
        assert!((area(&lines) / ring - 1.0).abs() < 1e-3, "{}", area(&lines));
    }

    #[test]
    fn a_region_at_the_edge_is_closed_along_it() {
        assert_eq!(area(&outlines(11, &grid(11, |_, _| 1.0), 0.0)), 100.0);
        assert!((area(&outlines(11, &grid(11, |x, _| x), 0.0)) - 50.0).abs() < 1e-9);
        assert_eq!(outlines(11, &grid(11, |_, _| -1.0), 0.0).len(), 0);
        assert_eq!(outlines(0, &[], 0.0).len(), 0);
    }

    proptest! {
        #[test]
        fn lines_lie_within_the_grid_and_cross_every_edge_once(
            values in prop::collection::vec(-1e300f64..1e300, 12),
            level in -1e300f64..1e300,
        ) {
            let lines = outlines(4, &values, level);
            for [x, y] in lines.iter().flatten() {
                prop_assert!((0.0..=3.0).contains(x) && (0.0..=2.0).contains(y), "{x} {y}");
            }
            // Edges between a point above the level and one that is not, borders included.
            let above = |x: usize, y: usize| {
                (1..=4).contains(&x) && (1..=3).contains(&y) && values[(y - 1) * 4 + x - 1] > level
            };
            let mut edges = 0;
            for y in 0..5 {
                for x in 0..6 {
                    edges += usize::from(x < 5 && above(x, y) != above(x + 1, y));
                    edges += usize::from(y < 4 && above(x, y) != above(x, y + 1));
                }
            }
            prop_assert_eq!(lines.iter().map(Vec::len).sum::<usize>(), edges);
        }
    }
}
