//! Lines through points, with gaps, and no more of them than can be seen.

use super::canvas::short;
use super::frame::Frame;
use super::markup::put;

/// The stretches of points that have a place one after the other, as places in the picture.
pub(super) fn stretches(frame: &Frame, points: &[[f64; 2]]) -> Vec<Vec<[f64; 2]>> {
    let mut stretches = vec![Vec::new()];
    for &point in points {
        match (frame.point(point), stretches.last_mut()) {
            (Some(place), Some(stretch)) => stretch.push(place),
            _ => stretches.push(Vec::new()),
        }
    }
    stretches.retain(|stretch| !stretch.is_empty());
    stretches
}

/// A stretch with at most four points for each pixel across: the first, the lowest, the highest and the last. The
/// picture is the same.
pub(super) fn thinned(stretch: &[[f64; 2]]) -> Vec<[f64; 2]> {
    let ascending = stretch.windows(2).all(|pair| pair[0][0] <= pair[1][0]);
    let across = stretch.last().map_or(0.0, |last| last[0] - stretch[0][0]);
    if !ascending || stretch.len() as f64 <= across {
        return stretch.to_vec();
    }
    let mut kept = Vec::new();
    for column in stretch.chunk_by(|a, b| a[0].floor() == b[0].floor()) {
        let at = |wanted: fn(f64, f64) -> bool| {
            let better = |best: usize, index: usize| {
                if wanted(column[index][1], column[best][1]) { index } else { best }
            };
            (0..column.len()).fold(0, better)
        };
        let mut rows = [0, at(|a, b| a < b), at(|a, b| a > b), column.len() - 1];
        rows.sort_unstable();
        for (index, &row) in rows.iter().enumerate() {
            if index == 0 || rows[index - 1] != row {
                kept.push(column[row]);
            }
        }
    }
    kept
}

/// The data of a path through points.
pub(super) fn path(points: &[[f64; 2]]) -> String {
    let mut data = String::new();
    for (index, [x, y]) in points.iter().enumerate() {
        let start = if index == 0 { "M" } else { " " };
        put(&mut data, format_args!("{start}{} {}", short(*x), short(*y)));
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_keeps_its_peaks() {
        let mut line: Vec<[f64; 2]> = (0..100_000).map(|i| [f64::from(i) * 1e-3, 50.0]).collect();
        line[31_234][1] = 0.0;
        line[31_235][1] = 99.0;
        let thin = thinned(&line);
        assert!(thin.len() < 400, "{}", thin.len());
        assert_eq!((thin.first(), thin.last()), (line.first(), line.last()));
        assert!(thin.contains(&line[31_234]) && thin.contains(&line[31_235]));
    }

    #[test]
    fn a_line_that_turns_back_is_kept_whole() {
        let line: Vec<[f64; 2]> = (0..5000).map(|i| [f64::from(i % 7), f64::from(i)]).collect();
        assert_eq!(thinned(&line), line);
    }
}
