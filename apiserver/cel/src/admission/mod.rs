//! The environment of admission: what the expressions of policies and the match conditions of webhooks may use, how they
//! are compiled ([`Compiler`]), and how they are evaluated together ([`scope`]).
//!
//! The texts are upstream's (apiserver/pkg/admission/plugin/cel). What the expressions decide is not known here.

mod declared;
mod patches;
pub mod scope;
pub mod typed;

use std::sync::{Arc, LazyLock};

use crate::declare::TypeProvider;
use crate::environment::{Environment, Program};
use crate::library::{authz, json_patch};
use crate::types::Type;

pub use patches::check_type_names;
pub use scope::{Bindings, Budget, Scope};

/// What one evaluation may cost.
pub const CALL_COST_MAX: u64 = 1_000_000;
/// What all evaluations of one policy for one request may cost.
pub const POLICY_COST_MAX: u64 = 10_000_000;
/// What all match conditions of one policy or webhook may cost.
pub const CONDITIONS_COST_MAX: u64 = 2_500_000;

const VARIABLES: &str = "variables";
const VARIABLES_TYPE: &str = "kubernetes.variables";

/// What an expression is for: which types it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A validation or a match condition.
    Condition,
    /// The message of a failed validation.
    Message,
    /// The value of an audit annotation.
    Audit,
    /// A variable.
    Variable,
    /// An apply configuration.
    Apply,
    /// A JSON patch.
    JsonPatch,
}

/// Compiles the expressions of one policy or webhook, its variables first.
pub struct Compiler {
    base: Features,
    variables: Vec<(Arc<str>, Type)>,
}

/// What expressions may use besides `object`, `oldObject`, `request` and `namespaceObject`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// `params`: the policy has a kind of parameters.
    pub params: bool,
    /// The types `Object` and `JSONPatch`, of mutating policies.
    pub patches: bool,
}

/// An expression that was compiled.
pub struct Compiled {
    /// The source, for messages.
    pub text: Arc<str>,
    /// The program.
    pub program: Program,
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("Compiled").field(&self.text).finish()
    }
}

impl Compiler {
    /// A compiler without variables.
    #[must_use]
    pub fn new(base: Features) -> Self {
        Self { base, variables: Vec::new() }
    }

    /// Compiles a variable and lets what is compiled later use it; the error is upstream's text.
    pub fn variable(&mut self, name: &str, text: &str) -> Result<Compiled, String> {
        let compiled = self.checked(text, Purpose::Variable);
        let ty = compiled.as_ref().map_or(Type::Dyn, |(_, ty)| ty.clone());
        self.variables.push((name.into(), ty));
        compiled.map(|(compiled, _)| compiled)
    }

    /// Compiles an expression; the error is upstream's text.
    pub fn compile(&self, text: &str, purpose: Purpose) -> Result<Compiled, String> {
        self.checked(text, purpose).map(|(compiled, _)| compiled)
    }

    fn checked(&self, text: &str, purpose: Purpose) -> Result<(Compiled, Type), String> {
        let mut environment = environment(self.base, purpose != Purpose::Message);
        if purpose == Purpose::Variable || !self.variables.is_empty() {
            let fields = Variables(self.variables.clone());
            environment =
                environment.with_variable(VARIABLES, Type::object(VARIABLES_TYPE)).with_types(Arc::new(fields));
        }
        let checked = environment.compile(text).map_err(|issues| format!("compilation failed: {issues}"))?;
        let (output, wanted) = (checked.output().clone(), purpose.types());
        if !wanted.is_empty() && !wanted.contains(&output) {
            let names: Vec<String> = wanted.iter().map(declared_name).collect();
            let got = declared_name(&output);
            return Err(match names.as_slice() {
                [only] => format!("must evaluate to {only} but got {got}"),
                many => format!("must evaluate to one of [{}] but got {got}", many.join(" ")),
            });
        }
        let program = checked.program().map_err(|error| format!("program instantiation failed: {error}"))?;
        Ok((Compiled { text: text.into(), program }, output))
    }
}

impl Purpose {
    /// The types that fit; none where all do.
    fn types(self) -> Vec<Type> {
        match self {
            Self::Condition => vec![Type::Bool],
            Self::Message => vec![Type::String],
            Self::Audit => vec![Type::String, Type::Null],
            Self::Variable => Vec::new(),
            Self::Apply => vec![Type::object(patches::OBJECT)],
            Self::JsonPatch => vec![Type::list(Type::object(patches::JSON_PATCH))],
        }
    }
}

/// A type as cel-go declares it: where the checker says `timestamp`, this is `google.protobuf.Timestamp`.
#[must_use]
pub fn declared_name(ty: &Type) -> String {
    match ty {
        Type::List(item) => format!("list({})", declared_name(item)),
        Type::Map(key, value) => format!("map({}, {})", declared_name(key), declared_name(value)),
        Type::Type(Some(target)) => format!("type({})", declared_name(target)),
        Type::Opaque(name, parameters) if !parameters.is_empty() => {
            let parameters: Vec<String> = parameters.iter().map(declared_name).collect();
            format!("{name}({})", parameters.join(", "))
        }
        other => other.name().to_owned(),
    }
}

/// The fields of `variables`, as far as they are known.
struct Variables(Vec<(Arc<str>, Type)>);

impl TypeProvider for Variables {
    fn find_type(&self, name: &str) -> Option<Type> {
        (name == VARIABLES_TYPE).then(|| Type::object(VARIABLES_TYPE))
    }

    fn find_field(&self, type_name: &str, field: &str) -> Option<Type> {
        let known = self.0.iter().filter(|_| type_name == VARIABLES_TYPE);
        known.rev().find(|(name, _)| **name == *field).map(|(_, ty)| ty.clone())
    }
}

/// The environments, each made once; messages have no authorizer.
fn environment(features: Features, authorizer: bool) -> Environment {
    static MADE: LazyLock<[Environment; 8]> = LazyLock::new(|| {
        std::array::from_fn(|at| make(Features { params: at & 1 != 0, patches: at & 2 != 0 }, at & 4 != 0))
    });
    let at = usize::from(features.params) | usize::from(features.patches) << 1 | usize::from(authorizer) << 2;
    MADE[at].clone()
}

fn make(features: Features, authorizer: bool) -> Environment {
    let mut made = Environment::base()
        .with_variable("object", Type::Dyn)
        .with_variable("oldObject", Type::Dyn)
        .with_declared("namespaceObject", &declared::namespace())
        .with_declared("request", &declared::request());
    if features.params {
        made = made.with_variable("params", Type::Dyn);
    }
    if authorizer {
        made = made
            .with_variable("authorizer", authz::authorizer_type())
            .with_variable("authorizer.requestResource", authz::resource_check_type());
    }
    if features.patches {
        made = made.with_types(Arc::new(patches::PatchTypes)).with_functions(json_patch::register);
    }
    made
}
