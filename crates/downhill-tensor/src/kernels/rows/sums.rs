//! Sums over rows, several in one pass.

use crate::Float;

/// Interleaved sums.
const LANES: usize = 16;
/// Elements that are added up lane by lane before the lanes are joined.
const BLOCK: usize = 1024;

/// The sums of `f` over rows of one length, which `f` sees one position at a time.
///
/// A row of fewer than 16 is added up from first to last. Others are cut into blocks of 1024 that are added
/// in order, each summed in 16 interleaved lanes that a tree joins.
#[inline(always)]
pub(crate) fn sums<T: Float, const ROWS: usize, const SUMS: usize>(
    rows: [&[T]; ROWS],
    f: impl Fn([T; ROWS]) -> [T; SUMS],
) -> [T; SUMS] {
    let n = rows[0].len();
    let rows = rows.map(
        #[inline(always)]
        |row| &row[..n],
    );
    let mut total = [T::ZERO; SUMS];
    if n < LANES {
        for at in 0..n {
            let values = f(std::array::from_fn(
                #[inline(always)]
                |row| rows[row][at],
            ));
            (0..SUMS).for_each(|sum| total[sum] += values[sum]);
        }
        return total;
    }
    for start in (0..n).step_by(BLOCK) {
        let end = n.min(start + BLOCK);
        let mut lanes = [[T::ZERO; LANES]; SUMS];
        let whole = start + (end - start) / LANES * LANES;
        for at in (start..whole).step_by(LANES) {
            let chunk: [&[T]; ROWS] = std::array::from_fn(
                #[inline(always)]
                |row| &rows[row][at..at + LANES],
            );
            for lane in 0..LANES {
                let values = f(std::array::from_fn(
                    #[inline(always)]
                    |row| chunk[row][lane],
                ));
                (0..SUMS).for_each(|sum| lanes[sum][lane] += values[sum]);
            }
        }
        if whole < end {
            // As full vectors, of which only what is there counts.
            let mut rest = [[T::ZERO; LANES]; ROWS];
            for (rest, row) in rest.iter_mut().zip(rows) {
                rest[..end - whole].copy_from_slice(&row[whole..end]);
            }
            for lane in 0..LANES {
                let values = f(std::array::from_fn(
                    #[inline(always)]
                    |row| rest[row][lane],
                ));
                for sum in 0..SUMS {
                    lanes[sum][lane] += if lane < end - whole { values[sum] } else { T::ZERO };
                }
            }
        }
        for (total, mut lanes) in total.iter_mut().zip(lanes) {
            for width in [8, 4, 2, 1] {
                for lane in 0..width {
                    lanes[lane] += lanes[lane + width];
                }
            }
            *total += lanes[0];
        }
    }
    total
}
