//! The object form of label selectors: `metav1.LabelSelector` with `matchLabels` and `matchExpressions`.

use serde_json::Value;

use super::{LabelSelector, Operator, Requirement, SelectorError};
use crate::field::{self, Path};
use crate::validation;

impl LabelSelector {
    /// Reads a `metav1.LabelSelector`. An empty one matches everything; what a missing one means (for most kinds:
    /// nothing) is the caller's business.
    pub fn from_value(selector: &Value) -> Result<Self, SelectorError> {
        let mut requirements = Vec::new();
        for (key, value) in selector.get("matchLabels").and_then(Value::as_object).into_iter().flatten() {
            let values = vec![value.as_str().unwrap_or_default().to_owned()];
            requirements.push(Requirement { key: key.clone(), operator: Operator::Equals, values });
        }
        for expression in selector.get("matchExpressions").and_then(Value::as_array).into_iter().flatten() {
            let (key, operator, mut values) = parts(expression);
            let operator = match operator {
                "In" => Operator::In,
                "NotIn" => Operator::NotIn,
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                other => return Err(SelectorError(format!("{other:?} is not a valid label selector operator"))),
            };
            values.sort_unstable();
            values.dedup();
            let values = values.into_iter().map(str::to_owned).collect();
            requirements.push(Requirement { key: key.to_owned(), operator, values });
        }
        Ok(Self::of(requirements))
    }

    /// What is wrong with a `metav1.LabelSelector` (ValidateLabelSelector).
    pub fn validate_value(selector: &Value, path: &Path) -> Vec<field::Error> {
        let mut errors = Vec::new();
        if let Some(labels) = selector.get("matchLabels").and_then(Value::as_object) {
            let pairs = labels.iter().map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()));
            errors.extend(validation::labels(pairs, &path.child("matchLabels")));
        }
        let expressions = selector.get("matchExpressions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        for (index, expression) in expressions.iter().enumerate() {
            errors.extend(validate_expression(expression, &path.child("matchExpressions").index(index)));
        }
        errors
    }
}

fn validate_expression(expression: &Value, path: &Path) -> Vec<field::Error> {
    let (key, operator, values) = parts(expression);
    let at = path.child("values");
    let mut errors = Vec::new();
    match operator {
        "In" | "NotIn" if values.is_empty() => {
            errors.push(at.required("must be specified when `operator` is 'In' or 'NotIn'"));
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            errors.push(at.forbidden("may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other => errors.push(path.child("operator").invalid(other, "not a valid selector operator")),
    }
    let at_key = path.child("key");
    errors.extend(validation::label_key(key).into_iter().map(|message| at_key.invalid(key, message)));
    for (index, value) in values.iter().enumerate() {
        let messages = validation::label_value(value);
        errors.extend(messages.into_iter().map(|message| at.index(index).invalid(*value, message)));
    }
    errors
}

fn parts(expression: &Value) -> (&str, &str, Vec<&str>) {
    let text = |key: &str| expression.get(key).and_then(Value::as_str).unwrap_or_default();
    let values = expression.get("values").and_then(Value::as_array).into_iter().flatten();
    (text("key"), text("operator"), values.filter_map(Value::as_str).collect())
}
