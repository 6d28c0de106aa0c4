//! The environment of device selectors (dynamic resource allocation): one variable, `device`, and `bool` as the result.

use std::sync::{Arc, LazyLock};

use crate::admission::declared_name;
use crate::cost::{DeclSizes, Range};
use crate::declare::TypeProvider;
use crate::environment::{Checked, Environment};
use crate::types::Type;

/// What an evaluation for one device may cost; more complex expressions are refused.
pub const COST_MAX: u64 = 1_000_000;
const DEVICE: &str = "kubernetes.DRADevice";

/// The fields of a device.
struct Device;

impl TypeProvider for Device {
    fn find_type(&self, name: &str) -> Option<Type> {
        (name == DEVICE).then(|| Type::object(DEVICE))
    }

    fn find_field(&self, type_name: &str, field: &str) -> Option<Type> {
        // By the domain of a driver, then by name.
        let by_name = |value| Type::map(Type::String, Type::map(Type::String, value));
        match field {
            _ if type_name != DEVICE => None,
            "driver" => Some(Type::String),
            "attributes" => Some(by_name(Type::Any)),
            "capacity" => Some(by_name(Type::object("kubernetes.Quantity"))),
            "allowMultipleAllocations" => Some(Type::Bool),
            _ => None,
        }
    }
}

static ENVIRONMENT: LazyLock<Environment> =
    LazyLock::new(|| Environment::base().with_variable("device", Type::object(DEVICE)).with_types(Arc::new(Device)));

/// Compiles a selector; the error is upstream's text.
pub fn compile(text: &str) -> Result<Checked, String> {
    let checked = ENVIRONMENT.compile(text).map_err(|issues| format!("compilation failed: {issues}"))?;
    match checked.output() {
        Type::Bool | Type::Any => Ok(checked),
        other => Err(format!("must evaluate to bool or the unknown type, not {}", declared_name(other))),
    }
}

/// What a selector may cost.
#[must_use]
pub fn cost(checked: &Checked) -> Range {
    checked.cost(&DeclSizes::default())
}
