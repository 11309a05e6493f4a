//! Whether a point is a local minimum, found out without the method that led there.

/// The smallest eigenvalue of the Hessian by central differences of gradients, and the largest absolute one.
///
/// By Jacobi's rotations (G. Golub, C. Van Loan, *Matrix Computations* (2013), section 8.5).
pub fn extreme_curvatures(function: impl Fn(&[f64], &mut [f64]) -> f64, x: &[f64]) -> (f64, f64) {
    let n = x.len();
    let mut hessian = vec![vec![0.0; n]; n];
    let (mut above, mut below) = (vec![0.0; n], vec![0.0; n]);
    for i in 0..n {
        let step = (1e-5 * x[i].abs()).clamp(1e-8, 1e-3);
        let mut moved = x.to_vec();
        moved[i] = x[i] + step;
        let high = moved[i];
        function(&moved, &mut above);
        moved[i] = x[i] - step;
        let width = high - moved[i];
        function(&moved, &mut below);
        (0..n).for_each(|j| hessian[i][j] = (above[j] - below[j]) / width);
    }
    for i in 0..n {
        for j in 0..i {
            let mean = 0.5 * (hessian[i][j] + hessian[j][i]);
            (hessian[i][j], hessian[j][i]) = (mean, mean);
        }
    }
    for _ in 0..50 {
        for i in 0..n {
            for j in 0..i {
                rotate(&mut hessian, i, j);
            }
        }
    }
    let diagonal = (0..n).map(|i| hessian[i][i]);
    (diagonal.clone().fold(f64::INFINITY, f64::min), diagonal.fold(0.0, |most, d| most.max(d.abs())))
}

/// Turns the axes `i` and `j` so that the element between them becomes 0.
fn rotate(matrix: &mut [Vec<f64>], i: usize, j: usize) {
    if matrix[i][j] == 0.0 {
        return;
    }
    let angle = 0.5 * (2.0 * matrix[i][j]).atan2(matrix[i][i] - matrix[j][j]);
    let (sine, cosine) = angle.sin_cos();
    for row in matrix.iter_mut() {
        let (a, b) = (row[i], row[j]);
        (row[i], row[j]) = (cosine * a + sine * b, cosine * b - sine * a);
    }
    for column in 0..matrix.len() {
        let (a, b) = (matrix[i][column], matrix[j][column]);
        (matrix[i][column], matrix[j][column]) = (cosine * a + sine * b, cosine * b - sine * a);
    }
}

#[test]
fn curvatures_of_a_known_matrix_are_found() {
    // Eigenvalues 1, 3 and -2.
    let function = |x: &[f64], gradient: &mut [f64]| {
        gradient.copy_from_slice(&[2.0 * x[0] + x[1], x[0] + 2.0 * x[1], -2.0 * x[2]]);
        0.0
    };
    let (least, most) = extreme_curvatures(function, &[0.3, -1.0, 2.0]);
    assert!((least + 2.0).abs() < 1e-9 && (most - 3.0).abs() < 1e-9, "{least} {most}");
}
