//! Each loss: its value by hand, its gradient, its behaviour far out, and what it refuses.
#![allow(clippy::unwrap_used)]

mod common;

use common::{assert_close, random};
use downhill_autograd::{
    Data, Interpreter, Kind, Output, Precision, Tape, Tolerance, Type, Var, check_gradients,
};
use downhill_nn::losses::*;
use downhill_tensor::{Float, Key, Shape, Tensor};

/// Value and gradient of a loss at an output and a target.
fn at<T: Precision>(
    loss: &impl LossFunction,
    output: (&[f64], &[usize]),
    target: Data<'_, T>,
    target_shape: &[usize],
) -> (f64, Vec<f64>) {
    let tape = Tape::new();
    let y = tape.input("output", Shape::new(output.1).unwrap());
    let shape = Shape::new(target_shape).unwrap();
    let t = match target.kind_and_len().unwrap().0 {
        Kind::Float => tape.input("target", shape),
        Kind::Index => tape.index_input("target", shape),
    };
    let value = loss.loss(y, t);
    let gradient = tape.grad(value, &[y])[0];
    let program = tape.finish(&[Output::new("loss", &value), Output::new("gradient", &gradient)]).unwrap();
    let y: Vec<T> = output.0.iter().map(|&y| T::from_f64(y)).collect();
    let results = Interpreter.outputs(&program, &[Data::Float(&y), target], Key::new(0)).unwrap();
    let doubles = |x: &Tensor<T>| x.to_vec().into_iter().map(Float::to_f64).collect::<Vec<_>>();
    (doubles(&results[0])[0], doubles(&results[1]))
}

#[test]
fn losses_of_numbers_are_their_formulas() {
    let output = (&[1.0, -2.0, 4.0, 0.5][..], &[2usize, 2][..]);
    let target = Data::Float(&[0.5, 1.0, 4.0, 0.0][..]);
    // The errors are 0.5, -3, 0 and 0.5.
    let (value, gradient) = at(&Loss::MeanSquaredError, output, target, &[2, 2]);
    assert_close(&[value], &[9.5 / 4.0]);
    assert_close(&gradient, &[0.25, -1.5, 0.0, 0.25]);
    let (value, gradient) = at(&Loss::MeanAbsoluteError, output, target, &[2, 2]);
    assert_close(&[value], &[1.0]);
    assert_close(&gradient, &[0.25, -0.25, 0.0, 0.25]);
    let (value, gradient) = at(&Loss::Huber { delta: 2.0 }, output, target, &[2, 2]);
    assert_close(&[value], &[(0.125 + 2.0 * (3.0 - 1.0) + 0.125) / 4.0]);
    assert_close(&gradient, &[0.125, -0.5, 0.0, 0.125]);
}

#[test]
fn reductions_are_the_mean_the_sum_and_nothing() {
    let tape = Tape::new();
    let (y, t) = (tape.input("y", [3]), tape.input("t", [3]));
    let of = |reduction| Loss::MeanSquaredError.reduced(y, t, reduction);
    let (mean, sum, none) = (of(Reduction::Mean), of(Reduction::Sum), of(Reduction::None));
    let program = tape
        .finish(&[Output::new("mean", &mean), Output::new("sum", &sum), Output::new("none", &none)])
        .unwrap();
    let data = [Data::Float(&[1.0, 2.0, 3.0][..]), Data::Float(&[0.0; 3][..])];
    let results = Interpreter.outputs::<f64>(&program, &data, Key::new(0)).unwrap();
    assert_close(&results[0].to_vec(), &[14.0 / 3.0]);
    assert_eq!(results[1].to_vec(), [14.0]);
    assert_eq!(results[2].to_vec(), [1.0, 4.0, 9.0]);
}

#[test]
fn cross_entropy_is_the_negative_log_of_the_right_probability() {
    let logits = [1.0, 2.0, 0.5, -1.0, 0.0, 3.0];
    let (value, gradient) = at::<f64>(&Loss::CrossEntropy, (&logits, &[2, 3]), Data::Index(&[1, 0]), &[2]);
    let mut expected = (0.0, Vec::new());
    for (row, class) in logits.chunks(3).zip([1usize, 0]) {
        let total: f64 = row.iter().map(|z| z.exp()).sum();
        expected.0 -= (row[class].exp() / total).ln() / 2.0;
        expected.1.extend(
            row.iter().enumerate().map(|(i, z)| (z.exp() / total - f64::from(u8::from(i == class))) / 2.0),
        );
    }
    assert_close(&[value], &[expected.0]);
    assert_close(&gradient, &expected.1);
    let (at_start, _) = at::<f64>(&Loss::CrossEntropy, (&[0.0; 10], &[1, 10]), Data::Index(&[3]), &[1]);
    assert_close(&[at_start], &[10f64.ln()]);
}

#[test]
fn cross_entropy_takes_sequences_position_by_position() {
    let logits = random([2, 3, 4], "logits").to_vec();
    let classes = [0, 1, 2, 3, 0, 1];
    let (sequences, _) = at::<f64>(&cross_entropy, (&logits, &[2, 3, 4]), Data::Index(&classes), &[2, 3]);
    let (rows, _) = at::<f64>(&cross_entropy, (&logits, &[6, 4]), Data::Index(&classes), &[6]);
    assert_close(&[sequences], &[rows]);
}

fn stays_finite<T: Precision>() {
    let far = [1e4, -1e4, 0.0];
    for class in 0..3 {
        let (value, gradient) = at::<T>(&Loss::CrossEntropy, (&far, &[1, 3]), Data::Index(&[class]), &[1]);
        assert_eq!(value, [0.0, 2e4, 1e4][class as usize]);
        let mut expected = [1.0, 0.0, 0.0];
        expected[class as usize] -= 1.0;
        assert_eq!(gradient, expected);
    }
    let impossible = [2.0, f64::NEG_INFINITY, 2.0];
    let (value, gradient) = at::<T>(&Loss::CrossEntropy, (&impossible, &[1, 3]), Data::Index(&[0]), &[1]);
    assert!((value - 2f64.ln()).abs() < 1e-6 && gradient == [-0.5, 0.0, 0.5], "{value} {gradient:?}");

    let targets = [T::ZERO, T::ONE, T::ZERO, T::ONE];
    let logits = [1e4, 1e4, -1e4, -1e4];
    let (value, gradient) = at::<T>(&Loss::BinaryCrossEntropy, (&logits, &[4]), Data::Float(&targets), &[4]);
    assert_eq!(value, 5e3);
    assert_eq!(gradient, [0.25, 0.0, 0.0, -0.25]);
}

#[test]
fn classification_losses_stay_finite_at_ten_thousand_and_beside_impossible_classes() {
    stays_finite::<f32>();
    stays_finite::<f64>();
}

#[test]
fn in_single_precision_every_loss_is_finite_with_a_finite_gradient_at_ten_thousand() {
    let far = [1e4, -1e4, 0.0, 1e4, -1e4, 3.0];
    let smoothed =
        CrossEntropy { weight: Some(vec![0.5, 1.0, 2.0]), ignore_index: Some(-1), label_smoothing: 0.1 };
    let balanced = BinaryCrossEntropy { weight: Some(vec![0.5]), pos_weight: Some(vec![1.0, 2.0, 3.0]) };
    let mut losses: Vec<(String, Box<dyn LossFunction>)> =
        vec![("smoothed".into(), Box::new(smoothed)), ("balanced".into(), Box::new(balanced))];
    losses.extend(Loss::ALL.map(|loss| (format!("{loss:?}"), Box::new(loss) as Box<dyn LossFunction>)));
    for gamma in [0.0, 0.5, 1.0, 3.5] {
        losses.push((format!("focal {gamma}"), Box::new(Loss::Focal { alpha: None, gamma })));
    }
    for (name, loss) in losses {
        // The rate of a Poisson distribution is the exponential of the output, and infinite there by nature.
        if name.starts_with("PoissonNll") {
            continue;
        }
        let classes = ["smoothed", "CrossEntropy", "SmoothedCrossEntropy", "NegativeLogLikelihood"];
        let of_classes = classes.iter().any(|start| name.starts_with(start));
        for target in [[0.0; 6], [1.0; 6], [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]] {
            let classes = target.map(|t| 2 * t as i64);
            let single = target.map(|t| t as f32);
            let loss = loss_fn(|output, target| loss.loss(output, target));
            let (value, gradient) = if of_classes {
                at::<f32>(&loss, (&far, &[2, 3]), Data::Index(&classes[..2]), &[2])
            } else {
                at::<f32>(&loss, (&far, &[2, 3]), Data::Float(&single), &[2, 3])
            };
            assert!(value.is_finite(), "{name}: {value}");
            assert!(gradient.iter().all(|g| g.is_finite()), "{name}: {gradient:?}");
        }
    }
}

#[test]
fn losses_of_more_than_an_output_and_a_target_are_finite_at_ten_thousand_as_well() {
    let far = [1e4, -1e4, 0.0, 1e4, -1e4, 3.0, 1e4, 1e4, -1e4, 2.0, 0.0, -1e4];
    let whole = |values: &[i64]| Tensor::from(values.to_vec());
    let near: Vec<f32> = far.iter().map(|&x| -(x as f32)).collect();
    type Record = for<'t> fn(Var<'t>, Var<'t>) -> Var<'t>;
    let losses: [(&str, Record); 6] = [
        ("gaussian", |y, t| gaussian_nll(y, t, t.square(), 1e-6, true)),
        ("ranking", |y, t| margin_ranking(y, t, t.sign(), 0.1)),
        ("alike", |y, t| cosine_embedding(y, t, t.tape().ones([4]), 0.1)),
        ("unlike", |y, t| cosine_embedding(y, t, -t.tape().ones([4]), 0.1)),
        ("triplet", |y, t| triplet_margin(y, t, y * 0.5, TripletMargin::default())),
        ("triplet of itself", |y, t| {
            triplet_margin(y, y, t, TripletMargin { margin: 1e5, ..Default::default() })
        }),
    ];
    for (name, loss) in losses {
        let (value, gradient) = at::<f32>(&loss_fn(loss), (&far, &[4, 3]), Data::Float(&near), &[4, 3]);
        assert!(value.is_finite() && gradient.iter().all(|g| g.is_finite()), "{name}: {value} {gradient:?}");
    }
    let ctc = loss_fn(|output, _| {
        let constant = |values: Tensor<i64>| output.tape().index_constant(values);
        let (labels, steps, counts) = (constant(whole(&[1, 2]).reshape([1, 2]).unwrap()), [4], [2]);
        let (steps, counts) = (constant(whole(&steps)), constant(whole(&counts)));
        Ctc::default().reduced(output.log_softmax(), labels, steps, counts, Reduction::Mean)
    });
    let (value, gradient) = at::<f32>(&ctc, (&far, &[1, 4, 3]), Data::Float(&[]), &[0]);
    assert!(value.is_finite() && gradient.iter().all(|g| g.is_finite()), "{value} {gradient:?}");
}

#[test]
fn where_all_targets_are_ignored_the_loss_is_zero_and_so_is_its_gradient() {
    let loss = CrossEntropy { ignore_index: Some(7), ..CrossEntropy::default() };
    let found = at::<f64>(&loss, (&[1.0, 2.0, 3.0, 4.0], &[2, 2]), Data::Index(&[7, 7]), &[2]);
    assert_eq!(found, (0.0, vec![0.0; 4]));
}

#[test]
fn ctc_is_the_sum_over_all_ways_to_lay_the_labels() {
    // Three steps, classes blank, a, b. The label "ab" lies as ab-, a-b, -ab, aab, abb.
    let p = [[0.2, 0.5, 0.3], [0.6, 0.1, 0.3], [0.3, 0.3, 0.4]];
    let ways = [[1, 2, 0], [1, 0, 2], [0, 1, 2], [1, 1, 2], [1, 2, 2]];
    let likelihood: f64 = ways.iter().map(|way| (0..3).map(|t| p[t][way[t]]).product::<f64>()).sum();
    let log_p: Vec<f64> = p.iter().flatten().map(|p: &f64| p.ln()).collect();
    let loss = |labels: &[i64], reduction| {
        let labels = Tensor::from_slice(labels, [1, labels.len()]).unwrap();
        let counts = Tensor::from(vec![labels.size() as i64]);
        let loss = loss_fn(move |output, _| {
            let constant = |whole: &Tensor<i64>| output.tape().index_constant(whole.clone());
            let steps = constant(&Tensor::from(vec![3i64]));
            Ctc::default().reduced(output, constant(&labels), steps, constant(&counts), reduction)
        });
        at::<f64>(&loss, (&log_p, &[1, 3, 3]), Data::Float(&[]), &[0])
    };
    assert_close(&[loss(&[1, 2], Reduction::Sum).0], &[-likelihood.ln()]);
    assert_close(&[loss(&[1, 2], Reduction::Mean).0], &[-likelihood.ln() / 2.0]);
    // Two of the same need a blank between them: there is one way, and none for three.
    assert_close(&[loss(&[1, 1], Reduction::Sum).0], &[-(0.5f64 * 0.6 * 0.3).ln()]);
    assert_eq!(loss(&[1, 1, 1], Reduction::Sum), (f64::INFINITY, vec![0.0; 9]));
}

#[test]
fn a_probability_at_the_wrong_end_has_a_loss_of_one_hundred() {
    let found = at::<f64>(&probability_cross_entropy, (&[0.0, 1.0], &[2]), Data::Float(&[1.0, 0.0]), &[2]);
    assert_eq!(found.0, 100.0);
    assert!(found.1.iter().all(|g| g.is_finite()));
}

#[test]
fn binary_cross_entropy_is_its_formula_at_zero_too() {
    let (logits, targets) = ([0.0, 1.5, -2.0], [1.0, 0.25, 0.0]);
    let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
    let pairs = || logits.iter().zip(&targets);
    let expected = pairs().map(|(&z, &t)| -t * sigmoid(z).ln() - (1.0 - t) * sigmoid(-z).ln()).sum::<f64>();
    let (value, gradient) = at::<f64>(&binary_cross_entropy, (&logits, &[3, 1]), Data::Float(&targets), &[3]);
    assert_close(&[value], &[expected / 3.0]);
    assert_close(&gradient, &pairs().map(|(&z, &t)| (sigmoid(z) - t) / 3.0).collect::<Vec<_>>());
    let whole = at::<f64>(&binary_cross_entropy, (&logits, &[3]), Data::Index(&[1, 0, 0]), &[3]);
    assert_eq!(whole, at(&binary_cross_entropy, (&logits, &[3]), Data::Float(&[1.0, 0.0, 0.0]), &[3]));
}

#[test]
fn squared_error_of_classes_is_against_unit_vectors_and_over_all_elements() {
    let output = [0.5, 0.5, 1.0, 0.0];
    let (value, gradient) =
        at::<f64>(&Loss::MeanSquaredError, (&output, &[2, 2]), Data::Index(&[0, 1]), &[2]);
    assert_close(&[value], &[(0.25 + 0.25 + 1.0 + 1.0) / 4.0]);
    assert_close(&gradient, &[-0.25, 0.25, 0.5, -0.5]);
}

#[test]
fn derivatives_agree_with_finite_differences() {
    let y = random([4, 3], "output");
    let t = random([4, 3], "target");
    for loss in [
        Loss::MeanSquaredError,
        Loss::MeanAbsoluteError,
        Loss::Huber { delta: 0.7 },
        Loss::SmoothL1 { beta: 0.7 },
        Loss::LogCosh,
        Loss::Quantile { quantile: 0.2 },
        Loss::PoissonNll { log_input: true, full: false },
        Loss::KlDivergence { log_target: true },
        Loss::Hinge,
        Loss::SquaredHinge,
        Loss::Focal { alpha: Some(0.25), gamma: 2.0 },
    ] {
        check_gradients(|v| loss.loss(v[0], v[1]), &[y.clone(), t.clone()], Tolerance::default())
            .unwrap_or_else(|error| panic!("{loss:?}: {error}"));
    }
    let (a, b, c) = (random([4, 3], "a"), random([4, 3], "b"), random([4, 3], "c"));
    let options = TripletMargin { margin: 2.0, p: 2.0, swap: true };
    check_gradients(
        |v| triplet_margin(v[0], v[1], v[2], options),
        &[a.clone(), b.clone(), c],
        Tolerance::default(),
    )
    .unwrap();
    let variance = Tensor::uniform(Key::new(2), [4, 3], 0.2, 2.0).unwrap();
    check_gradients(
        |v| gaussian_nll(v[0], v[1], v[2], 1e-6, true),
        &[a.clone(), b.clone(), variance],
        Tolerance::default(),
    )
    .unwrap();
    check_gradients(
        |v| cosine_embedding(v[0], v[1], v[0].tape().index_constant(Tensor::from(vec![1i64, 0, 1, 0])), -0.5),
        &[a, b],
        Tolerance::default(),
    )
    .unwrap();
    let labels = || Tensor::from_slice(&[1i64, 2, 1, 1], [2, 2]).unwrap();
    check_gradients(
        |v| {
            let whole = |values: Tensor<i64>| v[0].tape().index_constant(values);
            let (steps, counts) = (whole(Tensor::from(vec![4i64, 3])), whole(Tensor::from(vec![1i64, 2])));
            Ctc::default().reduced(v[0].log_softmax(), whole(labels()), steps, counts, Reduction::Mean)
        },
        &[random([2, 4, 3], "logits")],
        Tolerance::default(),
    )
    .unwrap();
    let probabilities = Tensor::uniform(Key::new(1), [4, 3], 0.0, 1.0).unwrap();
    let loss = Loss::BinaryCrossEntropy;
    check_gradients(|v| loss.loss(v[0], v[1]), &[y.clone(), probabilities], Tolerance::default()).unwrap();
    check_gradients(
        |v| Loss::CrossEntropy.loss(v[0], v[0].tape().index_constant(Tensor::from(vec![0i64, 2, 1, 2]))),
        &[y],
        Tolerance::default(),
    )
    .unwrap();
}

#[test]
fn what_does_not_fit_is_refused_and_never_broadcast() {
    let error = |loss: Loss, output: Type, target: Type| {
        let network = downhill_nn::Network::new(downhill_nn::Sequential::new(), output).unwrap();
        network.evaluation_program(output, target, &loss).unwrap_err().to_string()
    };
    let broadcast = error(Loss::MeanSquaredError, Type::float([4, 3]), Type::float([3]));
    let start = "`mse` cannot take float[4, 3] and float[3]: output and target must have the same shape";
    assert!(broadcast.starts_with(start) && broadcast.contains("in layer `(loss)`"), "{broadcast}");
    assert!(error(Loss::MeanAbsoluteError, Type::float([4]), Type::float([4, 1])).contains("`mae`"));
    let classes = error(Loss::MeanSquaredError, Type::float([4]), Type::index([4]));
    assert!(classes.contains("one more axis of classes"), "{classes}");
    let float = error(Loss::CrossEntropy, Type::float([4, 3]), Type::float([4]));
    assert!(float.contains("the class of each, whole numbers [..]"), "{float}");
    assert!(error(Loss::CrossEntropy, Type::float([4, 3]), Type::index([3])).contains("[.., classes]"));
    assert!(error(Loss::BinaryCrossEntropy, Type::float([4, 2]), Type::float([4])).contains("same shape"));
    assert!(error(Loss::Huber { delta: 0.0 }, Type::float([4]), Type::float([4])).contains("not 0"));
    for (loss, expected) in [
        (Loss::SmoothL1 { beta: -1.0 }, "beta must not be negative"),
        (Loss::Quantile { quantile: 1.0 }, "between 0 and 1, not 1"),
        (Loss::Focal { alpha: Some(2.0), gamma: 1.0 }, "alpha must be from 0 to 1"),
        (Loss::Focal { alpha: None, gamma: f64::NAN }, "gamma not negative"),
        (Loss::SmoothedCrossEntropy { label_smoothing: 1.5 }, "from 0 to 1, not 1.5"),
        (Loss::NegativeLogLikelihood, "logarithms of probabilities"),
    ] {
        let error = error(loss, Type::float([4]), Type::float([4]));
        assert!(error.contains(expected), "{error}");
    }
    let weight = Some(vec![1.0, 2.0]);
    let network = downhill_nn::Network::new(downhill_nn::Sequential::new(), Type::float([4, 3])).unwrap();
    let weighted = CrossEntropy { weight: weight.clone(), ..CrossEntropy::default() };
    let error = network.evaluation_program(Type::float([4, 3]), Type::index([4]), &weighted).unwrap_err();
    assert!(error.to_string().contains("there are weights for 2 classes"), "{error}");
    let weighted = BinaryCrossEntropy { weight, pos_weight: None };
    let error = network.evaluation_program(Type::float([4, 3]), Type::float([4, 3]), &weighted).unwrap_err();
    assert!(error.to_string().contains("there are 2 weights"), "{error}");
    let network = downhill_nn::Network::new(downhill_nn::Sequential::new(), Type::float([4])).unwrap();
    let elements = loss_fn(|output, target| (output - target).square());
    let error = network.evaluation_program(Type::float([4]), Type::float([4]), &elements).unwrap_err();
    assert!(error.to_string().contains("a loss must be a scalar"), "{error}");
}

#[test]
fn a_class_out_of_range_is_an_error_when_the_program_runs() {
    let tape = Tape::new();
    let loss = cross_entropy(tape.input("logits", [1, 3]), tape.index_input("target", [1]));
    let program = tape.finish(&[Output::new("loss", &loss)]).unwrap();
    let data = [Data::Float(&[0.0f32; 3][..]), Data::Index(&[3][..])];
    let error = Interpreter.outputs(&program, &data, Key::new(0)).unwrap_err().to_string();
    assert!(error.contains("class 3 at position 0 is out of range: there are 3 classes, 0 to 2"), "{error}");
}

#[test]
fn losses_are_found_by_their_names() {
    for loss in Loss::ALL {
        assert_eq!(Loss::from_name(loss.name()).unwrap(), loss);
    }
    assert_eq!(
        Loss::from_name("logloss").unwrap_err().to_string(),
        "no loss is called \"logloss\"; there are mse, mae, huber, smooth_l1, log_cosh, quantile, poisson_nll, \
         kl_divergence, cross_entropy, smoothed_cross_entropy, nll, bce, probability_cross_entropy, focal, hinge, \
         squared_hinge"
    );
}
