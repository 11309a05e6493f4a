//! Values, derivatives and errors of operations on arrays where the definition alone does not decide: ties, zeros,
//! repeated numbers, nothing at all, and random numbers.
#![allow(clippy::unwrap_used)] // also in helper functions, which clippy does not count as tests

use downhill_autograd::ops::{Conv1d, Conv2d, Conv3d, Interpolation, Padding};
use downhill_autograd::{Data, Interpreter, Output, Tape, Var, grad};
use downhill_tensor::{Key, Shape, Tensor};

const NAN: f64 = f64::NAN;

/// The values that are recorded from a vector, flat.
fn values(record: impl for<'t> FnOnce(Var<'t>) -> Var<'t>, x: &[f64]) -> Vec<f64> {
    let tape = Tape::new();
    let y = record(tape.input("x", [x.len()]));
    let program = tape.finish(&[Output::new("y", &y)]).unwrap();
    Interpreter.outputs(&program, &[Data::Float(x)], Key::new(0)).unwrap()[0].to_vec()
}

/// The message of the error that recording from a value of this shape leads to.
fn message(shape: impl Into<Shape>, record: impl for<'t> FnOnce(Var<'t>) -> Var<'t>) -> String {
    let tape = Tape::new();
    let y = record(tape.input("x", shape));
    let error = tape.finish(&[Output::new("y", &y)]).unwrap_err().to_string();
    error.split('\n').next().unwrap().to_string()
}

#[test]
fn deviations_and_norms_of_nothing_but_equal_numbers_have_derivative_0() {
    assert_eq!(grad(|x| x.std_over(&[0], 1), &[2.0; 4]).unwrap(), [0.0; 4]);
    assert_eq!(grad(|x| x.norm(), &[0.0; 3]).unwrap(), [0.0; 3]);
    assert_eq!(grad(|x| x.norm_over(&[0], 3.0), &[0.0; 3]).unwrap(), [0.0; 3]);
    assert_eq!(grad(|x| x.norm_over(&[0], f64::INFINITY), &[3.0, -3.0, 1.0]).unwrap(), [0.5, -0.5, 0.0]);
}

#[test]
fn the_gradient_of_a_product_is_right_where_elements_are_0() {
    assert_eq!(grad(|x| x.prod(), &[2.0, 0.0, 3.0]).unwrap(), [0.0, 6.0, 0.0]);
    assert_eq!(grad(|x| x.prod(), &[0.0, 0.0, 3.0]).unwrap(), [0.0; 3]);
    assert_eq!(grad(|x| x.cumprod(0).sum(), &[0.0, 2.0, 3.0]).unwrap(), [9.0, 0.0, 0.0]);
    // The second derivative, too: d²(xyz)/dy dx = z.
    let mixed = downhill_autograd::hessian(|x| x.prod(), &[0.0, 0.0, 3.0]).unwrap();
    assert_eq!(mixed.to_vec(), [0.0, 3.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn reductions_of_nothing_are_what_joins_nothing() {
    assert_eq!(values(|x| x.prod(), &[]), [1.0]);
    assert_eq!(values(|x| x.norm(), &[]), [0.0]);
    assert_eq!(values(|x| x.cumsum(0), &[]), [0.0; 0]);
    assert_eq!(values(|x| x.reshape([0, 0]).det(), &[]), [1.0]);
    assert_eq!(values(|x| x.reshape([0, 3, 3]).log_abs_det(), &[]), [0.0; 0]);
}

#[test]
fn the_logarithm_of_a_sum_of_exponentials_takes_infinities_for_what_they_are() {
    let infinity = f64::INFINITY;
    assert_eq!(values(|x| x.logsumexp(), &[-infinity, -infinity]), [-infinity]);
    assert_eq!(values(|x| x.logsumexp(), &[1.0, infinity]), [infinity]);
    assert_eq!(values(|x| x.logsumexp(), &[0.0, -infinity]), [0.0]);
}

#[test]
fn sorting_keeps_the_order_of_equals_and_counts_nan_as_the_largest() {
    // Where each comes from, through the gradient of a weighted sum.
    fn weights(y: Var<'_>) -> Var<'_> {
        let n = y.dim(0);
        (y * y.tape().constant(Tensor::from_fn([n], |i| i[0] as f64))).sum()
    }
    let x = [2.0, 1.0, 2.0, 1.0];
    assert_eq!(grad(|x| weights(x.sort(0, false).0), &x).unwrap(), [2.0, 0.0, 3.0, 1.0]);
    assert_eq!(grad(|x| weights(x.sort(0, true).0), &x).unwrap(), [0.0, 2.0, 1.0, 3.0]);
    assert_eq!(grad(|x| weights(x.topk(2, 0, true).0), &x).unwrap(), [0.0, 0.0, 1.0, 0.0]);
    let sorted = values(|x| x.sort(0, false).0, &[NAN, 1.0, f64::INFINITY]);
    assert_eq!(sorted[..2], [1.0, f64::INFINITY]);
    assert!(sorted[2].is_nan());
}

#[test]
fn of_what_is_scattered_to_one_place_the_last_stays_and_has_the_gradient() {
    fn scattered(x: Var<'_>) -> Var<'_> {
        let tape = x.tape();
        let places = tape.index_constant(Tensor::from(vec![1i64, 1, 0]));
        x.slice(0, ..3).scatter_along_axis(0, places, x.slice(0, 3..))
    }
    let x = [10.0, 20.0, 30.0, 1.0, 2.0, 3.0];
    assert_eq!(values(scattered, &x), [3.0, 2.0, 30.0]);
    assert_eq!(grad(|x| scattered(x).sum(), &x).unwrap(), [0.0, 0.0, 1.0, 0.0, 1.0, 1.0]);
}

#[test]
fn atan2_has_derivative_0_at_the_origin() {
    assert_eq!(grad(|x| x.at(0).atan2(x.at(1)), &[0.0, 0.0]).unwrap(), [0.0, 0.0]);
}

#[test]
fn the_gradient_of_a_cholesky_factor_is_symmetric() {
    let gradient = grad(
        |x| {
            let l = x.reshape([2, 2]).cholesky();
            (l * l.tape().constant(Tensor::from([[1.0, 9.0], [2.0, -1.0]]))).sum()
        },
        &[4.0, 1.0, 1.0, 3.0],
    );
    let gradient = gradient.unwrap();
    assert_eq!(gradient[1], gradient[2]);
    assert!(gradient.iter().all(|g| *g != 0.0));
}

#[test]
fn random_numbers_have_their_distribution() {
    const N: usize = 40_000;
    let tape = Tape::new();
    let (normal, coin) = (tape.normal([N]), tape.bernoulli(0.3, [N]));
    let moments: Vec<_> = (1..=4).map(|k| normal.powf(f64::from(k)).mean()).collect();
    let far = normal.abs().gt(tape.scalar(1.959_963_985)).mean();
    let program = tape
        .finish(&[Output::flat("moments", &moments), Output::new("far", &far), Output::new("coin", &coin)])
        .unwrap();
    let results = Interpreter.outputs::<f64>(&program, &[], Key::new(3)).unwrap();
    // Within five standard errors: those of the moments of 40,000 numbers are 0.005, 0.007, 0.019, 0.049.
    let moments = results[0].to_vec();
    for ((moment, expected), error) in
        moments.iter().zip([0.0, 1.0, 0.0, 3.0]).zip([0.005, 0.007, 0.019, 0.049])
    {
        assert!((moment - expected).abs() < 5.0 * error, "{moments:?}");
    }
    assert!((results[1].to_vec()[0] - 0.05).abs() < 5.0 * 0.0011);
    let coins = results[2].to_vec();
    assert!(coins.iter().all(|&x| x == 0.0 || x == 1.0));
    assert!((coins.iter().sum::<f64>() / N as f64 - 0.3).abs() < 5.0 * 0.0023);
    let again = Interpreter.outputs::<f64>(&program, &[], Key::new(4)).unwrap();
    assert_ne!(again[2].to_vec(), coins);
}

#[test]
fn what_cannot_be_is_refused_in_words() {
    assert_eq!(
        message([1, 3], |x| x.var_over(&[0], 1)),
        "`var` cannot take float[1, 3]: there must be more than 1 elements (the correction), not 1"
    );
    assert_eq!(
        message([2], |x| x.topk(3, 0, true).0),
        "`argsort` cannot take float[2]: 3 elements are wanted, but axis 0 has 2"
    );
    assert_eq!(
        message([3], |x| x.pad_with(0, 3, 0, Padding::Reflect)),
        "`pad` cannot take float[3]: an axis of 3 elements can be padded by at most 2 in this way, not by 3 and 0"
    );
    assert_eq!(
        message([5], |x| x.split(0, &[2, 2])[0]),
        "`split` cannot take float[5]: the lengths [2, 2] must add up to 5, not 4"
    );
    assert_eq!(
        message([2, 3], |x| x.tape().einsum("ij,jk->ik", &[x, x])),
        "`einsum` cannot take float[2, 3] and float[2, 3]: in `ij,jk->ik`, axis `j` is 3 long in one operand and 2 in \
         another"
    );
    assert_eq!(
        message([2, 3], |x| x.tape().einsum("ij->ik", &[x])),
        "`einsum` cannot take float[2, 3]: in `ij->ik`, `k` of the result occurs in no operand"
    );
    assert_eq!(
        message([2, 3], |x| x.inverse()),
        "`inverse` cannot take float[2, 3]: the last two axes must be those of square matrices"
    );
    assert_eq!(
        message([2, 2, 3, 3], |x| x.conv_transpose2d(x, Conv2d::default(), [1, 0])),
        "`conv_transpose2d` cannot take float[2, 2, 3, 3]: the output padding (1) must be less than the stride (1)"
    );
    assert_eq!(
        message([], |x| x.tape().bernoulli(1.5, [2]) * x),
        "the probability of `bernoulli`: expected a number from 0 to 1, got 1.5"
    );
    assert_eq!(
        message([4], |x| x.polygamma(0)),
        "`polygamma` cannot take float[4]: the order must be from 1 to 20 (0 is `digamma`); it is 0"
    );
}

#[test]
fn a_singular_matrix_is_found_when_the_program_runs() {
    let tape = Tape::new();
    let x = tape.input("x", [2, 2]);
    let gradient = tape.grad(x.det(), &[x])[0];
    let program = tape.finish(&[Output::new("gradient", &gradient)]).unwrap();
    let error =
        Interpreter.outputs(&program, &[Data::Float(&[1.0, 2.0, 2.0, 4.0])], Key::new(0)).unwrap_err();
    let said = "`inverse` failed: inverse: the matrix is singular to working precision";
    assert!(error.to_string().starts_with(said), "{error}");
}

#[test]
fn numbers_along_an_axis_out_of_range_are_found_when_the_program_runs() {
    let tape = Tape::new();
    let (x, i) = (tape.input("x", [2, 3]), tape.index_input("i", [1, 2]));
    let program = tape.finish(&[Output::new("y", &x.take_along_axis(i, 1))]).unwrap();
    let inputs = [Data::Float(&[0.0; 6]), Data::Index(&[2, -1])];
    let error = Interpreter.outputs::<f64>(&program, &inputs, Key::new(0)).unwrap_err().to_string();
    let said = "`take_along_axis` failed: index -1 at position 1 is out of range: axis 1 has 3 elements";
    assert!(error.starts_with(said), "{error}");
}

#[test]
fn options_beyond_all_bounds_are_refused_and_never_panic() {
    type Record = fn(Var<'_>) -> Var<'_>;
    let cases: [Record; 24] = [
        |x| x.resample(0, usize::MAX, Interpolation::Nearest),
        |x| x.adaptive_avg_pool2d([usize::MAX, 3]),
        |x| x.tape().eye(usize::MAX).sum() * x,
        |x| x.tile(&[usize::MAX, 1, 1, 1]),
        |x| x.tile(&[]),
        |x| x.repeat(0, usize::MAX),
        |x| x.split(0, &[usize::MAX, usize::MAX])[0],
        |x| x.chunk(0, 0)[0],
        |x| x.diag_embed(isize::MIN),
        |x| x.topk(usize::MAX, 0, true).0,
        |x| x.pad_with(0, usize::MAX, 1, Padding::Replicate),
        |x| x.pad_with(0, usize::MAX, 1, Padding::Circular),
        |x| x.pad_with(0, usize::MAX, 1, Padding::Constant(1.0)),
        |x| x.conv_transpose2d(x, Conv2d { stride: [usize::MAX; 2], ..Conv2d::default() }, [1, 1]),
        |x| x.conv_transpose2d(x, Conv2d { padding: [usize::MAX; 2], ..Conv2d::default() }, [0, 0]),
        |x| x.conv1d(x, Conv1d { padding: usize::MAX, ..Conv1d::default() }),
        |x| {
            x.reshape([1, 2, 2, 2, 2])
                .conv3d(x.reshape([1, 2, 2, 2, 2]), Conv3d { padding: [usize::MAX; 3], ..Conv3d::default() })
        },
        |x| {
            x.reshape([1, 2, 2, 2, 2])
                .conv3d(x.reshape([1, 2, 2, 2, 2]), Conv3d { stride: [0; 3], ..Conv3d::default() })
        },
        |x| x.adaptive_avg_pool2d([0, 1]),
        |x| x.resample(0, 0, Interpolation::Linear),
        |x| x.var_over(&[0], usize::MAX),
        |x| x.norm_over(&[0], f64::NAN),
        |x| x.cumsum(9),
        |x| x.tape().einsum("...", &[x, x]),
    ];
    for (i, record) in cases.into_iter().enumerate() {
        let tape = Tape::new();
        let y = record(tape.input("x", [2, 2, 2, 2]));
        assert!(tape.finish(&[Output::new("y", &y)]).is_err(), "case {i}");
    }
    // Diagonals beyond the matrix are empty.
    let tape = Tape::new();
    let x = tape.input("x", [2, 2]);
    let ends = [x.diagonal(isize::MAX), x.diagonal(isize::MIN)];
    assert!(ends.iter().all(|y| y.shape() == Shape::from([0])));
    let _ = (x.tril(isize::MAX), x.triu(isize::MIN), x.roll(0, isize::MIN));
    assert!(tape.error().is_none());
}
