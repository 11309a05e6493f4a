//! The main directions of a cloud of points: standardize, covariance, eigenvectors, and how much each explains.
//!
//! Run with `cargo run -p downhill-tensor --example principal_components`.
#![allow(clippy::print_stdout)]

use downhill_tensor::{Key, Result, Tensor, linalg};

fn main() -> Result<()> {
    // 500 points in three dimensions that really vary in two: a long direction, a short one, and noise.
    let key = Key::new(7);
    let hidden =
        Tensor::<f64>::normal(key.named("hidden"), [500, 2], 0.0, 1.0)?.mul(&Tensor::from([3.0, 1.0]))?;
    let directions = Tensor::from([[0.6, 0.8, 0.0], [0.0, 0.0, 1.0]]);
    let noise = Tensor::normal(key.named("noise"), [500, 3], 0.0, 0.1)?;
    let points = hidden.matmul(&directions)?.add(&noise)?;
    println!("the first points\n{}\n", points.slice(0, ..4)?);

    // Centre by broadcasting the column means; the covariance is one product of matrices.
    let centred = points.sub(&points.mean(0, true)?)?;
    let covariance = centred.transpose()?.matmul(&centred)? / 499.0;
    println!("covariance\n{covariance}\n");

    // Eigenvalues come smallest first; reversing the views puts the main direction in front.
    let eigen = linalg::symmetric_eigen(&covariance)?;
    let (variances, components) = (eigen.values.flip(0)?, eigen.vectors.flip(1)?);
    let total = variances.sum(.., false)?.item()?;
    for (i, variance) in variances.iter().enumerate() {
        let component = components.select(1, i)?;
        println!("component {}: {:5.1} % of the variance along {component}", i + 1, 100.0 * variance / total);
    }

    // The same directions from the points themselves: the squared singular values are 499 times the variances.
    let svd = linalg::svd(&centred)?;
    let from_svd = svd.singular_values.square() / 499.0;
    println!(
        "\nlargest difference to the singular values' way: {:.1e}",
        from_svd.max_abs_difference(&variances)?
    );

    // Two numbers a point instead of three, and what that loses.
    let main = components.slice(1, ..2)?;
    let restored = centred.matmul(&main)?.matmul(&main.transpose()?)?;
    let lost = restored.sub(&centred)?.square().mean(.., false)?.item()?.sqrt();
    let expected = 0.1 / 3f64.sqrt();
    println!(
        "root mean square error with two components: {lost:.3} (noise of 0.1 in one of three: {expected:.3})"
    );
    Ok(())
}
