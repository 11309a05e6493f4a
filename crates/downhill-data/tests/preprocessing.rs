//! Preprocessing: fitted on one part, applied to any.
#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use downhill_data::csv::{self, read_bytes};
use downhill_data::preprocessing::{ColumnTransform, Standardization};
use downhill_data::{
    BatchSize, CsvOptions, Features, InMemory, InputSchema, Loader, LoaderOptions, Preprocessing,
    PreprocessingOptions, Target, TargetUse, embedded,
};
use proptest::prelude::*;
use std::path::Path;

const TABLE: &str = "size,kind,y\n10,flat,1.5\n20,house,2.5\n30,flat,3.5\n40,hut,5.5\n";

fn table(text: &str) -> InMemory {
    read_bytes(text.as_bytes(), Path::new("t.csv"), &CsvOptions::new("y")).unwrap()
}

fn fit(data: &InMemory) -> Preprocessing {
    Preprocessing::fit(data, PreprocessingOptions::default()).unwrap()
}

proptest! {
    #[test]
    fn standardized_columns_have_mean_0_and_variance_1(
        values in proptest::collection::vec(-1e6..1e6f64, 2..60), scale in -30i32..30,
    ) {
        let values: Vec<f64> = values.iter().map(|value| value * 10f64.powi(scale)).collect();
        let fitted = Standardization::fit(values.iter().copied());
        let count = values.len() as f64;
        let mean = values.iter().map(|&x| fitted.apply(x)).sum::<f64>() / count;
        let variance = values.iter().map(|&x| (fitted.apply(x) - mean).powi(2)).sum::<f64>() / count;
        prop_assert!(mean.abs() < 1e-9, "{}", mean);
        prop_assert!((variance - 1.0).abs() < 1e-9, "{}", variance);
        for x in values {
            prop_assert!((fitted.invert(fitted.apply(x)) - x).abs() <= 1e-9 * x.abs().max(fitted.scale));
        }
    }

    #[test]
    fn equal_numbers_are_only_centered(value in -1e9..1e9f64, count in 1usize..50) {
        let fitted = Standardization::fit(std::iter::repeat_n(value, count));
        prop_assert_eq!(fitted, Standardization { mean: value, scale: 1.0 });
    }
}

#[test]
fn the_deviation_is_that_of_the_population() {
    // Mean 5 and variance 4 of 2, 4, 4, 4, 5, 5, 7, 9.
    let fitted = Standardization::fit([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0].into_iter());
    assert_eq!(fitted, Standardization { mean: 5.0, scale: 2.0 });
}

#[test]
fn only_the_training_part_is_looked_at() {
    let data = table(TABLE);
    let (train, held_out) = (data.subset(&[0, 1, 2]).unwrap(), data.subset(&[3]).unwrap());
    let preprocessing = fit(&train);
    assert_eq!(
        preprocessing.columns(),
        [
            ColumnTransform::Standardize(Standardization { mean: 20.0, scale: (200.0f64 / 3.0).sqrt() }),
            ColumnTransform::OneHot { seen: vec![0, 1] },
        ]
    );
    assert_eq!(preprocessing.targets()[0].mean, 2.5);
    let applied = preprocessing.apply(&held_out).unwrap();
    assert_eq!(applied.schema().inputs.names(), ["size", "kind=flat", "kind=house"]);
    let input = applied.input(0).unwrap();
    assert_eq!(input[1..], [0.0, 0.0], "the training part has no hut");
    assert!((input[0] - 20.0 / (200.0f64 / 3.0).sqrt()).abs() < 1e-15);
    assert_eq!(preprocessing.apply(&train).unwrap().input(1).unwrap()[1..], [0.0, 1.0]);
}

#[test]
fn predictions_come_back_in_the_units_of_the_target() {
    let data = table(TABLE);
    let preprocessing = fit(&data);
    let mut values = preprocessing.apply(&data).unwrap().values().unwrap();
    assert!(values.iter().sum::<f64>().abs() < 1e-12);
    preprocessing.invert_targets(&mut values);
    assert!(values.iter().zip(data.values().unwrap()).all(|(a, b)| (a - b).abs() < 1e-12));
    let mut untouched = [3.0];
    fit(&embedded::load("iris").unwrap()).invert_targets(&mut untouched);
    assert_eq!(untouched, [3.0]);
}

#[test]
fn standardization_can_be_left_out() {
    let data = table(TABLE);
    let options = PreprocessingOptions { standardize_inputs: false, standardize_targets: false };
    let applied = Preprocessing::fit(&data, options).unwrap().apply(&data).unwrap();
    assert_eq!(applied.input(0).unwrap(), [10.0, 1.0, 0.0, 0.0]);
    assert_eq!(applied.values(), data.values());
}

#[test]
fn images_stay_shared_bytes() {
    let digits = embedded::load("digits").unwrap();
    let applied = fit(&digits).apply(&digits).unwrap();
    assert!(std::ptr::eq(applied.features(), digits.features()));
    let message = fit(&digits).apply(&table(TABLE)).unwrap_err().to_string();
    assert!(
        message.contains(
            "inputs: expected arrays of shape [1, 8, 8] of bytes up to 16, but found a table of 2 columns"
        ) || message.contains("target: expected classes, but found numbers"),
        "{message}"
    );
}

#[test]
fn images_with_numbers_as_targets_have_those_standardized() {
    let inputs = InputSchema::Array { shape: [2].into(), names: Vec::new(), maximum: Some(4) };
    let features = Features::Bytes { values: vec![0, 1, 2, 3, 4, 0], maximum: 4 };
    let target = Target::Values { values: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], width: 2 };
    let data = InMemory::new(inputs, features, target, "y").unwrap();
    let view = data.subset(&[2, 0]).unwrap();
    let applied = fit(&view).apply(&view).unwrap();
    assert_eq!(applied.values().unwrap(), [1.0, 1.0, -1.0, -1.0]);
    assert_eq!(applied.input(0).unwrap(), [1.0, 0.0]);
}

#[test]
fn it_survives_being_written_and_read() {
    // Mean and deviation are short numbers, which the text keeps exactly.
    let data = table(
        "size,kind,y\n2,flat,0.5\n4,flat,0.5\n4,flat,0.5\n4,house,0.5\n5,hut,2.5\n5,hut,2.5\n7,hut,2.5\n9,hut,2.5\n",
    );
    let preprocessing = fit(&data);
    let text = serde_json::to_string(&preprocessing).unwrap();
    let again: Preprocessing = serde_json::from_str(&text).unwrap();
    assert_eq!(again, preprocessing);
    let later = b"kind,size\nhut,15\nflat,25\n";
    let later =
        csv::read_bytes_with_schema(later, Path::new("p.csv"), again.schema(), TargetUse::Ignored).unwrap();
    let applied = again.apply(&later).unwrap();
    assert_eq!(applied.input(0).unwrap()[1..], [0.0, 0.0, 1.0]);
    assert_eq!(applied.input_shape(), preprocessing.output_schema().shape());
}

#[test]
fn data_of_another_form_is_refused() {
    let preprocessing = fit(&table(TABLE));
    let fault = |text: &str| preprocessing.apply(&table(text)).unwrap_err().to_string();
    assert!(
        fault("width,kind,y\n1,flat,1.5\n2,hut,2.5\n3,hut,3.5\n")
            .contains("columns: expected size, kind, but found width, kind")
    );
    assert!(
        fault("size,kind,y\n1,flat,1.5\n2,barn,2.5\n3,hut,3.5\n")
            .contains("column 'kind': expected one of flat, house, hut, but found 'barn'")
    );
    assert!(
        fault("size,kind,y\n1,7,1.5\n2,8,2.5\n3,9,3.5\n")
            .contains("column 'kind': expected categories, but found numbers")
    );
    assert!(
        fault("size,kind,y\n1,flat,u\n2,hut,v\n").contains("target: expected numbers, but found classes")
    );
    let empty = table(TABLE).subset(&[]).unwrap();
    assert!(Preprocessing::fit(&empty, PreprocessingOptions::default()).is_err());
}

#[test]
fn categories_are_matched_by_name_not_by_position() {
    let preprocessing = fit(&table(TABLE));
    let other = table("size,kind,y\n1,hut,1.5\n2,house,2.5\n3,hut,3.5\n");
    assert_eq!(preprocessing.apply(&other).unwrap().input(0).unwrap()[1..], [0.0, 0.0, 1.0]);
    let classes = fit(&table("a,y\n1,u\n2,v\n3,w\n"));
    let labels = classes.apply(&table("a,y\n1,w\n2,v\n")).unwrap().labels();
    assert_eq!(labels.unwrap(), [2, 1]);
}

#[test]
fn categories_never_reach_a_model_as_numbers() {
    let data = table(TABLE);
    let loader = Loader::<f32>::new(&data, LoaderOptions::in_order(BatchSize::Full)).unwrap();
    let message = loader.fill(0, &mut loader.batch()).unwrap_err().to_string();
    assert_eq!(
        message,
        "column 'kind' holds categories, not numbers; fit a Preprocessing on the training part and apply it"
    );
}

#[test]
fn a_stored_preprocessing_whose_parts_do_not_fit_is_refused() {
    let stored = serde_json::to_value(fit(&table(TABLE))).unwrap();
    let fault = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut stored = stored.clone();
        change(&mut stored);
        serde_json::from_value::<Preprocessing>(stored).unwrap_err().to_string()
    };
    let missing = fault(&|stored| drop(stored["columns"].as_array_mut().unwrap().pop()));
    assert!(missing.contains("transforms of columns: expected 2, but found 1"), "{missing}");
    let far = fault(&|stored| stored["columns"][1]["OneHot"]["seen"][0] = 3.into());
    assert!(far.contains("the stored preprocessing of column 'kind'"), "{far}");
    let flat = fault(&|stored| stored["columns"][0]["Standardize"]["scale"] = 0.0.into());
    assert!(flat.contains("the stored preprocessing of column 'size'"), "{flat}");
    let target = fault(&|stored| stored["targets"][0]["scale"] = (-1.0).into());
    assert!(target.contains("a positive, finite scale"), "{target}");
}
