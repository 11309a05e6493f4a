//! Arrays through serde: the shape and the elements in row-major order, checked when read.
#![forbid(unsafe_code)]

use super::Tensor;
use crate::{Element, Shape};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

struct Elements<'a, T>(&'a Tensor<T>);

impl<T: Element> Serialize for Elements<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}

impl<T: Element> Serialize for Tensor<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Tensor", 2)?;
        fields.serialize_field("shape", &self.shape())?;
        fields.serialize_field("data", &Elements(self))?;
        fields.end()
    }
}

#[derive(Deserialize)]
#[serde(rename = "Tensor", deny_unknown_fields)]
struct Parts<T> {
    shape: Shape,
    data: Vec<T>,
}

impl<'de, T: Element> Deserialize<'de> for Tensor<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Parts { shape, data } = Parts::deserialize(deserializer)?;
        Tensor::from_vec(data, shape).map_err(de::Error::custom)
    }
}
