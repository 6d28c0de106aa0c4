//! Amounts of the kernel as the API writes them.

use kubernel_kernel::{Names, ResourceId, Resources};
use kubernel_meta::{Quantity, QuantityFormat as Format};
use serde_json::{Map, Value};

/// A resource list: `{"cpu": "1500m", "memory": "2Gi"}`.
pub fn to_value(resources: &Resources, names: &Names) -> Value {
    let written = resources.iter().filter_map(|(id, amount)| {
        let amount = i64::try_from(amount).unwrap_or(i64::MAX);
        let quantity = match id {
            ResourceId::CPU => Quantity::from_milli_value(amount, Format::DecimalSi),
            ResourceId::MEMORY | ResourceId::EPHEMERAL_STORAGE => Quantity::from_value(amount, Format::BinarySi),
            _ => Quantity::from_value(amount, Format::DecimalSi),
        };
        Some((names.name(id)?.to_owned(), Value::String(quantity.to_string())))
    });
    Value::Object(written.collect::<Map<String, Value>>())
}

/// A share in millionths as text: `0.25`, `1`.
pub fn share(millionths: u64) -> String {
    let text = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn amounts_are_written_canonically() {
        let mut names = Names::default();
        let mut resources = Resources::new(1_500, 2 << 30, 0, 3);
        resources.set(names.intern("example.com/gpu").unwrap_or(ResourceId::PODS), 4);
        let expected = json!({"cpu": "1500m", "memory": "2Gi", "pods": "3", "example.com/gpu": "4"});
        assert_eq!(to_value(&resources, &names), expected);
        assert_eq!([share(0), share(250_000), share(1_000_000), share(1)], ["0", "0.25", "1", "0.000001"]);
    }
}
