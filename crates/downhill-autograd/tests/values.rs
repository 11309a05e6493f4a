//! What operations on arrays mean, against definitions written out here and against the array library.
#![allow(clippy::unwrap_used)] // also in helper functions, which clippy does not count as tests

use downhill_autograd::ops::Conv2d;
use downhill_autograd::testing::CaseRng;
use downhill_autograd::{Interpreter, Output, Tape, Var};
use downhill_tensor::{Key, Slice, Tensor};

/// The value of a function of constants.
fn value(operands: &[&Tensor<f64>], function: impl for<'t> Fn(&[Var<'t>]) -> Var<'t>) -> Tensor<f64> {
    let tape = Tape::new();
    let vars: Vec<_> = operands.iter().map(|&x| tape.constant(x.clone())).collect();
    let program = tape.finish(&[Output::new("y", &function(&vars))]).unwrap();
    Interpreter.outputs(&program, &[], Key::new(0)).unwrap().remove(0)
}

#[test]
fn convolutions_agree_with_their_definition() {
    let mut rng = CaseRng::new(1);
    for round in 0..60 {
        let pair = |rng: &mut CaseRng, low, high| [rng.within(low..=high), rng.within(low..=high)];
        let groups = rng.within(1..=3);
        let [in_group, out_group] = pair(&mut rng, 1, 2);
        let options = Conv2d {
            stride: pair(&mut rng, 1, 3),
            padding: pair(&mut rng, 0, 2),
            dilation: pair(&mut rng, 1, 2),
            groups,
        };
        let ([kh, kw], [h, w]) = (pair(&mut rng, 1, 3), pair(&mut rng, 5, 7));
        let x = rng.tensor([2, in_group * groups, h, w].into(), -1.0, 1.0);
        let weight = rng.tensor([out_group * groups, in_group, kh, kw].into(), -1.0, 1.0);
        let y = value(&[&x, &weight], |v| v[0].conv2d(v[1], options));
        let expected = Tensor::from_fn(y.shape(), |at| {
            let group = at[1] / out_group;
            let mut sum = 0.0;
            for (c, p, q) in (0..in_group)
                .flat_map(|c| (0..kh).map(move |p| (c, p)))
                .flat_map(|(c, p)| (0..kw).map(move |q| (c, p, q)))
            {
                let row = at[2] * options.stride[0] + p * options.dilation[0];
                let column = at[3] * options.stride[1] + q * options.dilation[1];
                let inside = (options.padding[0]..h + options.padding[0]).contains(&row)
                    && (options.padding[1]..w + options.padding[1]).contains(&column);
                if inside {
                    let (row, column) = (row - options.padding[0], column - options.padding[1]);
                    let pixel = x.get(&[at[0], group * in_group + c, row, column]).unwrap();
                    sum += pixel * weight.get(&[at[1], c, p, q]).unwrap();
                }
            }
            sum
        });
        let reach = [options.dilation[0] * (kh - 1) + 1, options.dilation[1] * (kw - 1) + 1];
        let size = [0, 1].map(|i| ([h, w][i] + 2 * options.padding[i] - reach[i]) / options.stride[i] + 1);
        assert_eq!(y.shape().dims(), [2, out_group * groups, size[0], size[1]], "round {round}");
        assert!(y.all_close(&expected, 1e-12, 1e-12).unwrap(), "round {round}: {options:?}");
    }
}

#[test]
fn operations_on_arrays_agree_with_the_array_library() {
    let mut rng = CaseRng::new(2);
    let same = |name: &str, actual: Tensor<f64>, expected: Tensor<f64>| {
        assert_eq!(actual.shape(), expected.shape(), "{name}");
        assert!(actual.all_close(&expected, 1e-13, 1e-13).unwrap(), "{name}: {actual} and {expected}");
    };
    for _ in 0..40 {
        let [m, k, n] = [0; 3].map(|_| rng.within(1..=4));
        let batch = rng.within(1..=3);
        let a = rng.tensor([batch, 1, m, k].into(), -1.0, 1.0);
        let b = rng.tensor([2, k, n].into(), -1.0, 1.0);
        same("matmul", value(&[&a, &b], |v| v[0].matmul(v[1])), a.matmul(&b).unwrap());
        same("sum", value(&[&a], |v| v[0].sum_over(&[0, -1])), a.sum([0, -1], false).unwrap());
        same("max", value(&[&a], |v| v[0].max_over(&[2])), a.max([2], false).unwrap());
        same("min", value(&[&a], |v| v[0].min_over(&[2, 0])), a.min([2, 0], false).unwrap());
        same("mean", value(&[&a], |v| v[0].mean_keep(&[-1])), a.mean([-1], true).unwrap());
        same("variance", value(&[&b], |v| v[0].variance_keep(&[1])), b.var([1], 0, true).unwrap());
        same("permute", value(&[&b], |v| v[0].permute(&[2, 0, 1])), b.permute(&[2, 0, 1]).unwrap());
        same("flip", value(&[&b], |v| v[0].flip(1)), b.flip(1).unwrap());
        let part = Slice { start: None, end: None, step: rng.pick(&[-2, 2, 3]) };
        same("slice", value(&[&b], |v| v[0].slice(-1, part)), b.slice(-1, part).unwrap());
        let c = rng.tensor([2, 3, n].into(), -1.0, 1.0);
        let joined = Tensor::concatenate(&[b.clone(), c.clone()], 1).unwrap();
        same("concat", value(&[&b, &c], |v| v[0].tape().concat(v, 1)), joined);
        let stacked = Tensor::stack(&[b.clone(), b.clone()], -1).unwrap();
        same("stack", value(&[&b, &b], |v| v[0].tape().stack(v, -1)), stacked);
        let rows = rng.indices([3].into(), k);
        let table = b.select(0, 1).unwrap();
        let positions: Vec<usize> = rows.to_vec().into_iter().map(|row| row as usize).collect();
        let expected = table.index_select(0, &positions).unwrap();
        same("gather", value(&[&table], |v| v[0].gather(v[0].tape().index_constant(rows.clone()))), expected);
    }
}
