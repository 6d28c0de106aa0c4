//! The variables of one evaluation: the object and what belongs to it, and the policy's own `variables`, each worked out
//! when it is first asked for.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{CALL_COST_MAX, Compiled, VARIABLES};
use crate::environment::Activation;
use crate::error::EvalError;
use crate::value::{LazyFields, Map, Value};

/// The values of the variables that all expressions of a policy see; a missing one is `null`.
#[derive(Clone, Debug, Default)]
pub struct Bindings<'a> {
    /// The new object.
    pub object: Option<Value<'a>>,
    /// The old one.
    pub old_object: Option<Value<'a>>,
    /// The AdmissionRequest.
    pub request: Option<Value<'a>>,
    /// The parameters of the policy.
    pub params: Option<Value<'a>>,
    /// The object's namespace.
    pub namespace: Option<Value<'a>>,
    /// `authorizer`.
    pub authorizer: Option<Value<'a>>,
    /// `authorizer.requestResource`.
    pub request_resource: Option<Value<'a>>,
}

/// One evaluation of a policy: values, and the policy's variables as far as they are worked out.
#[derive(Debug)]
pub struct Scope<'a> {
    bindings: Bindings<'a>,
    variables: &'a [(String, Result<Compiled, String>)],
    values: Vec<OnceLock<Result<Value<'static>, EvalError>>>,
    /// What the variables cost that were worked out since the budget was last charged.
    spent: AtomicU64,
}

/// What may still be spent.
#[derive(Clone, Copy, Debug)]
pub struct Budget(u64);

/// Nothing more may be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("validation failed due to running out of cost budget, no further validation rules will be run")]
pub struct Spent;

impl Budget {
    /// A budget of so many units.
    #[must_use]
    pub fn new(cost_max: u64) -> Self {
        Self(cost_max)
    }

    fn charge(&mut self, cost: u64) -> Result<(), Spent> {
        self.0 = self.0.checked_sub(cost).ok_or(Spent)?;
        Ok(())
    }
}

impl<'a> Scope<'a> {
    /// A scope over these values and a policy's variables.
    #[must_use]
    pub fn new(bindings: Bindings<'a>, variables: &'a [(String, Result<Compiled, String>)]) -> Self {
        let values = variables.iter().map(|_| OnceLock::new()).collect();
        Self { bindings, variables, values, spent: AtomicU64::new(0) }
    }

    /// Evaluates an expression. The outer error ends all evaluations; the inner one is this expression's, in upstream's
    /// words.
    pub fn evaluate<'v>(
        &'v self,
        expression: &'v Result<Compiled, String>,
        budget: &mut Budget,
    ) -> Result<Result<Value<'v>, String>, Spent> {
        let compiled = match expression {
            Ok(compiled) => compiled,
            Err(error) => return Ok(Err(format!("compilation error: {error}"))),
        };
        let outcome = compiled.program.evaluate(self, CALL_COST_MAX);
        budget.charge(self.spent.swap(0, Ordering::Relaxed))?;
        budget.charge(outcome.cost)?;
        Ok(outcome.value.map_err(|error| format!("expression '{}' resulted in error: {error}", compiled.text)))
    }
}

impl Activation for Scope<'_> {
    fn resolve(&self, name: &str) -> Option<Result<Value<'_>, EvalError>> {
        let bindings = &self.bindings;
        let bound = match name {
            "object" => &bindings.object,
            "oldObject" => &bindings.old_object,
            "request" => &bindings.request,
            "params" => &bindings.params,
            "namespaceObject" => &bindings.namespace,
            "authorizer" => &bindings.authorizer,
            "authorizer.requestResource" => &bindings.request_resource,
            VARIABLES => return Some(Ok(Value::Map(Map::Lazy(self)))),
            _ => return None,
        };
        Some(Ok(bound.clone().unwrap_or(Value::Null)))
    }
}

impl LazyFields for Scope<'_> {
    fn field(&self, name: &str) -> Option<Result<Value<'_>, EvalError>> {
        let at = self.variables.iter().rposition(|(known, _)| known == name)?;
        let value = self.values[at].get_or_init(|| match &self.variables[at].1 {
            Err(error) => Err(EvalError::new(format!("composited variable {name:?} fails to compile: {error}"))),
            Ok(compiled) => {
                let outcome = compiled.program.evaluate(self, CALL_COST_MAX);
                self.spent.fetch_add(outcome.cost, Ordering::Relaxed);
                outcome
                    .value
                    .map(Value::into_owned)
                    .map_err(|error| EvalError::new(format!("composited variable {name:?} fails to evaluate: {error}")))
            }
        });
        Some(value.clone())
    }

    fn names(&self) -> Vec<&str> {
        self.variables.iter().map(|(name, _)| name.as_str()).collect()
    }
}
