//! Gradients of embeddings as rows.
#![allow(clippy::unwrap_used)]

mod common;

use common::{assert_close, parameters};
use downhill_autograd::{Data, DataMut, Executor, Interpreter, Run, Type};
use downhill_nn::*;
use downhill_tensor::Key;

#[test]
fn rows_and_the_dense_rest_add_up_to_the_gradient() {
    let input = Type::index([2, 3]);
    let word = Embedding::new(5, 2);
    // The same table twice, and a table that is read whole beside being gathered from.
    let layers = layer_fn(move |scope, x| {
        let twice = scope.layer("words", &word, x) + scope.layer("words", &word, x).tanh();
        let whole = scope.layer("other", &word, x) + scope.sparse_param("other", [1, 2], Init::Ones).sum();
        scope.layer("head", &Linear::new(3), twice * whole)
    });
    let network = Network::new(layers, input).unwrap();
    let target = Type::index([2, 3]);
    let dense = network.training_program(input, target, &Loss::CrossEntropy).unwrap();
    let RowsProgram { program, sparse } = network.rows_program(input, target, &Loss::CrossEntropy).unwrap();
    assert_eq!(sparse, [SparseParameter { entry: 0, rows: 12 }, SparseParameter { entry: 1, rows: 6 }]);
    let names: Vec<_> = program.outputs().iter().map(|port| port.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "loss",
            "gradient",
            "state",
            "output",
            "words.weight.rows",
            "words.weight.values",
            "other.weight.rows",
            "other.weight.values"
        ]
    );

    let theta = parameters(&network);
    let (words, classes) = ([4, 0, 2, 0, 0, 1], [0, 1, 2, 2, 1, 0]);
    let data = [Data::Float(&theta[..]), Data::Float(&[]), Data::Index(&words), Data::Index(&classes)];
    let expected = Interpreter.outputs(&dense, &data, Key::new(0)).unwrap();
    let (mut loss, mut output) = ([0.0], [0.0; 18]);
    let [rest, words_values, other_values] = &mut [11, 24, 12].map(|length| vec![0.0; length]);
    let (mut words_rows, mut other_rows) = ([0; 12], [0; 6]);
    let mut run = Executor::<f64>::prepare(&Interpreter, &program).unwrap();
    let mut outputs = [
        DataMut::Float(&mut loss),
        DataMut::Float(rest),
        DataMut::Float(&mut []),
        DataMut::Float(&mut output),
        DataMut::Index(&mut words_rows),
        DataMut::Float(words_values),
        DataMut::Index(&mut other_rows),
        DataMut::Float(other_values),
    ];
    run.run(&data, &mut outputs, Key::new(0)).unwrap();
    assert_eq!((words_rows, other_rows), ([4, 0, 2, 0, 0, 1, 4, 0, 2, 0, 0, 1], words));

    let mut gradient = vec![0.0; theta.len()];
    let entries = network.layout().entries();
    gradient[entries[2].offset..].copy_from_slice(rest);
    for (entry, rows, values) in
        [(&entries[0], &words_rows[..], words_values), (&entries[1], &other_rows[..], other_values)]
    {
        for (&row, value) in rows.iter().zip(values.chunks(2)) {
            let start = entry.offset + 2 * row as usize;
            (0..2).for_each(|column| gradient[start + column] += value[column]);
        }
    }
    assert_close(&gradient, &expected[1].to_vec());
    assert_close(&loss, &expected[0].to_vec());
}

#[test]
fn a_bag_touches_only_the_rows_that_are_in_it() {
    let layers = Sequential::new().with(EmbeddingBag::new(100, 4)).with(Linear::new(1));
    let network = Network::new(layers, Type::index([2, 3])).unwrap();
    let program = network.rows_program(network.input(), Type::float([2]), &Loss::MeanSquaredError).unwrap();
    assert_eq!(program.sparse, [SparseParameter { entry: 0, rows: 6 }]);
}
