//! Which types go together, and what type parameters stand for then.

use std::collections::HashMap;
use std::sync::Arc;

use crate::types::Type;

/// What type parameters stand for.
#[derive(Default)]
pub(super) struct Mapping {
    bound: HashMap<Arc<str>, Type>,
    /// What was bound before, to take back an attempt.
    undo: Vec<(Arc<str>, Option<Type>)>,
}

impl Mapping {
    pub(super) fn knows(&self, name: &str) -> bool {
        self.bound.contains_key(name)
    }

    pub(super) fn bind(&mut self, name: Arc<str>, ty: Type) {
        let before = self.bound.insert(name.clone(), ty);
        self.undo.push((name, before));
    }

    /// Whether a value of the second type can stand for the first (or either fits the other through parameters). Binds
    /// parameters if so, and nothing if not.
    pub(super) fn assign(&mut self, first: &Type, second: &Type) -> bool {
        self.attempt(|mapping| mapping.fits(first, second))
    }

    /// The same for lists of types, all or nothing.
    pub(super) fn assign_all(&mut self, first: &[Type], second: &[Type]) -> bool {
        first.len() == second.len() && self.attempt(|mapping| mapping.fit_all(first, second))
    }

    /// The type with its parameters replaced; those that stand for nothing become `dyn` if asked for.
    pub(super) fn substitute(&self, ty: &Type, to_dyn: bool) -> Type {
        let again = |ty: &Type| self.substitute(ty, to_dyn);
        match ty {
            Type::Param(name) => match self.bound.get(name) {
                Some(bound) => again(bound),
                None if to_dyn => Type::Dyn,
                None => ty.clone(),
            },
            Type::List(element) => Type::list(again(element)),
            Type::Map(key, value) => Type::map(again(key), again(value)),
            Type::Type(Some(target)) => Type::type_of(again(target)),
            Type::Opaque(name, parameters) if !parameters.is_empty() => {
                Type::Opaque(name.clone(), parameters.iter().map(again).collect())
            }
            other => other.clone(),
        }
    }

    fn attempt(&mut self, attempt: impl FnOnce(&mut Mapping) -> bool) -> bool {
        self.undo.clear();
        let fits = attempt(self);
        if !fits {
            while let Some((name, before)) = self.undo.pop() {
                match before {
                    Some(before) => self.bound.insert(name, before),
                    None => self.bound.remove(&name),
                };
            }
        }
        fits
    }

    fn fit_all(&mut self, first: &[Type], second: &[Type]) -> bool {
        first.iter().zip(second).all(|(first, second)| self.fits(first, second))
    }

    fn fits(&mut self, first: &Type, second: &Type) -> bool {
        if let Type::Param(name) = second {
            match self.stands_for(first, second, name) {
                (true, _) => return true,
                (false, true) => return false,
                // Perhaps the other way round.
                (false, false) => {}
            }
        }
        if let Type::Param(name) = first {
            return self.stands_for(second, first, name).0;
        }
        match (first, second) {
            (Type::Dyn | Type::Any | Type::Error, _) | (_, Type::Dyn | Type::Any | Type::Error) => true,
            (Type::Null, second) => {
                matches!(second, Type::Null | Type::Timestamp | Type::Duration | Type::Opaque(..) | Type::Object(_))
            }
            (Type::List(first), Type::List(second)) => self.fits(first, second),
            (Type::Map(first_key, first_value), Type::Map(second_key, second_value)) => {
                self.fits(first_key, second_key) && self.fits(first_value, second_value)
            }
            (Type::Opaque(first_name, first), Type::Opaque(second_name, second)) => {
                first_name == second_name && first.len() == second.len() && self.fit_all(first, second)
            }
            (Type::Type(_), Type::Type(_)) => true,
            (first, second) => first == second,
        }
    }

    /// Whether a parameter can stand for a type, and whether it stands for one already.
    fn stands_for(&mut self, ty: &Type, parameter: &Type, name: &Arc<str>) -> (bool, bool) {
        if ty == parameter {
            return (true, true);
        }
        if let Some(bound) = self.bound.get(name).cloned() {
            if *ty == bound {
                return (true, true);
            }
            if !self.fits(ty, &bound) {
                return (false, true);
            }
            let general = most_general(ty.clone(), bound);
            if !self.occurs(name, &general) {
                self.bind(name.clone(), general);
            }
            return (true, true);
        }
        if self.occurs(name, ty) {
            return (false, false);
        }
        self.bind(name.clone(), ty.clone());
        (true, false)
    }

    /// Whether a parameter occurs in a type.
    fn occurs(&self, name: &Arc<str>, ty: &Type) -> bool {
        match ty {
            Type::Param(other) if other == name => true,
            Type::Param(other) => self.bound.get(other).is_some_and(|bound| self.occurs(name, bound)),
            Type::List(element) => self.occurs(name, element),
            Type::Map(key, value) => self.occurs(name, key) || self.occurs(name, value),
            Type::Opaque(_, parameters) => parameters.iter().any(|parameter| self.occurs(name, parameter)),
            _ => false,
        }
    }
}

/// The more general of two types that go together.
pub(super) fn most_general(first: Type, second: Type) -> Type {
    if is_equal_or_less_specific(&first, &second) { first } else { second }
}

fn is_equal_or_less_specific(first: &Type, second: &Type) -> bool {
    match (first, second) {
        (Type::Dyn | Type::Any | Type::Param(_), _) => true,
        (_, Type::Dyn | Type::Any | Type::Param(_)) => false,
        (Type::List(first), Type::List(second)) => is_equal_or_less_specific(first, second),
        (Type::Map(first_key, first_value), Type::Map(second_key, second_value)) => {
            is_equal_or_less_specific(first_key, second_key) && is_equal_or_less_specific(first_value, second_value)
        }
        (Type::Opaque(first_name, first), Type::Opaque(second_name, second)) => {
            first_name == second_name
                && first.len() == second.len()
                && first.iter().zip(second.iter()).all(|(first, second)| is_equal_or_less_specific(first, second))
        }
        (Type::Type(_), Type::Type(_)) => true,
        // `null` gives way to what it can stand for.
        (first, second) => first == second,
    }
}
