//! The functions that are not the language's own: cel-go's extensions and Kubernetes' libraries, one file each.
//!
//! A library is a function that adds overloads to [`Functions`]; [`register`] calls them all. What only mutating
//! policies have, [`json_patch`], is added by their environment.

mod arguments;
pub mod authz;
mod cidr;
mod costs;
mod format;
mod ip;
pub mod json_patch;
mod lists;
mod printf;
mod quantity;
mod regex;
mod semver;
mod sets;
mod strings;
mod url;

use crate::function::Functions;

/// Adds all libraries of Kubernetes' base environment.
pub fn register(functions: &mut Functions) {
    url::register(functions);
    regex::register(functions);
    lists::register(functions);
    authz::register(functions);
    quantity::register(functions);
    strings::register(functions);
    printf::register(functions);
    sets::register(functions);
    ip::register(functions);
    cidr::register(functions);
    format::register(functions);
    semver::register(functions);
}
