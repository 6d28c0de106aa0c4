//! Custom resources: the descriptor and the strategy of a kind that a CustomResourceDefinition declares at run time.
//!
//! [`Definition`] reads a CRD object; [`Definition::kind`] makes the [`Kind`] of one of its versions, which goes through
//! the same pipeline as any built-in kind. What values may look like is `kubernel-structural`'s business; which CRDs are
//! served, and how objects get from one version to another, is the server's.

mod columns;
mod definition;
pub mod json_path;
mod names;
mod scale;
mod strategy;

pub use columns::Columns;
pub use definition::{Conversion, Definition, Version, compare_versions};
pub use names::{Names, NamesInUse, accept};
pub use scale::ScalePaths;
pub use strategy::CustomStrategy;
