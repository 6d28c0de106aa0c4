//! Selectors, quantities and times read as they print.

#![no_main]

use kubernel_meta::{FieldSelector, LabelSelector, Quantity, time};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(selector) = LabelSelector::parse(text) {
        assert_eq!(LabelSelector::parse(&selector.to_string()), Ok(selector));
    }
    if let Ok(quantity) = text.parse::<Quantity>() {
        assert_eq!(quantity.to_string().parse().ok(), Some(quantity));
    }
    let _ = FieldSelector::parse(text);
    let _ = time::parse(text);
    let _ = time::parse_micro(text);
});
