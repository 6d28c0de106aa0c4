//! Label and field selectors: their query-string form, their object form, and what they match.
//!
//! The texts of errors are upstream's, because clients show them. Go on to [`LabelSelector`] and [`FieldSelector`].

mod field;
mod label;
mod object;
mod parse;

use std::fmt;

pub use field::FieldSelector;
pub use label::{LabelSelector, Operator, Requirement};

/// A selector that cannot be read, in upstream's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectorError(pub String);

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SelectorError {}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn printed(text: &str) -> String {
        LabelSelector::parse(text).map_or_else(|e| e.0, |selector| selector.to_string())
    }

    #[test]
    fn label_selectors_as_upstream_reads_them() {
        let cases = [
            ("", ""),
            ("b=1,a==2,!c,d", "a=2,b=1,!c,d"),
            ("x in (foo,,baz),y,z notin ()", "x in (,baz,foo),y,z notin ()"),
            ("in in (in)", "in in (in)"),
            ("a>5,b<7", "a>5,b<7"),
            ("a=", "a="),
            (",", "found ',', expected: !, identifier, or 'end of string'"),
            ("=", "found '=', expected: !, identifier, or 'end of string'"),
            ("app=x=y", "found '=', expected: ',' or 'end of string'"),
            ("app in x", "unable to parse requirement: found 'x' expected: '('"),
            ("app in (x", "unable to parse requirement: found '', expected: ',' or ')'"),
            ("app in", "unable to parse requirement: found '' expected: '('"),
            ("!", "unable to parse requirement: found '', expected: identifier"),
            ("!!a", "unable to parse requirement: found '!', expected: identifier"),
            ("app xx y", "unable to parse requirement: found 'xx', expected: in, notin, =, ==, !=, gt, lt"),
            ("A!=b c", "found 'c', expected: ',' or 'end of string'"),
        ];
        for (text, expected) in cases {
            assert_eq!(printed(text), expected, "{text}");
        }
        let key = "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
                   '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
        assert_eq!(
            printed("-a=b"),
            format!(
                "unable to parse requirement: <nil>: Invalid value: \"-a\": name part must consist of alphanumeric \
                 characters, '-', '_' or '.', and must start and end with an alphanumeric character {key}"
            )
        );
        assert!(printed("app in (x,-y)").starts_with(
            "unable to parse requirement: values[0][app]: Invalid value: \"-y\": a valid label must be an empty \
             string or consist of alphanumeric characters, '-', '_' or '.', and must start and end"
        ));
        assert!(printed("a>x").contains("values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must"));
    }

    #[test]
    fn label_selectors_match() {
        let labels = |key: &str| match key {
            "app" => Some("web"),
            "n" => Some("7"),
            _ => None,
        };
        let cases = [
            ("", true),
            ("app", true),
            ("!app", false),
            ("app=web", true),
            ("app!=web", false),
            ("x!=web", true),
            ("app in (a,web)", true),
            ("app notin (web)", false),
            ("x notin (web)", true),
            ("n>6", true),
            ("n<7", false),
            ("app>1", false),
            ("app=web,x", false),
        ];
        for (text, expected) in cases {
            assert_eq!(LabelSelector::parse(text).unwrap().matches(labels), expected, "{text}");
        }
    }

    #[test]
    fn object_form() {
        let value = json!({"matchLabels": {"b": "1"}, "matchExpressions": [
            {"key": "a", "operator": "In", "values": ["y", "x"]}, {"key": "c", "operator": "Exists"}]});
        assert_eq!(LabelSelector::from_value(&value).unwrap().to_string(), "a in (x,y),b=1,c");
        let bad = json!({"matchExpressions": [{"key": "", "operator": "in"}, {"key": "a", "operator": "In"}]});
        let errors = LabelSelector::validate_value(&bad, &crate::field::Path::root("spec").child("selector"));
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts[0],
            "spec.selector.matchExpressions[0].operator: Invalid value: \"in\": not a valid selector operator"
        );
        assert!(texts[1].starts_with("spec.selector.matchExpressions[0].key: Invalid value: \"\": name part must be"));
        assert_eq!(
            texts[3],
            "spec.selector.matchExpressions[1].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"
        );
    }

    #[test]
    fn field_selectors() {
        let selector = FieldSelector::parse("status.phase!=Running,metadata.name==a,x=1\\,2").unwrap();
        assert_eq!(selector.to_string(), "metadata.name=a,status.phase!=Running,x=1\\,2");
        assert_eq!(selector.exact("metadata.name"), Some("a"));
        let fields = |key: &str| match key {
            "metadata.name" => Some("a"),
            "x" => Some("1,2"),
            _ => None,
        };
        assert!(selector.matches(fields));
        assert!(FieldSelector::parse("x=").unwrap().matches(|_| None));
        let refused = |text: &str| FieldSelector::parse(text).unwrap_err().0;
        assert_eq!(refused("foo"), "invalid selector: 'foo'; can't understand 'foo'");
        assert_eq!(refused("a=\\x"), "invalid field selector: invalid escape sequence: \\x");
        assert_eq!(refused("a=b=c"), "invalid field selector: unescaped character in value: 61");
    }
}
