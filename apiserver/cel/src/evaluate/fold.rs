//! Loops: what the macros become.

use crate::cost::SELECT;
use crate::error::EvalError;
use crate::evaluate::run::{Result, Run, insert};
use crate::evaluate::{Fold, Node, Step};
use crate::value::{Entries, Map, Value};

impl<'a> Run<'a> {
    pub(super) fn fold(&mut self, fold: &'a Fold) -> Result<'a> {
        let range = self.value(&fold.range)?;
        match &fold.step {
            Step::Set(step) => self.fold_set(fold, &range, step),
            Step::Append { predicate, item, charge } => {
                let mut items = Vec::new();
                self.each(fold, &range, |run| {
                    if run.holds(predicate.as_ref())? {
                        let value = run.value(item)?;
                        run.charge(*charge)?;
                        items.push(value);
                    }
                    Ok(true)
                })?;
                self.finish(fold, Value::list(items))
            }
            Step::Insert { predicate, key, value } => {
                let mut entries = Entries::default();
                self.each(fold, &range, |run| {
                    if run.holds(predicate.as_ref())? {
                        // The accumulator, and the call.
                        run.charge(SELECT + 1)?;
                        match key {
                            Some(key) => {
                                let (key, value) = (run.value(key)?, run.value(value)?);
                                insert(&mut entries, &key, value)?;
                            }
                            None => {
                                let Value::Map(more) = run.value(value)? else {
                                    return Err(EvalError::no_such_overload());
                                };
                                for key in more.keys() {
                                    let value = more.get(&key).unwrap_or(Ok(Value::Null))?;
                                    insert(&mut entries, &key, value)?;
                                }
                            }
                        }
                    }
                    Ok(true)
                })?;
                self.finish(fold, Value::Map(Map::Values(entries.into())))
            }
        }
    }

    fn fold_set(&mut self, fold: &'a Fold, range: &Value<'a>, step: &'a Node) -> Result<'a> {
        self.slots[fold.slot] = match self.value(&fold.init) {
            Err(EvalError::CostLimit) => return Err(EvalError::CostLimit),
            other => other,
        };
        self.each(fold, range, |run| {
            match run.value(&fold.condition) {
                Ok(Value::Bool(false)) => return Ok(false),
                Err(EvalError::CostLimit) => return Err(EvalError::CostLimit),
                _ => {}
            }
            run.slots[fold.slot] = match run.value(step) {
                Err(EvalError::CostLimit) => return Err(EvalError::CostLimit),
                other => other,
            };
            Ok(true)
        })?;
        self.value(&fold.result)
    }

    fn finish(&mut self, fold: &'a Fold, accumulator: Value<'a>) -> Result<'a> {
        self.slots[fold.slot] = Ok(accumulator);
        self.value(&fold.result)
    }

    fn holds(&mut self, predicate: Option<&'a Node>) -> std::result::Result<bool, EvalError> {
        match predicate.map(|predicate| self.value(predicate)).transpose()? {
            None => Ok(true),
            Some(Value::Bool(value)) => Ok(value),
            Some(_) => Err(EvalError::no_such_overload()),
        }
    }

    /// Puts the items of a range into the loop's variables, one after another, until the body says enough.
    fn each(
        &mut self,
        fold: &'a Fold,
        range: &Value<'a>,
        mut body: impl FnMut(&mut Self) -> std::result::Result<bool, EvalError>,
    ) -> std::result::Result<(), EvalError> {
        match range {
            Value::List(list) => {
                for index in 0..list.len() {
                    let item = list.get(index).unwrap_or(Value::Null);
                    if fold.two {
                        self.slots[fold.slot + 1] = Ok(Value::Int(index as i64));
                        self.slots[fold.slot + 2] = Ok(item);
                    } else {
                        self.slots[fold.slot + 1] = Ok(item);
                    }
                    if !body(self)? {
                        break;
                    }
                }
                Ok(())
            }
            Value::Map(map) => {
                for key in map.keys() {
                    if fold.two {
                        self.slots[fold.slot + 2] = map.get(&key).unwrap_or(Ok(Value::Null));
                    }
                    self.slots[fold.slot + 1] = Ok(key);
                    if !body(self)? {
                        break;
                    }
                }
                Ok(())
            }
            other => Err(EvalError::new(format!("got '{}', expected iterable type", other.ty().name()))),
        }
    }
}
