//! The functions that are not the language's own: cel-go's extensions and Kubernetes' libraries, one file each.
//!
//! A library is a function that adds overloads to [`Functions`]; [`register`] calls them all.

use crate::function::Functions;

/// Adds all libraries of Kubernetes' base environment.
pub fn register(functions: &mut Functions) {
    let _ = functions;
}
