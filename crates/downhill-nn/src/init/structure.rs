//! Initializers with a structure of their own: orthogonal, identity, Dirac's, sparse.

use super::normal;
use downhill_tensor::linalg::qr;
use downhill_tensor::{Float, Key, Shape, Tensor};

/// A Haar-distributed matrix with orthonormal rows or columns, times `gain`.
pub(super) fn orthogonal<T: Float>(shape: Shape, key: Key, gain: f64, out: &mut [T]) {
    let rows = shape[0];
    let columns = shape[1..].iter().product::<usize>();
    if rows == 0 || columns == 0 {
        return;
    }
    // The factorization is of the tall one of the two orientations. The diagonal of R is positive; with the
    // signs that Householder's reflections leave, Q would not be uniformly distributed.
    let (tall, short) = (rows.max(columns), rows.min(columns));
    let mut random = vec![0.0; tall * short];
    normal([tall, short].into(), key, 0.0, 1.0, &mut random);
    let matrix = Tensor::from_vec(random, [tall, short]).expect("as many numbers as were asked for");
    let q = qr(&matrix).expect("a finite matrix of two dimensions has a QR factorization").q.to_vec();
    for i in 0..tall {
        for j in 0..short {
            let to = if rows >= columns { i * columns + j } else { j * columns + i };
            out[to] = T::from_f64(gain * q[i * short + j]);
        }
    }
}

/// `gain` on the diagonal of a matrix.
pub(super) fn identity<T: Float>(shape: Shape, gain: f64, out: &mut [T]) {
    let columns = shape[1];
    out.fill(T::ZERO);
    for i in 0..shape[0].min(columns) {
        out[i * columns + i] = T::from_f64(gain);
    }
}

/// In each group, 1 at the middle of the window from each input to the output of the same number.
pub(super) fn dirac<T: Float>(shape: Shape, groups: usize, out: &mut [T]) {
    let (outputs, inputs, window) = (shape[0], shape[1], &shape[2..]);
    let area: usize = window.iter().product();
    let middle = window.iter().fold(0, |position, &length| position * length + length / 2);
    out.fill(T::ZERO);
    let in_group = outputs / groups;
    for (group, channel) in (0..groups).flat_map(|group| (0..in_group.min(inputs)).map(move |c| (group, c))) {
        if area > 0 {
            out[((group * in_group + channel) * inputs + channel) * area + middle] = T::ONE;
        }
    }
}

/// Normal, with zeros in a share of each row, of which each choice is equally likely.
pub(super) fn sparse<T: Float>(shape: Shape, key: Key, sparsity: f64, std: f64, out: &mut [T]) {
    let columns = shape[1];
    normal(shape, key, 0.0, std, out);
    let zeros = ((sparsity * columns as f64).ceil() as usize).min(columns);
    for (row, values) in out.chunks_mut(columns.max(1)).enumerate() {
        let order = Tensor::permutation(key.named("zeros").fold(row as u64), columns);
        for place in order.iter().take(zeros) {
            values[place as usize] = T::ZERO;
        }
    }
}
