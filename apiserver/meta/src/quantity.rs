//! `resource.Quantity`: exact decimal amounts with SI and binary suffixes.

/// An exact amount.
#[derive(Clone, Debug, Default)]
pub struct Quantity {
    _private: (),
}

/// A quantity that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")]
pub struct QuantityError;
