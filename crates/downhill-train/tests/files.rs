//! Models and runs as files: what is written comes back, and what is damaged is an error.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{adam, iris, iris_network, plain, table};
use downhill_data::{CsvOptions, csv};
use downhill_nn::{Activation, BatchNorm, Linear, Sequential, models};
use downhill_train::{Error, ErrorKind, Model, Outcome, RunDirectory, TrainConfig, Trainer};
use proptest::prelude::*;
use std::fs;

fn small() -> Outcome {
    let data = table(&[(&[1.0], 1.0), (&[2.0], 2.5), (&[3.0], 2.0)]);
    Trainer::new(models::linear(1), plain(0.1, 2)).unwrap().fit(&data, None).unwrap()
}

#[test]
fn a_saved_model_predicts_the_same() {
    let table = b"size,colour,weight,kind\n1,red,10,a\n2,blue,21,b\n3,red,29,a\n4,green,42,b\n5,red,50,c\n6,blue,9,c\n";
    let mixed = csv::read_bytes(table, "memory".as_ref(), &CsvOptions::new("kind")).unwrap();
    let numbers = csv::read_bytes(table, "memory".as_ref(), &CsvOptions::new("weight")).unwrap();
    let with_state = |outputs| {
        Sequential::new()
            .with(Linear::new(5))
            .with(BatchNorm::default())
            .with(Activation::Tanh)
            .with(Linear::new(outputs))
    };
    let folder = tempfile::tempdir().unwrap();
    for (network, config, data) in [
        (iris_network(), adam(0.01, 2), iris().0),
        (with_state(3), TrainConfig { batch_size: downhill_data::BatchSize::Full, ..adam(0.01, 2) }, mixed),
        (with_state(1), plain(0.01, 2), numbers),
    ] {
        let model = Trainer::new(network, config).unwrap().fit(&data, Some(&data)).unwrap().model;
        let path = folder.path().join("m.bin");
        model.save(&path).unwrap();
        let loaded = Model::load(&path).unwrap();
        assert_eq!(loaded.predict(&data).unwrap(), model.predict(&data).unwrap());
        assert_eq!(loaded.evaluate(&data).unwrap(), model.evaluate(&data).unwrap());
        assert_eq!(loaded.baseline(&data).unwrap(), model.baseline(&data).unwrap());
        assert_eq!((loaded.parameters(), loaded.state()), (model.parameters(), model.state()));
        assert_eq!((loaded.schema(), loaded.title()), (model.schema(), model.title()));
        assert_eq!((loaded.layers(), loaded.loss()), (model.layers(), model.loss()));
        assert_eq!(loaded.summary().to_string(), model.summary().to_string());
        loaded.save(folder.path().join("again.bin")).unwrap();
        assert!(fs::read(path).unwrap() == fs::read(folder.path().join("again.bin")).unwrap());
    }
}

#[test]
fn every_flipped_byte_and_every_length_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.bin");
    small().model.save(&path).unwrap();
    let good = fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let error = Model::load(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().contains("m.bin: "), "{error}");
        error
    };
    for position in 0..good.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bytes = good.clone();
            bytes[position] ^= flip;
            let error = refused(&bytes);
            match position {
                0..8 => assert!(matches!(error, Error::NotAModel { .. })),
                8..12 => assert!(matches!(error, Error::NewerVersion { .. } | Error::NotAModel { .. })),
                12..20 => assert!(matches!(error, Error::WrongLength { .. })),
                _ => assert!(matches!(error, Error::Checksum { .. })),
            }
        }
    }
    for length in 0..good.len() {
        refused(&good[..length]);
    }
    let error = refused(&[&good[..], &[0]].concat());
    assert!(matches!(error, Error::WrongLength { .. }));
    assert!(refused(b"PK\x03\x04 something else").to_string().contains("begins with \"PK\\x03\\x04"));
    assert!(refused(b"").to_string().contains("it is empty"));
}

/// The file of these payload bytes, with a right header and checksum.
fn sealed(payload: &[u8]) -> Vec<u8> {
    let mut all = b"DOWNHILL\x01\0\0\0".to_vec();
    all.extend((payload.len() as u64).to_le_bytes());
    all.extend(payload);
    let checksum = crc32fast::hash(&all);
    all.extend(checksum.to_le_bytes());
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// A checksum keeps accidents out, not malice: whatever has a right one must not panic either.
    #[test]
    fn a_forged_payload_loads_or_is_an_error(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in 0usize..40,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.bin");
        small().model.save(&path).unwrap();
        let good = fs::read(&path).unwrap();
        let mut payload = good[20..good.len() - 4].to_vec();
        prop_assert_eq!(sealed(&payload), good);
        for (position, byte) in edits {
            let position = position.index(payload.len());
            payload[position] = byte;
        }
        payload.truncate(payload.len() - if cut < 20 { 0 } else { cut });
        fs::write(&path, sealed(&payload)).unwrap();
        if let Err(error) = Model::load(&path) {
            prop_assert_eq!(error.kind(), ErrorKind::Io);
        }
    }
}

#[test]
fn a_run_is_a_folder_of_four_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("runs/first");
    let (train, held_out) = iris();
    let config = adam(0.01, 3);
    let mut run = RunDirectory::create(&path, false).unwrap();
    let outcome = Trainer::new(iris_network(), config.clone()).unwrap().fit(&train, Some(&held_out)).unwrap();
    run.save(&config, &outcome).unwrap();
    drop(run);

    let mut names: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["config.toml", "metrics.jsonl", "model.bin", "outcome.json"]);
    let run = RunDirectory::open(&path).unwrap();
    assert_eq!(run.config::<TrainConfig>().unwrap(), config);
    assert_eq!(run.metrics().unwrap(), outcome.history);
    assert_eq!(run.ending().unwrap(), Some(outcome.ending()));
    assert_eq!(run.model().unwrap().predict(&train).unwrap(), outcome.model.predict(&train).unwrap());
    assert_eq!(Model::load(&path).unwrap().parameters(), outcome.model.parameters());

    let error = RunDirectory::create(&path, false).unwrap_err();
    assert!(matches!(error, Error::RunExists { .. }) && error.to_string().contains("overwritten"));
    RunDirectory::create(&path, true).unwrap().save(&config, &small()).unwrap();
    assert_eq!(RunDirectory::open(&path).unwrap().model().unwrap().parameter_count(), 2);
}

#[test]
fn a_folder_without_a_saved_run_is_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    drop(RunDirectory::create(&path, false).unwrap());
    assert!(!path.exists());

    fs::create_dir(&path).unwrap();
    drop(RunDirectory::create(&path, false).unwrap());
    assert!(path.is_dir());
    assert!(matches!(RunDirectory::open(&path), Err(Error::NotARun { .. })));
    assert!(matches!(Model::load(&path), Err(Error::NotARun { .. })));

    fs::write(path.join("thesis.tex"), "years of work").unwrap();
    for overwrite in [false, true] {
        assert!(matches!(RunDirectory::create(&path, overwrite), Err(Error::NotEmpty { .. })));
    }
    let file = path.join("thesis.tex");
    assert_eq!(RunDirectory::create(&file, false).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(RunDirectory::create(file.join("run"), false).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(Model::load(folder.path().join("none.bin")).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(fs::read_to_string(file).unwrap(), "years of work");
}

#[test]
fn a_wrong_field_in_the_configuration_of_a_run_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    RunDirectory::create(&path, false).unwrap().save(&TrainConfig::default(), &small()).unwrap();
    fs::write(path.join("config.toml"), "epoch = 3\n").unwrap();
    let error = RunDirectory::open(&path).unwrap().config::<TrainConfig>().unwrap_err();
    assert!(error.to_string().contains("config.toml: ") && error.to_string().contains("`epoch`"), "{error}");
    fs::write(path.join("metrics.jsonl"), "{\"epoch\":1}\n").unwrap();
    let error = RunDirectory::open(&path).unwrap().metrics().unwrap_err();
    assert!(error.to_string().contains("line 1"), "{error}");
}

#[test]
fn a_run_that_cannot_be_saved_leaves_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    RunDirectory::create(&path, false).unwrap().save(&TrainConfig::default(), &small()).unwrap();
    let before = fs::read(path.join("model.bin")).unwrap();
    // Something that cannot be replaced by a file stands in the way.
    fs::remove_file(path.join("metrics.jsonl")).unwrap();
    fs::create_dir_all(path.join("metrics.jsonl/in the way")).unwrap();
    let mut again = RunDirectory::create(&path, true).unwrap();
    let error = again.save(&TrainConfig::default(), &small()).unwrap_err();
    assert!(error.kind() == ErrorKind::Io && error.to_string().contains("metrics.jsonl"), "{error}");
    drop(again);
    assert_eq!(fs::read(path.join("model.bin")).unwrap(), before);
    assert_eq!(fs::read_dir(&path).unwrap().count(), 4);
}

#[test]
fn what_a_killed_process_left_does_not_stand_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join(".saving-1")).unwrap();
    RunDirectory::create(folder.path(), false).unwrap().save(&TrainConfig::default(), &small()).unwrap();
    assert!(Model::load(folder.path()).is_ok());
}

#[test]
fn models_go_from_thread_to_thread() {
    fn check<T: Send + Sync>(_: &T) {}
    check(&small().model);
}

#[test]
fn a_page_is_saved_with_its_run_and_leaves_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    let (train, held_out) = iris();
    let config = adam(0.01, 2);
    let outcome = Trainer::new(iris_network(), config.clone()).unwrap().fit(&train, Some(&held_out)).unwrap();
    let mut run = RunDirectory::create(&path, false).unwrap();
    run.set_report("<!DOCTYPE html>");
    run.save(&config, &outcome).unwrap();
    assert_eq!(fs::read_to_string(run.report_path()).unwrap(), "<!DOCTYPE html>");
    // Another run in its place must not be taken for it.
    let mut other = RunDirectory::create(&path, true).unwrap();
    other.save(&config, &outcome).unwrap();
    assert!(!other.report_path().exists() && path.join("model.bin").exists());
}
