//! Sums of a function over rows.

use crate::Float;

/// Interleaved sums.
const LANES: usize = 16;
/// Elements that are added up lane by lane before the lanes are joined.
const BLOCK: usize = 1024;

/// `Σ f` over rows of one length, which `f` sees one position at a time.
///
/// Fewer than 16 are added up from first to last. More are cut into blocks of 1024 that are added in order, each
/// summed in 16 interleaved lanes that a tree joins.
#[inline(always)]
pub(crate) fn sum_of<T: Float, const ROWS: usize>(rows: [&[T]; ROWS], f: impl Fn([T; ROWS]) -> T) -> T {
    let n = rows[0].len();
    let rows = rows.map(
        #[inline(always)]
        |row| &row[..n],
    );
    let mut total = T::ZERO;
    if n < LANES {
        for at in 0..n {
            total += f(rows.map(
                #[inline(always)]
                |row| row[at],
            ));
        }
        return total;
    }
    for start in (0..n).step_by(BLOCK) {
        let end = n.min(start + BLOCK);
        let mut lanes = [T::ZERO; LANES];
        let whole = start + (end - start) / LANES * LANES;
        for at in (start..whole).step_by(LANES) {
            let chunk = rows.map(
                #[inline(always)]
                |row| &row[at..at + LANES],
            );
            for lane in 0..LANES {
                lanes[lane] += f(chunk.map(
                    #[inline(always)]
                    |row| row[lane],
                ));
            }
        }
        if whole < end {
            // As full vectors, of which only what is there counts.
            let mut rest = [[T::ZERO; LANES]; ROWS];
            for (rest, row) in rest.iter_mut().zip(rows) {
                rest[..end - whole].copy_from_slice(&row[whole..end]);
            }
            for lane in 0..LANES {
                let value = f(rest.map(
                    #[inline(always)]
                    |row| row[lane],
                ));
                lanes[lane] += if lane < end - whole { value } else { T::ZERO };
            }
        }
        for width in [8, 4, 2, 1] {
            for lane in 0..width {
                lanes[lane] += lanes[lane + width];
            }
        }
        total += lanes[0];
    }
    total
}
