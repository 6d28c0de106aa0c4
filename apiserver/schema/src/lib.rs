//! The schema IR and all that is done by walking it: strict decoding, pruning, defaults, patches, server-side apply,
//! protobuf, OpenAPI. Pure: no sockets, files, clock or randomness.
//!
//! Start at [`shape`]: everything else takes a [`Schema`] and a JSON tree. Which kinds exist is not known here; see
//! `kubernel-kinds`.

pub mod apply;
mod go;
pub mod patch;
pub mod shape;

pub use shape::{Field, ListPatch, ListShape, ListTopology, MapShape, Schema, Shape, Struct, StructId, Types, Unknown};
