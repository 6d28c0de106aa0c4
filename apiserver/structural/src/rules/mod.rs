//! `x-kubernetes-validations`: rules compiled once for each version of a definition, evaluated on every write.

mod compile;
mod declare;
mod evaluate;
mod field_path;

use std::sync::Arc;

use kubernel_cel::Program;
use kubernel_cel::declare::DeclType;

pub use compile::{COST_MAX, Compiled, Fault, compile};
pub use declare::{cardinality_max, declared};
pub(crate) use evaluate::{check, check_value};
pub use field_path::{FieldPath, field_path};

use crate::node::{Node, Rule};

/// What all rules of one object may cost together.
pub const BUDGET: u64 = 10_000_000;
/// What one evaluation of one rule may cost.
pub const CALL_COST_MAX: u64 = 1_000_000;

/// The rules of one level of a schema and of all below; levels without rules have none.
#[derive(Debug, Default)]
pub struct Rules {
    own: Vec<Ready>,
    decl: Option<Arc<DeclType>>,
    properties: Vec<(Arc<str>, Rules)>,
    additional: Option<Box<Rules>>,
    items: Option<Box<Rules>>,
}

/// A rule that is ready to be evaluated.
#[derive(Debug)]
struct Ready {
    rule: Rule,
    program: Result<Program, String>,
    message: Option<Program>,
    uses_old_self: bool,
    /// The field below that is to blame, as a path.
    field: Option<Arc<str>>,
}

impl Rules {
    /// Compiles all rules of a schema; `None` where there are none. What does not compile (definitions that passed
    /// [`crate::check`] do) is told when an object is validated.
    pub fn compile(node: &Node, is_root: bool) -> Option<Self> {
        if !has_rules(node) {
            return None;
        }
        let decl = declared(node, is_root).map(Arc::new);
        Self::below(node, is_root, decl.as_ref())
    }

    fn below(node: &Node, is_root: bool, decl: Option<&Arc<DeclType>>) -> Option<Self> {
        if !has_rules(node) {
            return None;
        }
        // A level whose type expressions cannot know still has levels below that they can.
        let own_decl = decl.cloned().or_else(|| declared(node, is_root).map(Arc::new));
        let own = match &own_decl {
            Some(decl) => node
                .rules
                .iter()
                .zip(compile(node, decl))
                .filter_map(|(rule, compiled)| {
                    let field = field_path(&rule.field_path, node, true).ok().map(|found| found.path.into());
                    let program = match (compiled.program, compiled.error) {
                        (Some(program), _) => Ok(program),
                        (None, Some(fault)) => Err(fault.detail),
                        (None, None) => return None,
                    };
                    Some(Ready {
                        rule: rule.clone(),
                        program,
                        message: compiled.message,
                        uses_old_self: compiled.uses_old_self,
                        field: field.filter(|_| !rule.field_path.is_empty()),
                    })
                })
                .collect(),
            None => Vec::new(),
        };
        let child = |node: &Node| {
            let decl = declared(node, node.embedded).map(Arc::new);
            Self::below(node, node.embedded, decl.as_ref())
        };
        let properties =
            node.properties.iter().filter_map(|(name, property)| Some((name.clone(), child(property)?))).collect();
        Some(Self {
            own,
            decl: own_decl,
            properties,
            additional: node.additional_schema().and_then(child).map(Box::new),
            items: node.items.as_deref().and_then(child).map(Box::new),
        })
    }

    fn property(&self, name: &str) -> Option<&Rules> {
        let at = self.properties.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        Some(&self.properties[at].1)
    }
}

fn has_rules(node: &Node) -> bool {
    !node.rules.is_empty()
        || node.items.as_deref().is_some_and(has_rules)
        || node.additional_schema().is_some_and(has_rules)
        || node.properties.iter().any(|(_, property)| has_rules(property))
}
