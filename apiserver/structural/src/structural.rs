//! The parsed schema of one version of a custom resource, and what requests do with it.

use kubernel_meta::{Object, field};
use kubernel_schema::Schema;
use serde_json::Value;

use crate::node::Node;
use crate::rules::Rules;
use crate::trail::Trail;
use crate::{Error, default, embedded, ir, lists, parse, prune, rules, value};

/// What blocks the evaluation of rules, in upstream's words.
const NOT_CHECKED: &str = "some validation rules were not checked because the object was invalid; correct the existing \
                           errors to complete validation";

/// The parsed schema of one version of a custom resource.
#[derive(Debug)]
pub struct Structural {
    root: Node,
    rules: Option<Rules>,
    source: Value,
}

impl Structural {
    /// Parses `openAPIV3Schema` and compiles its rules.
    pub fn parse(schema: &Value) -> Result<Self, Error> {
        let root = parse::node(schema, 0)?;
        let rules = Rules::compile(&root, true);
        Ok(Self { root, rules, source: schema.clone() })
    }

    /// The schema as it was written.
    pub(crate) fn source(&self) -> &Value {
        &self.source
    }

    /// The schema of the whole object.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// Drops what the schema does not know; the paths of what was dropped (`spec.l[0].x`), sorted. `apiVersion`, `kind`
    /// and `metadata` stay untouched.
    pub fn prune(&self, object: &mut Object) -> Vec<String> {
        let mut dropped = prune::object(object.map_mut(), &self.root);
        embedded::prune(object.map_mut(), &self.root, &mut dropped);
        dropped
    }

    /// Fills in defaults and drops nulls where none are allowed. Idempotent; also for objects that are read.
    pub fn default(&self, object: &mut Object) {
        default::map(object.map_mut(), &self.root);
    }

    /// What is wrong with a new object, beyond its own metadata.
    pub fn validate(&self, object: &Object) -> Vec<field::Error> {
        let trail = Trail::Root(None);
        let mut errors = value::object(&self.root, object.map(), None, trail);
        errors.extend(embedded::validate(&self.root, object.map()));
        errors.extend(lists::duplicates(&self.root, object.map(), trail));
        self.check_rules(object, None, &mut errors);
        errors
    }

    /// What is wrong with a change, and which rules it breaks that were broken before by what did not change: these are
    /// let through, with a warning.
    pub fn validate_update(&self, new: &Object, old: &Object) -> (Vec<field::Error>, Vec<field::Error>) {
        let trail = Trail::Root(None);
        let mut errors = value::object(&self.root, new.map(), Some(old.map()), trail);
        errors.extend(embedded::validate(&self.root, new.map()));
        let duplicates = lists::duplicates(&self.root, new.map(), trail);
        if !duplicates.is_empty() && lists::duplicates(&self.root, old.map(), trail).is_empty() {
            errors.extend(duplicates);
        }
        let let_through = self.check_rules(new, Some(old), &mut errors);
        (errors, let_through)
    }

    /// The same of a change through the `status` subresource.
    pub fn validate_status_update(&self, new: &Object, old: &Object) -> (Vec<field::Error>, Vec<field::Error>) {
        self.validate_update(new, old)
    }

    /// The schema in the form that server-side apply, merging and OpenAPI walk. `definition` names the root's struct
    /// (`com.example.v1.Widget`), `api_version` is the resource's.
    pub fn schema(&self, definition: &str, api_version: &str) -> Schema {
        ir::schema(&self.root, definition, api_version)
    }

    fn check_rules(&self, new: &Object, old: Option<&Object>, errors: &mut Vec<field::Error>) -> Vec<field::Error> {
        let Some(rules) = &self.rules else { return Vec::new() };
        if errors.iter().any(|error| blocks(error.reason)) {
            let nowhere = Trail::Root(None).path();
            errors.push(nowhere.invalid(Value::Null, NOT_CHECKED));
            return Vec::new();
        }
        rules::check(rules, &self.root, new.map(), old.map(Object::map), Trail::Root(None), errors)
    }
}

/// Whether an error leaves rules without the values that they rely on.
fn blocks(reason: field::Reason) -> bool {
    use field::Reason::{NotSupported, Required, TooLong, TooMany, TypeInvalid};
    matches!(reason, NotSupported | Required | TooLong | TooMany | TypeInvalid)
}
