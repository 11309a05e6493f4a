//! Files of several tensors that PyTorch's and NumPy's libraries wrote, and ours that they have read: see
//! `oracles/exchange.py`.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use downhill_tensor::{AnyTensor, NamedTensors, Tensor, npz, safetensors};
use proptest::prelude::*;
use std::fs;
use std::path::PathBuf;

fn oracle(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/oracles").join(name)
}

/// 0 to 23 in row-major order, as the script makes it.
fn count() -> Tensor<f64> {
    Tensor::from_fn([2, 3, 4], |index| (index[0] * 12 + index[1] * 4 + index[2]) as f64)
}

fn named(tensors: Vec<(&str, AnyTensor)>) -> NamedTensors {
    let mut all = NamedTensors::default();
    tensors.into_iter().for_each(|(name, tensor)| all.insert(name, tensor).unwrap());
    all
}

/// What `ours` files hold.
fn ours() -> NamedTensors {
    named(vec![
        ("0.weight", (count() / 8.0 - 1.0).cast::<f32>().into()),
        ("doubles", (count() / 7.0).into()),
        ("labels", (count() - 12.0).cast::<i64>().into()),
        ("bytes", count().cast::<u8>().into()),
        ("truths", count().map(|x| x % 3.0 == 0.0).into()),
        ("scalar", Tensor::scalar(2.5f64).into()),
    ])
}

#[test]
fn a_safetensors_file_of_pytorch_is_read_without_loss() {
    let eighths = || AnyTensor::from((count() / 8.0 - 1.0).cast::<f32>());
    let whole = || AnyTensor::from((count() - 12.0).cast::<i64>());
    let expected = named(vec![
        ("bf16", eighths()),
        ("bool", count().map(|x| x % 3.0 == 0.0).into()),
        ("empty", Tensor::<f32>::zeros([2, 0]).into()),
        ("f16", eighths()),
        ("f32", eighths()),
        ("f64", (count() / 7.0).into()),
        ("i16", whole()),
        ("i32", whole()),
        ("i64", whole()),
        ("i8", whole()),
        ("scalar", Tensor::scalar(2.5f32).into()),
        ("u8", count().cast::<u8>().into()),
    ]);
    assert_eq!(safetensors::read(oracle("safetensors/types.safetensors")).unwrap(), expected);
}

#[test]
fn archives_of_numpy_are_read_plain_and_compressed() {
    let expected = named(vec![
        ("f4", (count() / 8.0 - 1.0).cast::<f32>().into()),
        ("f8_fortran", (count() / 7.0).into()),
        ("i2", (count() - 12.0).cast::<i64>().into()),
        ("u1", count().cast::<u8>().into()),
        ("b1", count().map(|x| x % 3.0 == 0.0).into()),
        ("scalar", Tensor::scalar(2.5f64).into()),
        ("zeros", Tensor::<f64>::zeros([20, 50]).into()),
    ]);
    for name in ["npz/plain.npz", "npz/compressed.npz"] {
        assert_eq!(npz::read(oracle(name)).unwrap(), expected, "{name}");
    }
}

#[test]
fn what_we_write_is_what_their_libraries_have_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("again");
    safetensors::write(&path, &ours(), &[("format", "pt")]).unwrap();
    assert_eq!(fs::read(&path).unwrap(), fs::read(oracle("safetensors/ours.safetensors")).unwrap());
    npz::write(&path, &ours()).unwrap();
    assert_eq!(fs::read(&path).unwrap(), fs::read(oracle("npz/ours.npz")).unwrap());
    assert_eq!(npz::read(&path).unwrap(), ours());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
#[ignore = "writes the files that the script then reads"]
fn write_ours() {
    safetensors::write(oracle("safetensors/ours.safetensors"), &ours(), &[("format", "pt")]).unwrap();
    npz::write(oracle("npz/ours.npz"), &ours()).unwrap();
}

#[test]
fn views_are_written_in_the_order_of_their_elements() {
    let transposed = count().permute(&[2, 0, 1]).unwrap();
    let tensors = named(vec![("x", transposed.clone().into())]);
    let bytes = safetensors::to_bytes(&tensors, &[]).unwrap();
    assert_eq!(safetensors::from_bytes(&bytes).unwrap(), tensors);
    assert_eq!(npz::from_bytes(&npz::to_bytes(&tensors).unwrap()).unwrap(), tensors);
}

#[test]
fn files_that_cannot_be_read_say_why() {
    let text = |result: downhill_tensor::Result<NamedTensors>| result.unwrap_err().to_string();
    let message = text(safetensors::read(oracle("safetensors/complex.safetensors")));
    assert!(
        message.contains("complex.safetensors: not a valid safetensors file: the tensor 'z'"),
        "{message}"
    );
    assert!(message.contains("its element type is C64"), "{message}");
    let message = text(safetensors::read(oracle("safetensors/missing.safetensors")));
    assert!(message.contains("missing.safetensors: "), "{message}");
    let message = text(npz::read(oracle("npz/missing.npz")));
    assert!(message.contains("missing.npz: "), "{message}");
    let message = text(npz::read(oracle("npy/f4.npy")));
    assert!(message.contains("f4.npy: not a valid .npz file"), "{message}");

    let huge = [&u64::MAX.to_le_bytes()[..], b"{}"].concat();
    assert!(text(safetensors::from_bytes(&huge)).contains("18446744073709551615 bytes long"));
    let cut = [&90u64.to_le_bytes()[..], b"{}"].concat();
    assert!(text(safetensors::from_bytes(&cut)).contains("90 bytes long, but the file has only 2"));
    assert!(text(safetensors::from_bytes(b"PK")).contains("it is 2 bytes long"));
}

/// A file with this header and this many bytes behind it.
fn forged(header: &str, rest: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.extend(vec![0; rest]);
    bytes
}

#[test]
fn headers_that_promise_more_than_there_is_are_refused() {
    for (shape, end) in
        [("[1000000000000]", 4_000_000_000_000u64), ("[4294967296,4294967296]", 16), ("[2]", 4)]
    {
        let header = format!("{{\"x\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":[0,{end}]}}}}");
        assert!(safetensors::from_bytes(&forged(&header, 16)).is_err(), "{header}");
    }
    // Two tensors in the same place, a gap, bytes at the end, more dimensions than a shape has.
    let tensor = |name: &str, shape: &str, from: usize, to: usize| {
        format!("\"{name}\":{{\"dtype\":\"U8\",\"shape\":{shape},\"data_offsets\":[{from},{to}]}}")
    };
    for (tensors, rest) in [
        ([tensor("a", "[4]", 0, 4), tensor("b", "[4]", 0, 4)], 4),
        ([tensor("a", "[4]", 0, 4), tensor("b", "[4]", 6, 10)], 10),
        ([tensor("a", "[4]", 0, 4), tensor("b", "[4]", 4, 8)], 9),
        ([tensor("a", "[4]", 0, 4), tensor("b", "[1,1,1,1,1,1,1,1,1,1,1,1]", 4, 5)], 5),
        ([tensor("a", "[4]", 0, 4), tensor("a", "[4]", 4, 8)], 8),
    ] {
        let header = format!("{{{}}}", tensors.join(","));
        assert!(safetensors::from_bytes(&forged(&header, rest)).is_err(), "{header}");
    }
}

#[test]
fn every_truncation_and_every_flipped_byte_is_read_or_refused() {
    let small = named(vec![
        ("a", Tensor::from([1.0f32, 2.0, 3.0]).into()),
        ("b", Tensor::from([true, false]).into()),
    ]);
    let (safe, archive) =
        (safetensors::to_bytes(&small, &[("format", "pt")]).unwrap(), npz::to_bytes(&small).unwrap());
    let compressed = fs::read(oracle("npz/compressed.npz")).unwrap();
    for length in 0..safe.len() {
        assert!(safetensors::from_bytes(&safe[..length]).is_err(), "{length}");
    }
    for file in [&archive, &compressed] {
        for length in 0..file.len() {
            assert!(npz::from_bytes(&file[..length]).is_err(), "{length}");
        }
    }
    let flipped = |bytes: &[u8], at: usize, bit: u8| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1 << bit;
        bytes
    };
    for bit in [0, 3, 7] {
        for at in 0..safe.len() {
            let _ = safetensors::from_bytes(&flipped(&safe, at, bit));
        }
        for at in 0..archive.len() {
            let _ = npz::from_bytes(&flipped(&archive, at, bit));
        }
    }
    // What was written as it is has a checksum, and no flipped element passes.
    let element = archive.windows(4).position(|window| window == 2.0f32.to_le_bytes()).unwrap();
    assert!(npz::from_bytes(&flipped(&archive, element, 3)).unwrap_err().to_string().contains("'a'"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), zip in any::<bool>()) {
        let _ = safetensors::from_bytes(&bytes);
        let header = String::from_utf8_lossy(&bytes).into_owned();
        let _ = safetensors::from_bytes(&forged(&header, bytes.len()));
        let bytes = if zip { [b"PK\x03\x04", &bytes[..]].concat() } else { bytes };
        let _ = npz::from_bytes(&bytes);
    }

    #[test]
    fn random_edits_of_an_archive_never_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = npz::to_bytes(&ours()).unwrap();
        for (position, byte) in edits {
            let position = position.index(bytes.len());
            bytes[position] = byte;
        }
        let _ = npz::from_bytes(&bytes);
    }
}
