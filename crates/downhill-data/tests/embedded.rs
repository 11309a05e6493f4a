//! The data sets that the crate carries.
#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use downhill_data::{Features, TargetKind, embedded};

#[test]
fn every_embedded_data_set_has_the_size_and_the_classes_that_it_is_said_to_have() {
    let expected: [(&str, usize, &[usize], &[usize]); 4] = [
        ("digits", 1797, &[1, 8, 8], &[178, 182, 177, 183, 181, 182, 181, 179, 174, 180]),
        ("iris", 150, &[4], &[50, 50, 50]),
        ("wine", 178, &[13], &[59, 71, 48]),
        ("breast_cancer", 569, &[30], &[357, 212]),
    ];
    assert_eq!(embedded::names(), expected.map(|(name, ..)| name));
    for (name, len, shape, counts) in expected {
        let data = embedded::load(name).unwrap();
        assert_eq!((data.len(), data.input_shape().dims()), (len, shape), "{name}");
        assert_eq!(data.class_counts(), counts, "{name}");
        assert_eq!(data.target_kind(), TargetKind::Classes { count: counts.len() });
        assert_eq!(data.title(), name);
        assert!(data.source().contains("CC BY 4.0") && data.source().contains("UCI"), "{name}");
    }
}

#[test]
fn digits_are_bytes_from_0_to_16_that_become_0_to_1() {
    let digits = embedded::load("digits").unwrap();
    let pixels = digits.inputs_tensor::<f32>().unwrap().to_vec();
    assert!(pixels.iter().all(|pixel| (0.0..=1.0).contains(pixel)));
    // The first row of the table begins 0,0,5,13,9,1.
    assert_eq!(pixels[..6], [0.0, 0.0, 5.0 / 16.0, 13.0 / 16.0, 9.0 / 16.0, 1.0 / 16.0]);
    assert!(matches!(digits.features(), Features::Bytes { maximum: 16, .. }));
    assert_eq!(digits.class_names()[3], "3");
}

#[test]
fn classes_are_named_as_in_the_table() {
    assert_eq!(embedded::load("iris").unwrap().class_names(), ["setosa", "versicolor", "virginica"]);
    assert_eq!(embedded::load("breast_cancer").unwrap().class_names(), ["benign", "malignant"]);
}

#[test]
fn an_unknown_name_is_answered_with_the_names_there_are() {
    let message = embedded::load("digit").unwrap_err().to_string();
    assert_eq!(
        message,
        "there is no embedded data set 'digit'; did you mean 'digits'; there are digits, iris, wine, breast_cancer"
    );
}
