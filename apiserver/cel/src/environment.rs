//! Environments, and what comes of an expression in one: checked, then a program, then an outcome.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use crate::ast::{Expr, Id};
use crate::cost::{Range, SizeEstimator, estimate};
use crate::declare::{DeclType, DeclTypes, TypeProvider};
use crate::error::{EvalError, Issues};
use crate::evaluate::{self, Node};
use crate::function::{Functions, Overload};
use crate::source::Source;
use crate::types::Type;
use crate::value::Value;
use crate::{check, library, parse, standard};

/// Which variables, types and functions expressions may use. Cheap to clone and to extend.
#[derive(Clone)]
pub struct Environment {
    pub(crate) functions: Arc<Functions>,
    pub(crate) variables: HashMap<Arc<str>, Type>,
    pub(crate) providers: Vec<Arc<dyn TypeProvider>>,
}

/// An expression that compiled.
#[derive(Clone)]
pub struct Checked {
    pub(crate) expr: Expr,
    /// By the expressions' numbers.
    pub(crate) types: Vec<Type>,
    pub(crate) calls: HashMap<Id, Reference>,
    pub(crate) names: HashMap<Id, Name>,
    providers: Vec<Arc<dyn TypeProvider>>,
}

/// What a call was resolved to.
#[derive(Clone)]
pub(crate) struct Reference {
    /// The name of the function, qualified.
    pub(crate) function: String,
    /// Whether it is called on its target; if not, the target is a part of the function's name.
    pub(crate) member: bool,
    /// The overloads that may fit; several when types are known at run time only.
    pub(crate) overloads: Vec<Overload>,
}

/// What a name, perhaps with dots, was resolved to.
#[derive(Clone)]
pub(crate) enum Name {
    /// A variable of the environment or of a comprehension.
    Variable(String),
    /// A type as a value.
    Type(Type),
}

/// A program: an expression ready to be evaluated, any number of times and from any thread.
pub struct Program {
    root: Node,
    slots: usize,
    providers: Vec<Arc<dyn TypeProvider>>,
}

/// Gives variables their values.
pub trait Activation {
    /// The value of a variable; `None` if it has none.
    fn resolve(&self, name: &str) -> Option<Result<Value<'_>, EvalError>>;
}

/// What an evaluation came to.
#[derive(Clone, Debug)]
pub struct Outcome<'a> {
    /// The value, or why there is none.
    pub value: Result<Value<'a>, EvalError>,
    /// What it cost.
    pub cost: u64,
}

static BASE: LazyLock<Environment> = LazyLock::new(|| {
    let mut functions = Functions::default();
    standard::register(&mut functions);
    library::register(&mut functions);
    Environment { functions: Arc::new(functions), variables: HashMap::new(), providers: Vec::new() }
});

impl Environment {
    /// What all expressions of Kubernetes have: the language and its libraries, and no variables.
    #[must_use]
    pub fn base() -> Environment {
        BASE.clone()
    }

    /// With a variable. Names may be qualified: `authorizer.requestResource`.
    #[must_use]
    pub fn with_variable(mut self, name: &str, ty: Type) -> Environment {
        self.variables.insert(name.into(), ty);
        self
    }

    /// With a variable of a declared type, and all types that are reachable from it.
    #[must_use]
    pub fn with_declared(self, name: &str, ty: &Arc<DeclType>) -> Environment {
        let mut types = DeclTypes::default();
        types.add(ty);
        self.with_variable(name, ty.cel_type()).with_types(Arc::new(types))
    }

    /// With more types. Of types with the same name, the first that was added counts.
    #[must_use]
    pub fn with_types(mut self, provider: Arc<dyn TypeProvider>) -> Environment {
        self.providers.push(provider);
        self
    }

    /// With more functions.
    #[must_use]
    pub fn with_functions(mut self, register: impl FnOnce(&mut Functions)) -> Environment {
        register(Arc::make_mut(&mut self.functions));
        self
    }

    /// Parses and checks an expression.
    pub fn compile(&self, text: &str) -> Result<Checked, Issues> {
        let source = Source::new(text);
        let parsed = parse::parse(&source)?;
        let outcome = check::check(self, &source, &parsed)?;
        Ok(Checked {
            expr: parsed.expr,
            types: outcome.types,
            calls: outcome.calls,
            names: outcome.names,
            providers: self.providers.clone(),
        })
    }
}

impl Checked {
    /// The type of the value.
    #[must_use]
    pub fn output(&self) -> &Type {
        self.types.get(self.expr.id).unwrap_or(&Type::Dyn)
    }

    /// The syntax tree, macros expanded.
    #[must_use]
    pub fn expr(&self) -> &Expr {
        &self.expr
    }

    /// The type of a part of the expression.
    #[must_use]
    pub fn type_of(&self, id: Id) -> &Type {
        self.types.get(id).unwrap_or(&Type::Dyn)
    }

    /// Whether a variable is used anywhere.
    #[must_use]
    pub fn mentions(&self, variable: &str) -> bool {
        self.names.values().any(|name| matches!(name, Name::Variable(known) if known == variable))
    }

    /// What an evaluation may cost.
    #[must_use]
    pub fn cost(&self, sizes: &dyn SizeEstimator) -> Range {
        estimate::estimate(self, sizes)
    }

    /// Makes a program. Fails if a part that is constant fails, such as `duration('x')`.
    pub fn program(&self) -> Result<Program, EvalError> {
        let (root, slots) = evaluate::plan(self)?;
        Ok(Program { root, slots, providers: self.providers.clone() })
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Program").finish_non_exhaustive()
    }
}

impl Program {
    /// Evaluates. More than `cost_max` units end in [`EvalError::CostLimit`]; what cancels otherwise is nothing, because
    /// the cost bounds the time.
    pub fn evaluate<'a>(&'a self, activation: &'a dyn Activation, cost_max: u64) -> Outcome<'a> {
        evaluate::run(&self.root, self.slots, &self.providers, activation, cost_max)
    }
}

/// Few variables: pairs of names and values.
impl Activation for [(&str, Value<'_>)] {
    fn resolve(&self, name: &str) -> Option<Result<Value<'_>, EvalError>> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| Ok(value.clone()))
    }
}

impl Activation for Vec<(&str, Value<'_>)> {
    fn resolve(&self, name: &str) -> Option<Result<Value<'_>, EvalError>> {
        self.as_slice().resolve(name)
    }
}

impl<const COUNT: usize> Activation for [(&str, Value<'_>); COUNT] {
    fn resolve(&self, name: &str) -> Option<Result<Value<'_>, EvalError>> {
        self.as_slice().resolve(name)
    }
}
