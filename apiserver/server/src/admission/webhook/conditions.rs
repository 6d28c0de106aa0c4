//! `matchConditions`: expressions over the request that say whether a webhook is called at all.

use std::sync::LazyLock;

use kubernel_cel::Value as Cel;
use kubernel_cel::admission::{Bindings, Budget, CONDITIONS_COST_MAX, Compiled, Compiler, Features, Purpose, Scope};
use kubernel_cel::library::authz;
use kubernel_cel::value::{Map as Members, from_json};
use kubernel_meta::{ApiError, Object};
use serde_json::Value;

use super::hook::Hook;
use super::shape::Shaped;
use crate::ApiServer;
use crate::admission::policy::authorizer;
use crate::admission::{Attributes, review};

static COMPILER: LazyLock<Compiler> = LazyLock::new(|| Compiler::new(Features::default()));

/// The conditions of one webhook.
#[derive(Default)]
pub(super) struct Conditions(Vec<Result<Compiled, String>>);

impl Conditions {
    /// Reads `matchConditions`.
    pub(super) fn read(list: &Value) -> Self {
        let texts = list.as_array().into_iter().flatten().filter_map(|one| one["expression"].as_str());
        Self(texts.map(|text| COMPILER.compile(text.trim(), Purpose::Condition)).collect())
    }

    /// Whether all of them hold. One that is false decides; where none is and one cannot be evaluated, the webhook's
    /// failure policy does.
    pub(super) fn hold(
        &self,
        server: &ApiServer,
        write: &Attributes<'_>,
        hook: &Hook,
        shaped: &Shaped,
    ) -> Result<bool, ApiError> {
        if self.0.is_empty() {
            return Ok(true);
        }
        let request = review::request(write, &shaped.matched);
        let asked = authorizer::of(server, write);
        let bindings = Bindings {
            object: shaped.object.as_ref().map(tree),
            old_object: shaped.old.as_ref().map(tree),
            request: Some(from_json(&request)),
            params: None,
            namespace: None,
            authorizer: Some(authz::authorizer(asked.clone())),
            request_resource: Some(authz::resource_check(asked, authorizer::request_resource(write))),
        };
        let scope = Scope::new(bindings, &[]);
        let mut budget = Budget::new(CONDITIONS_COST_MAX);
        let mut wrong: Vec<String> = Vec::new();
        for condition in &self.0 {
            let failed = match scope.evaluate(condition, &mut budget) {
                Ok(Ok(value)) if value.as_bool() == Some(false) => return Ok(false),
                Ok(Ok(_)) => continue,
                Ok(Err(why)) => why,
                Err(spent) => {
                    wrong = vec![spent.to_string()];
                    break;
                }
            };
            if !wrong.contains(&failed) {
                wrong.push(failed);
            }
        }
        match wrong.as_slice() {
            [] => Ok(true),
            _ if hook.ignore_failure => Ok(false),
            [one] => Err(write.forbidden(one)),
            many => Err(write.forbidden(format!("[{}]", many.join(", ")))),
        }
    }
}

fn tree(object: &Object) -> Cel<'_> {
    Cel::Map(Members::Json { members: object.map(), declared: None })
}
