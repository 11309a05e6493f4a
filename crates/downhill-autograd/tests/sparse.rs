//! Gradients of gathered tables as rows.
#![allow(clippy::unwrap_used)]

use downhill_autograd::{Data, Interpreter, Output, Tape, Var};
use downhill_tensor::Key;

const TABLE: [f64; 8] = [0.5, -1.0, 2.0, 0.3, 1.5, -0.7, 0.1, 0.9];

/// Adds the rows of each pair to zeros.
fn sum(rows: &[(Vec<i64>, Vec<f64>)]) -> Vec<f64> {
    let mut table = vec![0.0; TABLE.len()];
    for (indices, values) in rows {
        for (&index, row) in indices.iter().zip(values.chunks(2)) {
            (0..2).for_each(|column| table[2 * index as usize + column] += row[column]);
        }
    }
    table
}

/// A loss that reads rows of a table in three ways.
fn loss<'t>(table: Var<'t>, words: Var<'t>, pairs: Var<'t>) -> Var<'t> {
    table.gather(words).square().sum() + (table.gather(pairs).sin() * table.gather(pairs).exp()).sum()
}

#[test]
fn the_rows_of_a_gathered_table_add_up_to_its_gradient() {
    let tape = Tape::new();
    let table = tape.input("table", [4, 2]);
    let (words, pairs) = (tape.index_input("words", [3]), tape.index_input("pairs", [2, 2]));
    let gradient = tape.grad(loss(table, words, pairs), &[table])[0];
    let rows = tape.added_rows(gradient).unwrap();
    assert_eq!(rows.len(), 3);
    let mut outputs = vec![Output::new("gradient", &gradient)];
    outputs.extend(rows.iter().map(|row| Output::new("values", &row.values)));
    let program = tape.finish(&outputs).unwrap();
    let (words, pairs) = ([2, 0, 2], [1, 1, 2, 0]);
    let data = [Data::Float(&TABLE[..]), Data::Index(&words), Data::Index(&pairs)];
    let results = Interpreter.outputs(&program, &data, Key::new(0)).unwrap();
    let added: Vec<_> = rows
        .iter()
        .enumerate()
        .map(|(i, row)| {
            let indices = if row.indices.shape().size() == 3 { words.to_vec() } else { pairs.to_vec() };
            (indices, results[1 + i].to_vec())
        })
        .collect();
    for (ours, theirs) in sum(&added).iter().zip(results[0].to_vec()) {
        assert!((ours - theirs).abs() < 1e-12, "{ours} is not {theirs}");
    }
    // The second row is gathered as a pair, the last not at all.
    assert!(results[0].to_vec()[2] != 0.0 && results[0].to_vec()[6..] == [0.0, 0.0]);
}

#[test]
fn a_table_that_is_also_read_whole_has_no_rows() {
    let tape = Tape::new();
    let (table, words) = (tape.input("table", [4, 2]), tape.index_input("words", [3]));
    let of = |loss: Var<'_>| tape.added_rows(tape.grad(loss, &[table])[0]).map(|rows| rows.len());
    let gathered = table.gather(words).sum();
    assert_eq!(of(gathered), Some(1));
    assert_eq!(of(gathered + table.square().sum()), None);
    assert_eq!(of((table * 2.0).gather(words).sum()), None);
    assert_eq!(tape.added_rows(table).map(|rows| rows.len()), None);
    // What is added to one row, and repeated over all of them, is added to all.
    let values = tape.input("values", [3, 2]);
    let (one, all) = (values.scatter_add(words, 1), values.scatter_add(words, 4));
    assert!(tape.added_rows(one).is_some() && tape.added_rows(all + all).is_some());
    assert!(tape.added_rows(all + one).is_none() && tape.added_rows(one + all).is_none());
}
