//! The empty object that a create is compared with: what Go's zero value of the type looks like as JSON.
//!
//! Fields that the zero value already shows (`spec: {}`, `containers: null`) are not owned by whoever creates the
//! object, only what is in them. Custom resources have no such form: theirs is an empty map.

use kubernel_meta::Object;
use serde_json::{Map, Value};

use super::types::Type;
use crate::shape::Schema;
use crate::zero;

/// The zero object of the schema's type.
pub(super) fn zero_object(schema: &Schema) -> Map<String, Value> {
    let mut object = Object::default();
    if Type::root(schema).builtin() {
        zero::fill(schema, &mut object);
    }
    std::mem::take(object.map_mut())
}
