//! Pooling to a given size: compositions of products with constant matrices, choices of rows, and poolings.

use super::Pool2d;
use crate::{Tape, Var};
use downhill_tensor::{Shape, Tensor};

/// The elements of window `i` of `windows` over an axis: from `i length / windows` rounded down to
/// `(i + 1) length / windows` rounded up, so that neighbours may overlap by one.
fn window(i: usize, windows: usize, length: usize) -> std::ops::Range<usize> {
    i * length / windows..((i + 1) * length).div_ceil(windows)
}

/// The matrix `[windows, length]` that takes the means of windows.
#[track_caller]
fn means(tape: &Tape, windows: usize, length: usize) -> Var<'_> {
    tape.constant(Tensor::from_fn([windows, length], |index| {
        let window = window(index[0], windows, length);
        if window.contains(&index[1]) { 1.0 / window.len() as f64 } else { 0.0 }
    }))
}

impl<'t> Var<'t> {
    /// The means of `size` windows of images `[n, c, h, w]`, which cover each axis evenly: window i reaches from
    /// `i h / size` rounded down to `(i + 1) h / size` rounded up. PyTorch's `adaptive_avg_pool2d`.
    #[track_caller]
    pub fn adaptive_avg_pool2d(self, size: [usize; 2]) -> Var<'t> {
        let Some([h, w]) = self.poolable("adaptive_avg_pool2d", size) else { return self.tape().poison() };
        if h.is_multiple_of(size[0]) && w.is_multiple_of(size[1]) {
            let kernel = [h / size[0], w / size[1]];
            return self.avg_pool2d(Pool2d { kernel, stride: kernel, padding: [0; 2] });
        }
        let across = self.matmul(means(self.tape(), size[1], w).transpose());
        means(self.tape(), size[0], h).matmul(across)
    }

    /// The largest elements of `size` windows of images `[n, c, h, w]`, which cover each axis evenly (see
    /// [`Var::adaptive_avg_pool2d`]). The gradient goes to the first of the largest in a window. PyTorch's
    /// `adaptive_max_pool2d`.
    #[track_caller]
    pub fn adaptive_max_pool2d(self, size: [usize; 2]) -> Var<'t> {
        let Some(lengths) = self.poolable("adaptive_max_pool2d", size) else { return self.tape().poison() };
        let (mut spread, mut kernel) = (self, [1; 2]);
        for axis in 0..2 {
            let (windows, length) = (size[axis], lengths[axis]);
            kernel[axis] = (0..windows).map(|i| window(i, windows, length).len()).max().unwrap_or(1);
            if length == windows * kernel[axis] {
                continue;
            }
            // Windows of one length, the shorter ones with their last element once more, behind the original.
            let places = (0..windows).flat_map(|i| {
                let window = window(i, windows, length);
                (0..kernel[axis]).map(move |k| (window.start + k).min(window.end - 1) as i64)
            });
            let places = self.tape().index_constant(Tensor::from(places.collect::<Vec<i64>>()));
            spread = spread.index_select(axis as isize + 2, places);
        }
        spread.max_pool2d(Pool2d { kernel, stride: kernel, padding: [0; 2] })
    }

    /// [`Var::adaptive_avg_pool2d`] of lines `[n, c, l]`.
    #[track_caller]
    pub fn adaptive_avg_pool1d(self, size: usize) -> Var<'t> {
        self.of_lines("adaptive_avg_pool1d", |image| image.adaptive_avg_pool2d([1, size]))
    }

    /// [`Var::adaptive_max_pool2d`] of lines `[n, c, l]`.
    #[track_caller]
    pub fn adaptive_max_pool1d(self, size: usize) -> Var<'t> {
        self.of_lines("adaptive_max_pool1d", |image| image.adaptive_max_pool2d([1, size]))
    }

    #[track_caller]
    fn of_lines(self, name: &str, pool: impl Fn(Var<'t>) -> Var<'t>) -> Var<'t> {
        if self.rank() != 3 {
            return self.refuse(name, "the input must be [n, c, l]");
        }
        let pooled = pool(self.unsqueeze(2));
        if pooled.is_poison() { pooled } else { pooled.squeeze(2) }
    }

    /// Height and width of images that can be pooled to this size.
    #[track_caller]
    fn poolable(self, name: &str, size: [usize; 2]) -> Option<[usize; 2]> {
        match self.shape().dims() {
            &[_, _, h, w] if h > 0 && w > 0 && !size.contains(&0) => {
                let sizes = [(size[0], h), (size[1], w)];
                match sizes.iter().find_map(|&(windows, length)| Shape::new(&[windows, length]).err()) {
                    None => Some([h, w]),
                    Some(error) => {
                        self.refuse(name, error.to_string());
                        None
                    }
                }
            }
            _ => {
                self.refuse(
                    name,
                    "the input must be [n, c, h, w] with h and w at least 1, as the size must be",
                );
                None
            }
        }
    }
}
