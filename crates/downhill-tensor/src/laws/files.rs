//! Laws of what is written and read: nothing is lost, and no bytes whatever make a reader panic.

use crate::strategies::{extreme, tensor};
use crate::{Element, Tensor, bytes, npy};
use proptest::prelude::*;

fn npy_bytes<T: Element>(x: &Tensor<T>) -> Vec<u8> {
    let mut file = Vec::new();
    npy::to_writer(&mut file, x).unwrap();
    file
}

/// Every reader, whatever comes of it.
fn read_all(file: &[u8]) {
    let _ = npy::from_reader::<f32>(file);
    let _ = npy::from_reader::<f64>(file);
    let _ = npy::from_reader::<i64>(file);
    let _ = npy::from_reader::<u8>(file);
    let _ = npy::from_reader::<bool>(file);
    let _ = bytes::decode::<Tensor<f32>>(file, 1 << 20);
    let _ = bytes::decode::<Tensor<bool>>(file, 1 << 20);
}

/// Debug text tells apart all bits but those within NaN.
fn same<T: Element>(x: &Tensor<T>, y: &Tensor<T>) -> bool {
    format!("{x:?}") == format!("{y:?}")
}

proptest! {
    #[test]
    fn npy_files_and_bytes_keep_every_bit(x in tensor(extreme::<f32>()), y in tensor(any::<i64>()), z in tensor(any::<bool>())) {
        prop_assert!(same(&npy::from_reader::<f32>(&npy_bytes(&x)[..]).unwrap(), &x));
        prop_assert!(same(&npy::from_reader::<i64>(&npy_bytes(&y)[..]).unwrap(), &y));
        prop_assert!(same(&npy::from_reader::<bool>(&npy_bytes(&z)[..]).unwrap(), &z));
        prop_assert!(same(&npy::from_reader::<f64>(&npy_bytes(&x)[..]).unwrap(), &x.cast()));
        let written = bytes::encode(&x).unwrap();
        prop_assert!(same(&bytes::decode::<Tensor<f32>>(&written, written.len()).unwrap(), &x));
        let written = bytes::encode(&z).unwrap();
        prop_assert!(same(&bytes::decode::<Tensor<bool>>(&written, written.len()).unwrap(), &z));
    }

    #[test]
    fn a_damaged_file_never_panics(x in tensor(extreme::<f32>()), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        for whole in [npy_bytes(&x), bytes::encode(&x).unwrap()] {
            let mut file = whole.clone();
            file[at.index(whole.len())] = byte;
            read_all(&file);
            file.truncate(cut.index(whole.len()));
            read_all(&file);
            let part = &whole[..cut.index(whole.len())];
            prop_assert!(npy::from_reader::<f32>(part).is_err());
            prop_assert!(bytes::decode::<Tensor<f32>>(part, 1 << 20).is_err());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(noise in prop::collection::vec(any::<u8>(), 0..200), version in 0u8..5) {
        read_all(&noise);
        let mut file = b"\x93NUMPY".to_vec();
        file.extend([version, 0]);
        file.extend(&noise);
        read_all(&file);
    }

    #[test]
    fn arbitrary_dictionaries_never_panic(text in r"\{?[' descrfortan_shape:<4f8()0-9,L\}TrueFalse]{0,80}", shape in "[0-9L, ]{0,40}") {
        let known = format!("{{'descr': '<f4', 'fortran_order': True, 'shape': ({shape}), }}");
        for dictionary in [text, known] {
            let mut file = b"\x93NUMPY\x01\x00".to_vec();
            file.extend((dictionary.len() as u16).to_le_bytes());
            file.extend(dictionary.bytes());
            file.extend([0; 16]);
            read_all(&file);
        }
    }
}
