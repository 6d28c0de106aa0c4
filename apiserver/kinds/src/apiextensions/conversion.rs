//! What is wrong with how a definition converts between its versions.

use kubernel_meta::field::{Error, Path};
use kubernel_meta::validation;
use serde_json::Value;

use super::validation::{one_of, word};
use crate::admissionregistration::webhook_rules::client_config;

/// The versions of ConversionReview that the server speaks.
const REVIEWS: [&str; 2] = ["v1", "v1beta1"];

pub(super) fn conversion_errors(conversion: Option<&Value>, path: &Path) -> Vec<Error> {
    let Some(conversion) = conversion else { return Vec::new() };
    let strategy = word(conversion, "strategy");
    let mut errors = Vec::new();
    errors.extend(one_of(&path.child("strategy"), strategy, &["None", "Webhook"]));
    let set = |key: &str| conversion.pointer(&format!("/webhook/{key}")).filter(|value| !value.is_null());
    let (config, reviews) = (set("clientConfig"), set("conversionReviewVersions").and_then(Value::as_array));
    let (at_config, at_reviews) = (path.child("webhookClientConfig"), path.child("conversionReviewVersions"));
    if strategy == "Webhook" {
        match config {
            None => errors.push(at_config.required("required when strategy is set to Webhook")),
            Some(config) => errors.extend(client_config(&at_config, config)),
        }
        errors.extend(review_errors(reviews.map_or(&[], Vec::as_slice), &at_reviews));
        return errors;
    }
    let not_here = "should not be set when strategy is not set to Webhook";
    if config.is_some() {
        errors.push(at_config.forbidden(not_here));
    }
    if reviews.is_some_and(|reviews| !reviews.is_empty()) {
        errors.push(at_reviews.forbidden(not_here));
    }
    errors
}

fn review_errors(reviews: &[Value], path: &Path) -> Vec<Error> {
    if reviews.is_empty() {
        return vec![path.required("")];
    }
    let mut errors = Vec::new();
    let mut seen: Vec<&str> = Vec::with_capacity(reviews.len());
    for (index, name) in reviews.iter().filter_map(Value::as_str).enumerate() {
        let path = path.index(index);
        if seen.contains(&name) {
            errors.push(path.invalid(name, "duplicate version"));
            continue;
        }
        errors.extend(validation::dns1035_label(name).into_iter().map(|wrong| path.invalid(name, wrong)));
        seen.push(name);
    }
    if !seen.iter().any(|name| REVIEWS.contains(name)) {
        let detail = format!("must include at least one of {}", REVIEWS.join(", "));
        errors.push(path.invalid(reviews.to_vec(), detail));
    }
    errors
}
