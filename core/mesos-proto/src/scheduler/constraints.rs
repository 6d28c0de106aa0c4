//! Which agents a role wants offers of.

use crate::{enums, messages};

messages! {
    /// Mesos' `AttributeConstraint.Selector`.
    Selector as "AttributeConstraint.Selector" {
        pseudoattribute_type: optional PseudoattributeType = 1,
        attribute_name: optional String = 2,
    }

    /// Mesos' `AttributeConstraint.Predicate.Exists`.
    Exists as "AttributeConstraint.Predicate.Exists" {}

    /// Mesos' `AttributeConstraint.Predicate.NotExists`.
    NotExists as "AttributeConstraint.Predicate.NotExists" {}

    /// Mesos' `AttributeConstraint.Predicate.TextEquals`.
    TextEquals as "AttributeConstraint.Predicate.TextEquals" { value: required String = 1 }

    /// Mesos' `AttributeConstraint.Predicate.TextNotEquals`.
    TextNotEquals as "AttributeConstraint.Predicate.TextNotEquals" { value: required String = 1 }

    /// Mesos' `AttributeConstraint.Predicate.TextMatches`.
    TextMatches as "AttributeConstraint.Predicate.TextMatches" { regex: required String = 1 }

    /// Mesos' `AttributeConstraint.Predicate.TextNotMatches`.
    TextNotMatches as "AttributeConstraint.Predicate.TextNotMatches" { regex: required String = 1 }

    /// Mesos' `AttributeConstraint.Predicate`.
    Predicate as "AttributeConstraint.Predicate" {
        exists: optional Exists = 1,
        not_exists: optional NotExists = 2,
        text_equals: optional TextEquals = 3,
        text_not_equals: optional TextNotEquals = 4,
        text_matches: optional TextMatches = 5,
        text_not_matches: optional TextNotMatches = 6,
    }

    /// Mesos' `AttributeConstraint`.
    AttributeConstraint { selector: required Selector = 1, predicate: required Predicate = 2 }

    /// Mesos' `OfferConstraints.RoleConstraints.Group`.
    ConstraintGroup as "OfferConstraints.RoleConstraints.Group" {
        attribute_constraints: repeated AttributeConstraint = 1,
    }

    /// Mesos' `OfferConstraints.RoleConstraints`.
    RoleConstraints as "OfferConstraints.RoleConstraints" { groups: repeated ConstraintGroup = 1 }

    /// Mesos' `OfferConstraints`.
    OfferConstraints { role_constraints: map RoleConstraints = 1 }
}

enums! {
    /// Mesos' `AttributeConstraint.Selector.PseudoattributeType`.
    PseudoattributeType { Unknown = 0 "UNKNOWN", Hostname = 1 "HOSTNAME", Region = 2 "REGION", Zone = 3 "ZONE" }
}
