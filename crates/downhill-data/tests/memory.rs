//! The data set in memory: what it refuses, and its views.
#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use downhill_data::{Dataset, Features, InMemory, InputSchema, PartSize, Target, embedded};
use downhill_tensor::Shape;

fn data(features: Features, target: Target) -> Result<InMemory, String> {
    InMemory::new(InputSchema::numeric(["a", "b"]), features, target, "y").map_err(|error| error.to_string())
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let numbers = |values: &[f64]| Target::Values { values: values.to_vec(), width: 1 };
    let classes =
        |labels: &[i64]| Target::Classes { labels: labels.to_vec(), names: vec!["u".into(), "v".into()] };
    let two = || Features::F64(vec![1.0, 2.0, 3.0, 4.0]);
    let fault = |features, target| data(features, target).unwrap_err();
    assert!(fault(Features::F64(vec![1.0; 3]), Target::None).contains("whole examples"));
    assert!(fault(Features::F64(vec![]), Target::None).contains("has no examples"));
    assert_eq!(fault(two(), numbers(&[1.0])), "target values: expected 2, but found 1");
    assert_eq!(
        fault(two(), classes(&[0, 2])),
        "example 1: the label is 2, but must be the position of a class, from 0 to below 2"
    );
    assert!(fault(two(), classes(&[-1, 0])).contains("example 0: the label is -1"));
    assert!(
        fault(two(), numbers(&[1.0, f64::NAN]))
            .contains("example 1: the target is NaN, but must be a finite number")
    );
    assert!(
        fault(Features::F32(vec![1.0, f32::INFINITY]), Target::None).contains("example 0: an input is inf")
    );
    assert!(fault(two(), Target::Values { values: vec![], width: 0 }).contains("target"));
    let bytes = Features::Bytes { values: vec![3, 17], maximum: 16 };
    assert!(fault(bytes, Target::None).contains("an input is 17, but must be at most 16"));
    assert!(data(Features::Bytes { values: vec![0, 0], maximum: 0 }, Target::None).is_err());
}

#[test]
fn views_of_views_share_their_storage_and_keep_their_order() {
    let iris = embedded::load("iris").unwrap();
    let view = iris.subset(&[100, 5, 50, 5]).unwrap().subset(&[2, 1]).unwrap();
    assert_eq!(view.labels().unwrap(), [1, 0]);
    assert_eq!(view.input(1).unwrap(), iris.input(5).unwrap());
    assert!(std::ptr::eq(view.features(), iris.features()));
    assert_eq!((view.title(), view.source()), (iris.title(), iris.source()));
    assert!(iris.subset(&[150]).unwrap_err().to_string().contains("no example 150 in a data set of 150"));
    assert!(view.subset(&[2]).is_err());
}

#[test]
fn splits_of_classes_keep_their_proportions() {
    let iris = embedded::load("iris").unwrap();
    let (train, held_out) = iris.split(PartSize::Fraction(0.2), 42).unwrap();
    assert_eq!((train.class_counts(), held_out.class_counts()), (vec![40; 3], vec![10; 3]));
    for (train, held_out) in iris.k_fold(5, 42).unwrap() {
        assert_eq!((train.class_counts(), held_out.class_counts()), (vec![40; 3], vec![10; 3]));
    }
}

#[test]
fn buffers_of_the_wrong_length_and_kind_are_refused() {
    let iris = embedded::load("iris").unwrap();
    let message = iris.fill_inputs(&[0], &mut [0.0f32; 3]).unwrap_err().to_string();
    assert_eq!(message, "input buffer: expected 4, but found 3");
    let message = iris.fill_values(&[0], &mut [0.0f32; 1]).unwrap_err().to_string();
    assert!(message.contains("needs numbers as targets, but the data set has classes"), "{message}");
    let labels: &dyn Dataset<f32> = &iris;
    assert!(labels.fill_labels(&[0], &mut []).is_err());
    assert!(labels.fill_inputs(&[150], &mut [0.0; 4]).is_err());
}

#[test]
fn inputs_become_one_array() {
    let digits = embedded::load("digits").unwrap();
    let tensor = digits.subset(&[0, 1, 2]).unwrap().inputs_tensor::<f64>().unwrap();
    assert_eq!(tensor.shape(), Shape::from([3, 1, 8, 8]));
    assert_eq!(tensor.to_vec()[64..128], digits.input(1).unwrap());
}
