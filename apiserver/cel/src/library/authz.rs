//! Questions to the authorizer: `authorizer.group("apps").resource("deployments").check("create").allowed()`.
//!
//! Who answers is not known here: an [`Authorizer`] is handed in with the variables of an evaluation.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

use kubernel_meta::validation;

use super::arguments::{own, text};
use crate::error::EvalError;
use crate::function::{Call, Functions, Overload};
use crate::types::Type;
use crate::value::{Opaque, Value};

/// What a check costs: a policy can afford few of them.
const CHECK_COST: u64 = 350_000;

/// Answers whether somebody may do something.
pub trait Authorizer: Debug + Send + Sync {
    /// The answer for the user whose authorizer it is, or for a service account.
    fn authorize(&self, check: &Check) -> Decision;
}

/// For whom a question is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Who {
    /// The user who sends the request.
    #[default]
    Sender,
    /// A ServiceAccount.
    ServiceAccount {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

/// A question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Check {
    /// For whom.
    pub who: Who,
    /// The verb; of a path the HTTP method in lower case.
    pub verb: String,
    /// A path that is no resource; what follows is empty then.
    pub path: Option<String>,
    /// The API group.
    pub group: String,
    /// The plural resource.
    pub resource: String,
    /// The subresource, or empty.
    pub subresource: String,
    /// The namespace, or empty.
    pub namespace: String,
    /// The object's name, or empty.
    pub name: String,
    /// A field selector, or empty.
    pub field_selector: String,
    /// A label selector, or empty.
    pub label_selector: String,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is allowed.
    pub allowed: bool,
    /// Why, where there is anything to say.
    pub reason: String,
    /// What went wrong while it was decided.
    pub error: Option<String>,
}

/// The steps on the way to a question, each a type of its own in expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Authorizer,
    Path,
    Group,
    Resource,
}

/// The value of a step.
#[derive(Clone, Debug)]
struct Asking {
    step: Step,
    authorizer: Arc<dyn Authorizer>,
    check: Check,
}

/// The value of an answer.
#[derive(Debug)]
struct Answer(Decision);

/// The value of `authorizer`.
#[must_use]
pub fn authorizer<'a>(authorizer: Arc<dyn Authorizer>) -> Value<'a> {
    Value::opaque(Asking { step: Step::Authorizer, authorizer, check: Check::default() })
}

/// The value of `authorizer.requestResource`: the question about a resource, its verb still open.
#[must_use]
pub fn resource_check<'a>(authorizer: Arc<dyn Authorizer>, check: Check) -> Value<'a> {
    Value::opaque(Asking { step: Step::Resource, authorizer, check })
}

/// The type of `authorizer`.
#[must_use]
pub fn authorizer_type() -> Type {
    Step::Authorizer.ty()
}

/// The type of `authorizer.requestResource`.
#[must_use]
pub fn resource_check_type() -> Type {
    Step::Resource.ty()
}

impl Step {
    fn ty(self) -> Type {
        Type::object(match self {
            Step::Authorizer => "kubernetes.authorization.Authorizer",
            Step::Path => "kubernetes.authorization.PathCheck",
            Step::Group => "kubernetes.authorization.GroupCheck",
            Step::Resource => "kubernetes.authorization.ResourceCheck",
        })
    }
}

fn decision_type() -> Type {
    Type::object("kubernetes.authorization.Decision")
}

impl Opaque for Asking {
    fn ty(&self) -> Type {
        self.step.ty()
    }

    fn equal(&self, other: &dyn Opaque) -> bool {
        let other = other.as_any().downcast_ref::<Asking>();
        other.is_some_and(|other| self.step == other.step && self.check == other.check)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Opaque for Answer {
    fn ty(&self) -> Type {
        decision_type()
    }

    fn equal(&self, other: &dyn Opaque) -> bool {
        other.as_any().downcast_ref::<Answer>().is_some_and(|other| self.0 == other.0)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

pub(super) fn register(functions: &mut Functions) {
    let (start, path) = (Step::Authorizer.ty(), Step::Path.ty());
    let (group, resource) = (Step::Group.ty(), Step::Resource.ty());
    let with_text = |ty: &Type| [ty.clone(), Type::String];
    let mut add = |name: &'static str, id, parameters: Vec<Type>, result: &Type, call: Call| {
        functions.add(name, [Overload::member(id, parameters, result.clone(), call)]);
    };
    add("path", "authorizer_path", with_text(&start).into(), &path, |args| {
        let path = text(args, 1)?;
        filled(path, "path")?;
        next(args, Step::Path, |check| check.path = Some(path.to_owned()))
    });
    add("group", "authorizer_group", with_text(&start).into(), &group, |args| {
        let group = text(args, 1)?;
        next(args, Step::Group, |check| group.clone_into(&mut check.group))
    });
    let three = vec![start.clone(), Type::String, Type::String];
    add("serviceAccount", "authorizer_serviceaccount", three, &start, service_account);
    add("resource", "groupcheck_resource", with_text(&group).into(), &resource, |args| {
        let resource = text(args, 1)?;
        filled(resource, "resource")?;
        next(args, Step::Resource, |check| resource.clone_into(&mut check.resource))
    });
    let refinements: [(&'static str, &'static str, Call); 5] = [
        ("subresource", "resourcecheck_subresource", |args| refine(args, |check| &mut check.subresource)),
        ("namespace", "resourcecheck_namespace", |args| refine(args, |check| &mut check.namespace)),
        ("name", "resourcecheck_name", |args| refine(args, |check| &mut check.name)),
        ("fieldSelector", "authorizer_fieldselector", |args| refine(args, |check| &mut check.field_selector)),
        ("labelSelector", "authorizer_labelselector", |args| refine(args, |check| &mut check.label_selector)),
    ];
    for (name, id, call) in refinements {
        add(name, id, with_text(&resource).into(), &resource, call);
    }
    let answers: [(&'static str, &'static str, Type, Call); 4] = [
        ("errored", "decision_errored", Type::Bool, |args| Ok(Value::Bool(own::<Answer>(args, 0)?.0.error.is_some()))),
        ("error", "decision_error", Type::String, |args| {
            Ok(Value::string(own::<Answer>(args, 0)?.0.error.clone().unwrap_or_default()))
        }),
        ("allowed", "decision_allowed", Type::Bool, |args| Ok(Value::Bool(own::<Answer>(args, 0)?.0.allowed))),
        ("reason", "decision_reason", Type::String, |args| {
            Ok(Value::string(own::<Answer>(args, 0)?.0.reason.as_str()))
        }),
    ];
    for (name, id, result, call) in answers {
        add(name, id, vec![decision_type()], &result, call);
    }
    for (id, ty) in [("pathcheck_check", &path), ("resourcecheck_check", &resource)] {
        let check = Overload::member(id, with_text(ty), decision_type(), check).costing(
            |_| Some(crate::cost::CallEstimate::cost(crate::cost::Range::fixed(CHECK_COST))),
            |_, _| Some(CHECK_COST),
        );
        functions.add("check", [check]);
    }
}

fn next<'a>(args: &[Value<'a>], step: Step, change: impl FnOnce(&mut Check)) -> Result<Value<'a>, EvalError> {
    let mut asking = own::<Asking>(args, 0)?.clone();
    asking.step = step;
    change(&mut asking.check);
    Ok(Value::opaque(asking))
}

fn refine<'a>(args: &[Value<'a>], part: fn(&mut Check) -> &mut String) -> Result<Value<'a>, EvalError> {
    let wanted = text(args, 1)?;
    next(args, Step::Resource, |check| wanted.clone_into(part(check)))
}

fn service_account<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    let (namespace, name) = (text(args, 1)?, text(args, 2)?);
    if !validation::dns1123_subdomain(name).is_empty() {
        return Err(EvalError::new("Invalid service account name"));
    }
    if !validation::dns1123_label(namespace).is_empty() {
        return Err(EvalError::new("Invalid service account namespace"));
    }
    let who = Who::ServiceAccount { namespace: namespace.to_owned(), name: name.to_owned() };
    next(args, Step::Authorizer, |check| check.who = who)
}

fn filled(text: &str, what: &str) -> Result<(), EvalError> {
    if text.trim().is_empty() { Err(EvalError::new(format!("{what} must not be empty"))) } else { Ok(()) }
}

fn check<'a>(args: &[Value<'a>]) -> Result<Value<'a>, EvalError> {
    let asking = own::<Asking>(args, 0)?;
    let mut check = asking.check.clone();
    text(args, 1)?.clone_into(&mut check.verb);
    Ok(Value::opaque(Answer(asking.authorizer.authorize(&check))))
}
