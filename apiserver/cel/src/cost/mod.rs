//! What expressions cost: estimated from a checked expression ([`estimate`]), and charged while one is evaluated
//! ([`crate::Program::evaluate`]). The units and rules are cel-go's, because the limits of Kubernetes are in them.

pub mod estimate;
mod range;

pub use estimate::{CallEstimate, DeclSizes, EstimateCall, EstimateNode, SizeEstimator};
pub use range::Range;

/// What looking at one character costs.
pub const STRING_TRAVERSAL: f64 = 0.1;
/// What one character of a regular expression counts.
pub const REGEX_LENGTH: f64 = 0.25;
/// What an identifier or a selection costs.
pub const SELECT: u64 = 1;
/// What making a list costs.
pub const LIST: u64 = 10;
/// What making a map costs.
pub const MAP: u64 = 30;
/// What making an object costs.
pub const OBJECT: u64 = 40;

/// The size of a value as costs count it: what `size()` says, 1 for everything without a size.
#[must_use]
pub fn size_of(value: &crate::Value<'_>) -> u64 {
    value.size().unwrap_or(1)
}

/// The cost of going once through so many characters, rounded up.
#[must_use]
pub fn traversal(size: u64, factor: f64) -> u64 {
    (size as f64 * factor).ceil() as u64
}
