//! Steps on rows: agreement with PyTorch, with the step on the whole gradient, and what is refused.
#![allow(clippy::unwrap_used)]

mod common;

use common::classic_configs;
use downhill_optim::{
    Adam, AdamW, GradientDescent, Optimizer, OptimizerConfig, ParameterGroup, RowSteps, Rows, Sgd,
};
use downhill_tensor::ParameterLayout;
use proptest::prelude::*;
use serde::Deserialize;

/// The numbers that the script takes as well.
fn wave(count: usize, frequency: f64) -> Vec<f64> {
    (1..=count).map(|index| 0.8 * (frequency * index as f64).sin()).collect()
}

#[test]
fn rows_move_as_pytorch_moves_them() {
    #[derive(Deserialize)]
    struct File {
        cases: Vec<Case>,
    }
    #[derive(Deserialize)]
    struct Case {
        config: OptimizerConfig,
        table: Vec<f64>,
    }
    let (count, width, seen) = (7, 3, 5);
    let file: File = serde_json::from_str(include_str!("oracles/rows.json")).unwrap();
    for Case { config, table } in file.cases {
        let mut optimizer = Optimizer::new(config.clone(), count * width).unwrap();
        let mut ours = wave(count * width, 1.3);
        for step in 0..6 {
            let indices: Vec<i64> =
                (0..seen).map(|position| (step * position + position * position) % 6).collect();
            let values = wave(seen as usize * width, 0.7 + step as f64);
            let rows = Rows { offset: 0, count, width, indices: &indices, values: &values };
            optimizer.step_rows(&mut ours, &[], &[rows], 1.0).unwrap();
        }
        for (ours, theirs) in ours.iter().zip(&table) {
            assert!(
                (ours - theirs).abs() <= 1e-12 * theirs.abs().max(1.0),
                "{config:?}: {ours} is not {theirs}"
            );
        }
    }
}

/// A bias, a table [5, 3], a weight, a table [4, 2] and nothing behind it.
fn layout() -> ParameterLayout {
    let mut layout = ParameterLayout::default();
    layout.push("0.bias", [2], false).unwrap();
    layout.push("1.table", [5, 3], true).unwrap();
    layout.push("2.weight", [3, 2], false).unwrap();
    layout.push("3.table", [4, 2], true).unwrap();
    layout
}

/// A configuration without decay, which would move rows that are not seen.
fn without_decay() -> impl Strategy<Value = OptimizerConfig> {
    classic_configs().prop_map(|mut config| {
        match &mut config {
            OptimizerConfig::Sgd(rule) => {
                (rule.weight_decay, rule.momentum, rule.nesterov) = (0.0, 0.0, false)
            }
            OptimizerConfig::Adagrad(rule) => rule.weight_decay = 0.0,
            OptimizerConfig::Adam(rule) => rule.weight_decay = 0.0,
            OptimizerConfig::AdamW(_) | OptimizerConfig::RmsProp(_) => {
                config = GradientDescent::default().into()
            }
            _ => {}
        }
        config
    })
}

fn indices(count: i64, most: usize) -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(0..count, 0..=most)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_step_on_rows_is_the_step_on_the_gradient_that_they_add_up_to(
        config in without_decay(),
        steps in prop::collection::vec((indices(5, 9), indices(4, 6), 0.0..3.0), 1..5),
        all_are_seen: bool, frozen: bool,
    ) {
        let table = ParameterGroup { learning_rate_factor: 0.5, frozen, ..ParameterGroup::matching("1.*") };
        let groups = [table];
        let mut dense = Optimizer::with_groups(config.clone(), &layout(), &groups).unwrap();
        let mut sparse = Optimizer::with_groups(config, &layout(), &groups).unwrap();
        // A lazy rule moves as on the whole gradient only where every row is seen.
        let complete = all_are_seen || sparse.row_steps() == RowSteps::Lazily;
        let mut expected = wave(31, 1.1);
        let mut ours = expected.clone();
        for (mut first, mut second, frequency) in steps {
            if complete {
                first.extend(0..5);
                second.extend(0..4);
            }
            let (a, b) = (wave(first.len() * 3, frequency + 0.1), wave(second.len() * 2, frequency + 0.2));
            let mut gradient = [wave(2, 0.3), vec![0.0; 15], wave(6, 0.4), vec![0.0; 8]].concat();
            let rest = [&gradient[..2], &gradient[17..23]].concat();
            for (offset, width, indices, values) in [(2, 3, &first, &a), (23, 2, &second, &b)] {
                for (&row, values) in indices.iter().zip(values.chunks(width)) {
                    let sum = &mut gradient[offset + row as usize * width..][..width];
                    sum.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
                }
            }
            dense.step_scaled(&mut expected, &gradient, 0.9).unwrap();
            let tables = [
                Rows { offset: 2, count: 5, width: 3, indices: &first, values: &a },
                Rows { offset: 23, count: 4, width: 2, indices: &second, values: &b },
            ];
            sparse.step_rows(&mut ours, &rest, &tables, 0.9).unwrap();
        }
        prop_assert_eq!(ours, expected);
        prop_assert_eq!(sparse.state(), dense.state());
    }
}

/// Rows are gathered some thousands of numbers at a time, which the small tables above do not fill.
#[test]
fn more_rows_than_are_gathered_at_once_move_as_on_the_whole_gradient() {
    let (count, width) = (3001, 3);
    let mut dense = Optimizer::new(Adam::default(), count * width).unwrap();
    let mut sparse = Optimizer::new(Adam::default(), count * width).unwrap();
    let mut expected = wave(count * width, 1.3);
    let mut ours = expected.clone();
    for step in 0..2 {
        // Every row once, and not in the order of the table.
        let indices: Vec<i64> = (0..count as i64).map(|position| position * 7 % count as i64).collect();
        let values = wave(count * width, 0.7 + step as f64);
        let mut gradient = vec![0.0; count * width];
        for (&row, values) in indices.iter().zip(values.chunks(width)) {
            gradient[row as usize * width..][..width].copy_from_slice(values);
        }
        dense.step(&mut expected, &gradient).unwrap();
        let rows = Rows { offset: 0, count, width, indices: &indices, values: &values };
        sparse.step_rows(&mut ours, &[], &[rows], 1.0).unwrap();
    }
    assert_eq!(ours, expected);
    assert_eq!(sparse.state(), dense.state());
}

#[test]
fn a_lazy_step_leaves_the_rows_that_it_does_not_see() {
    let mut optimizer = Optimizer::new(Adam::default(), 6).unwrap();
    let mut table = [1.0; 6];
    let step = |optimizer: &mut Optimizer<f64, Adam>, table: &mut [f64], row: i64| {
        let rows = Rows { offset: 0, count: 3, width: 2, indices: &[row], values: &[1.0, -1.0] };
        optimizer.step_rows(table, &[], &[rows], 1.0).unwrap();
    };
    step(&mut optimizer, &mut table, 1);
    let after = (table, optimizer.state().slots.clone());
    assert!(table[..2] == [1.0; 2] && table[2] < 1.0 && table[3] > 1.0 && table[4..] == [1.0; 2]);
    step(&mut optimizer, &mut table, 2);
    assert_eq!(table[..4], after.0[..4]);
    assert_eq!(optimizer.state().slots[0].values[..4], after.1[0].values[..4]);
    assert_eq!(optimizer.state().steps, 2);
}

#[test]
fn what_cannot_be_a_step_on_rows_changes_nothing() {
    let mut optimizer = Optimizer::new(Adam::default(), 8).unwrap();
    let mut parameters = [1.0; 8];
    let good = Rows { offset: 2, count: 3, width: 2, indices: &[2], values: &[1.0, 1.0] };
    for (rows, gradient, expected) in [
        (vec![Rows { indices: &[3], ..good }], 2, "there is no row 3: there are 3"),
        (vec![Rows { indices: &[-1], ..good }], 2, "there is no row -1"),
        (vec![Rows { values: &[1.0], ..good }], 2, "1 values for 1 rows of 2"),
        (vec![Rows { offset: 3, ..good }], 2, "must lie within 0..8"),
        (vec![Rows { count: usize::MAX, ..good }], 2, "must lie within 0..8"),
        (vec![good, good], 2, "must lie within 8..8"),
        (vec![good], 3, "made for 8 parameters, but the gradient slice has length 9"),
    ] {
        let gradient = vec![1.0; gradient];
        let error = optimizer.step_rows(&mut parameters, &gradient, &rows, 1.0).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    assert!(optimizer.step_rows(&mut parameters, &[1.0; 2], &[good], f64::NAN).is_err());
    assert_eq!((parameters, optimizer.steps()), ([1.0; 8], 0));
    optimizer.step_rows(&mut parameters, &[1.0; 2], &[good], 1.0).unwrap();

    let momentum = Sgd { momentum: 0.9, ..Sgd::default() };
    for config in [OptimizerConfig::from(momentum), AdamW::default().into()] {
        let mut optimizer = Optimizer::new(config, 8).unwrap();
        assert_eq!(optimizer.row_steps(), RowSteps::Never);
        let error = optimizer.step_rows(&mut parameters, &[1.0; 2], &[good], 1.0).unwrap_err();
        assert!(error.to_string().contains("needs the whole gradient"), "{error}");
    }
    let halved = ParameterGroup { learning_rate_factor: 0.5, ..ParameterGroup::matching("2.*") };
    let mut optimizer = Optimizer::with_groups(Adam::default(), &layout(), &[halved]).unwrap();
    let rows = Rows { offset: 16, count: 2, width: 2, indices: &[0], values: &[1.0, 1.0] };
    let error = optimizer.step_rows(&mut [0.0; 31], &[0.0; 27], &[rows], 1.0).unwrap_err().to_string();
    assert!(error.contains("one parameter group"), "{error}");
}
