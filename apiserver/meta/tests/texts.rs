//! Quantities, selectors and times: what is written reads as the same again, and no text does harm.

use kubernel_meta::{FieldSelector, LabelSelector, Quantity, time};
use proptest::prelude::{ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest};

fn number() -> impl Strategy<Value = String> {
    let suffix = prop_oneof![
        "", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "e[0-9]", "e-[0-9]"
    ];
    ("[+-]?[0-9]{0,12}(\\.[0-9]{0,12})?", suffix).prop_map(|(digits, suffix)| digits + &suffix)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_canonical_quantity_stays_as_it_is(text in number()) {
        let Ok(quantity) = text.parse::<Quantity>() else { return Ok(()) };
        let canonical = quantity.to_string();
        let again: Quantity = canonical.parse().unwrap();
        prop_assert_eq!(&again, &quantity, "{} as {}", text, canonical);
        prop_assert_eq!(again.to_string(), canonical);
    }

    #[test]
    fn sums_of_quantities_are_exact(a in -1_000_000_000_000_i64..1_000_000_000_000, b in -1_000_000_000_000_i64..1_000_000_000_000) {
        let quantity = |milli: i64| format!("{milli}m").parse::<Quantity>().unwrap();
        let sum = quantity(a).add(&quantity(b));
        prop_assert_eq!(sum.milli_value(), a + b);
        prop_assert_eq!(sum.sub(&quantity(b)), quantity(a));
        prop_assert_eq!(quantity(a) < quantity(b), a < b);
    }

    #[test]
    fn a_label_selector_reads_as_it_prints(text in "[ab!=,()<>in ot.1/-]{0,30}") {
        let Ok(selector) = LabelSelector::parse(&text) else { return Ok(()) };
        prop_assert_eq!(LabelSelector::parse(&selector.to_string()), Ok(selector));
    }

    #[test]
    fn a_field_selector_reads_as_it_prints(text in "[ab.!=,\\\\]{0,20}") {
        let Ok(selector) = FieldSelector::parse(&text) else { return Ok(()) };
        // Terms are put in the order of their text as written, escapes included; which it is makes no difference.
        let sorted = |mut selector: FieldSelector| {
            selector.terms.sort();
            selector
        };
        prop_assert_eq!(FieldSelector::parse(&selector.to_string()).map(sorted), Ok(sorted(selector)));
    }

    #[test]
    fn times_read_as_they_print(seconds in -62_000_000_000_i64..253_000_000_000, nanos in 0_i32..1_000_000_000) {
        let instant = jiff::Timestamp::new(seconds, nanos.min(if seconds < 0 { 0 } else { nanos })).unwrap();
        prop_assert_eq!(time::parse(&time::format(instant)).unwrap().as_second(), instant.as_second());
        let micros = time::parse_micro(&time::format_micro(instant)).unwrap();
        prop_assert_eq!(micros.as_microsecond(), instant.as_microsecond());
    }

    #[test]
    fn any_text_does_no_harm(text in any::<String>()) {
        let _ = text.parse::<Quantity>();
        let _ = LabelSelector::parse(&text);
        let _ = FieldSelector::parse(&text);
        let _ = time::parse(&text);
        prop_assert!(kubernel_meta::field::go_quoted(&text).len() >= text.len());
    }
}
