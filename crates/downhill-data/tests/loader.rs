//! Batches: each example once, in an order that only the seed and the epoch decide.
#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use downhill_data::{
    Batch, BatchSize, Dataset, Error, Features, InMemory, InputSchema, Loader, LoaderOptions, Result, Target,
    TargetKind, embedded, generators,
};
use downhill_tensor::Shape;
use proptest::prelude::*;
use std::ops::ControlFlow;

/// Examples whose input and target say which they are.
fn counting(len: usize) -> InMemory {
    let inputs = (0..len).map(|i| i as f32).collect();
    let values = (0..len).map(|i| 10.0 * i as f64).collect();
    let target = Target::Values { values, width: 1 };
    InMemory::new(InputSchema::numeric(["x"]), Features::F32(inputs), target, "y").unwrap()
}

/// The inputs of an epoch, batch by batch.
fn epoch(loader: &mut Loader<'_, f32>, number: u64) -> Vec<Vec<f32>> {
    loader.begin(number);
    let mut batch = loader.batch();
    (0..loader.steps())
        .map(|step| {
            loader.fill(step, &mut batch).unwrap();
            assert!(
                batch.inputs.iter().zip(batch.values()).all(|(x, y)| 10.0 * x == *y),
                "targets follow inputs"
            );
            assert_eq!(batch.inputs.len(), batch.len);
            batch.inputs.clone()
        })
        .collect()
}

proptest! {
    #[test]
    fn every_example_is_delivered_once_an_epoch(len in 1usize..200, size in 1usize..50, seed: u64, number: u64) {
        let data = counting(len);
        let mut loader = Loader::new(&data, LoaderOptions::shuffled(BatchSize::Examples(size), seed)).unwrap();
        let batches = epoch(&mut loader, number);
        prop_assert_eq!(batches.len(), len.div_ceil(size));
        prop_assert!(batches[..batches.len() - 1].iter().all(|batch| batch.len() == size.min(len)));
        let mut all = batches.concat();
        all.sort_by(f32::total_cmp);
        prop_assert!(all.into_iter().eq((0..len).map(|i| i as f32)));
    }

    #[test]
    fn an_epoch_does_not_depend_on_those_before_it(seed: u64, number in 0u64..1000) {
        let data = counting(40);
        let options = LoaderOptions::shuffled(BatchSize::Examples(7), seed);
        let mut loader = Loader::new(&data, options).unwrap();
        for earlier in 0..3 {
            epoch(&mut loader, earlier);
        }
        let mut fresh = Loader::new(&data, options).unwrap();
        prop_assert_eq!(epoch(&mut loader, number), epoch(&mut fresh, number));
    }

    #[test]
    fn prefetching_delivers_the_same_batches(len in 1usize..100, size in 1usize..20, seed: u64) {
        let data = counting(len);
        let mut loader = Loader::new(&data, LoaderOptions::shuffled(BatchSize::Examples(size), seed)).unwrap();
        let expected = epoch(&mut loader, 5);
        let mut seen = Vec::new();
        let end = loader.prefetch(0..loader.steps(), |step, batch| {
            assert_eq!(step, seen.len());
            seen.push(batch.inputs.clone());
            ControlFlow::<()>::Continue(())
        });
        prop_assert_eq!(end.unwrap(), None);
        prop_assert_eq!(seen, expected);
    }
}

#[test]
fn epochs_and_seeds_differ_in_their_order() {
    let data = counting(50);
    let mut loader = Loader::new(&data, LoaderOptions::shuffled(BatchSize::Full, 1)).unwrap();
    let (first, second) = (epoch(&mut loader, 0), epoch(&mut loader, 1));
    assert_eq!(first.len(), 1, "a full batch is one step");
    assert_ne!(first, second);
    let mut other = Loader::new(&data, LoaderOptions::shuffled(BatchSize::Full, 2)).unwrap();
    assert_ne!(first, epoch(&mut other, 0));
    let mut ordered = Loader::new(&data, LoaderOptions::in_order(BatchSize::Full)).unwrap();
    assert!(epoch(&mut ordered, 3)[0].iter().copied().eq((0..50).map(|i| i as f32)));
}

#[test]
fn a_small_last_batch_can_be_dropped() {
    let data = counting(10);
    let options = LoaderOptions { drop_last: true, ..LoaderOptions::in_order(BatchSize::Examples(4)) };
    let mut loader = Loader::new(&data, options).unwrap();
    assert_eq!(epoch(&mut loader, 0), [vec![0.0, 1.0, 2.0, 3.0], vec![4.0, 5.0, 6.0, 7.0]]);
    assert!(loader.rows(2).is_empty());
}

#[test]
fn the_buffers_are_used_again() {
    let digits = embedded::load("digits").unwrap();
    let mut loader =
        Loader::<f32>::new(&digits, LoaderOptions::shuffled(BatchSize::Examples(100), 3)).unwrap();
    let mut batch = loader.batch();
    let (inputs, labels) = (batch.inputs.as_ptr(), batch.labels().as_ptr());
    for number in 0..2 {
        loader.begin(number);
        for step in 0..loader.steps() {
            loader.fill(step, &mut batch).unwrap();
            assert_eq!((batch.inputs.as_ptr(), batch.labels().as_ptr()), (inputs, labels));
        }
    }
    assert_eq!(batch.len, 97);
    assert_eq!(batch.input_shape, Shape::from([1, 8, 8]));
}

#[test]
fn both_precisions_hold_the_same_examples() {
    let moons = generators::moons(20, 0.1, 1).unwrap();
    let options = LoaderOptions::shuffled(BatchSize::Full, 9);
    let (mut single, mut double) =
        (Batch::<f32>::with_capacity(&moons, 20), Batch::<f64>::with_capacity(&moons, 20));
    Loader::new(&moons, options).unwrap().fill(0, &mut single).unwrap();
    Loader::new(&moons, options).unwrap().fill(0, &mut double).unwrap();
    assert!(single.inputs.iter().zip(&double.inputs).all(|(s, d)| *s == *d as f32));
    assert_eq!(single.targets, downhill_data::Targets::Labels(double.labels().to_vec()));
}

#[test]
fn options_that_make_no_batches_are_refused() {
    let data = counting(5);
    let message = |options| Loader::<f32>::new(&data, options).err().unwrap().to_string();
    assert!(
        message(LoaderOptions::in_order(BatchSize::Examples(0)))
            .contains("the batch size must be at least 1, but is 0")
    );
    let options = LoaderOptions { drop_last: true, ..LoaderOptions::in_order(BatchSize::Examples(6)) };
    assert!(
        message(options).contains("at most 5, the number of examples, when the last is dropped, but is 6")
    );
    let loader = Loader::<f32>::new(&data, LoaderOptions::in_order(BatchSize::Full)).unwrap();
    let message = loader.fill(1, &mut loader.batch()).unwrap_err().to_string();
    assert!(message.contains("the step must be below 1"), "{message}");
    let empty = data.subset(&[]).unwrap();
    assert!(Loader::<f32>::new(&empty, LoaderOptions::in_order(BatchSize::Full)).is_err());
}

/// A data set that cannot read its third example.
struct Broken;

impl Dataset for Broken {
    fn len(&self) -> usize {
        5
    }
    fn input_shape(&self) -> Shape {
        Shape::from([1])
    }
    fn target_kind(&self) -> TargetKind {
        TargetKind::None
    }
    fn fill_inputs(&self, rows: &[usize], _out: &mut [f32]) -> Result<()> {
        if rows.contains(&2) { Err(Error::NoExamples { title: "the third".into() }) } else { Ok(()) }
    }
}

#[test]
fn prefetching_passes_errors_and_breaks_on() {
    let loader = Loader::new(&Broken, LoaderOptions::in_order(BatchSize::Examples(1))).unwrap();
    let mut visited = 0;
    let end = loader.prefetch(0..5, |_, _| {
        visited += 1;
        ControlFlow::<()>::Continue(())
    });
    assert!(matches!(end, Err(Error::NoExamples { .. })));
    assert_eq!(visited, 2, "the batches before the fault");
    let data = counting(100);
    let loader = Loader::<f32>::new(&data, LoaderOptions::in_order(BatchSize::Examples(1))).unwrap();
    let end = loader.prefetch(10..100, |step, _| {
        if step == 12 { ControlFlow::Break(step) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(end.unwrap(), Some(12));
}
