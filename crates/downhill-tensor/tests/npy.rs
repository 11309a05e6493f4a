//! The files that NumPy itself wrote (see `oracles/npy/make.py`), read and written again.

use downhill_tensor::{Tensor, npy};
use std::fs;
use std::path::PathBuf;

fn oracle(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/oracles/npy").join(format!("{name}.npy"))
}

/// 0 to 23 in row-major order, as the script makes it.
fn count() -> Tensor<f64> {
    Tensor::from_fn([2, 3, 4], |index| (index[0] * 12 + index[1] * 4 + index[2]) as f64)
}

#[test]
fn floating_point_files_of_any_order_are_read() {
    let expected = count() / 8.0 - 1.0;
    for name in ["f4", "f8_fortran", "f8_big_endian", "f4_big_endian_fortran"] {
        assert_eq!(npy::read::<f64>(oracle(name)).unwrap(), expected, "{name}");
    }
    assert_eq!(npy::read::<f32>(oracle("f4_big_endian_fortran")).unwrap(), expected.cast());
    assert_eq!(npy::read::<f64>(oracle("scalar")).unwrap(), Tensor::scalar(2.5));
    assert_eq!(npy::read::<f32>(oracle("empty")).unwrap(), Tensor::zeros([2, 0]));
}

#[test]
fn column_major_files_keep_their_order_in_memory() {
    let x = npy::read::<f64>(oracle("f8_fortran")).unwrap();
    assert_eq!(x.layout().strides(), [1, 2, 6]);
}

#[test]
fn integer_files_of_any_size_and_version_are_read() {
    let expected = (count() - 12.0).cast::<i64>();
    for name in ["i8", "i4", "i2_big_endian", "i1", "version_2", "version_3"] {
        assert_eq!(npy::read::<i64>(oracle(name)).unwrap(), expected, "{name}");
    }
    assert_eq!(npy::read::<i64>(oracle("u4")).unwrap(), (count() + 4_294_967_272.0).cast());
    assert_eq!(npy::read::<u8>(oracle("u1")).unwrap(), count().cast());
    assert_eq!(npy::read::<i64>(oracle("u1")).unwrap(), count().cast());
    assert_eq!(npy::read::<bool>(oracle("b1")).unwrap(), count().map(|x| x % 3.0 == 0.0));
}

#[test]
fn what_we_write_is_byte_for_byte_what_numpy_writes() {
    fn check<T: downhill_tensor::Element>(name: &str) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("again.npy");
        npy::write(&path, &npy::read::<T>(oracle(name)).unwrap()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), fs::read(oracle(name)).unwrap(), "{name}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
    check::<f32>("f4");
    check::<i64>("i8");
    check::<u8>("u1");
    check::<bool>("b1");
    check::<f64>("scalar");
    check::<f32>("empty");
}

#[test]
fn what_cannot_be_read_says_why() {
    let message = |result: downhill_tensor::Result<Tensor<f32>>| result.unwrap_err().to_string();
    let text = message(npy::read(oracle("f8_fortran")));
    assert!(
        text.ends_with("it holds float64, which f32 cannot hold exactly; read it as f64 and cast"),
        "{text}"
    );
    let text = message(npy::read(oracle("complex")));
    assert!(
        text.contains("complex.npy: not a valid .npy file: its element type '<c16' is none of"),
        "{text}"
    );
    let text = message(npy::read(oracle("missing")));
    assert!(text.contains("missing.npy: "), "{text}");
    assert!(npy::read::<f32>(env!("CARGO_MANIFEST_DIR")).is_err());

    let whole = fs::read(oracle("f4")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged.npy");
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let text = message(npy::read(&path));
    assert!(text.ends_with("[2, 3, 4] elements of float32 take 96 bytes, but 95 are there"), "{text}");
    fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
    assert!(message(npy::read(&path)).ends_with("there are bytes after the array's last element"));
}
