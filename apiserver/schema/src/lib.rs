//! The schema IR and all that is done by walking it: strict decoding, pruning, defaults, patches, server-side apply,
//! protobuf, OpenAPI. Pure: no sockets, files, clock or randomness.
//!
//! Start at [`shape`]: everything else takes a [`Schema`] and a JSON tree. Which kinds exist is not known here; see
//! `kubernel-kinds`.
//!
//! The life of a request body:
//! 1. [`builtin`] gives the types of all built-in kinds; [`Types::find`] the root by the kind's definition name.
//! 2. [`decode::type_meta`] reads `apiVersion` and `kind`; [`decode::json`], [`decode::yaml`] or [`protobuf::decode`]
//!    read the object. The tree is what upstream's Go structs would hold: unknown fields dropped (and listed in
//!    [`decode::Decoded::strict`]), nulls absent, zero values that Go's `omitempty` leaves out gone, quantities and
//!    times canonical.
//! 3. [`default::apply`] sets the defaults that the schema itself carries; the kind's own come after.
//! 4. [`zero::fill`] adds what Go writes although nobody set it (`status: {}`, `containers: null`), last of all.
//! 5. After a patch has changed a tree, [`decode::value`] brings it back into the form of step 2.

pub mod apply;
pub mod decode;
pub mod default;
mod error;
mod go;
pub mod openapi;
pub mod patch;
pub mod protobuf;
pub mod shape;
mod tables;
pub mod zero;

pub use error::Error;
pub use shape::{
    Field, ListPatch, ListShape, ListTopology, MapShape, Presence, Schema, SchemaAlternative, Shape, Struct, StructId,
    Types, Union, Unknown,
};
pub use tables::builtin;

/// How deep lists and maps may nest in a body: deeper ones are refused before they can exhaust the stack. Below the
/// limit of `serde_json` (128), by which stored objects are read again, also inside a list or a watch event.
pub const DEPTH_MAX: usize = 100;
