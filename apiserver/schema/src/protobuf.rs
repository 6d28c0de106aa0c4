//! Protobuf bodies: the envelope `k8s\0` with a `runtime.Unknown`, and objects by the field numbers of the tables.

use kubernel_meta::Object;

use crate::{Error, Schema, Types};

/// Reads a body with its envelope: an object with `apiVersion` and `kind`, in the form that [`crate::decode`] gives.
pub fn decode(_types: &Types, _bytes: &[u8]) -> Result<Object, Error> {
    Err(Error::Protobuf("not yet"))
}

/// Writes an object with its envelope.
pub fn encode(_schema: &Schema, _object: &Object) -> Vec<u8> {
    Vec::new()
}
