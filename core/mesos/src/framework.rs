//! What a framework may say of itself, in Mesos' order and words. Pure.

use std::{collections::BTreeSet, sync::Arc};

use kubernel_kernel::{Capabilities, Constraint, Constraints, Pattern, Predicate, Selector, Settings};
use kubernel_mesos_proto::{
    scheduler::{self, AttributeConstraint, OfferConstraints, PseudoattributeType},
    v1::{FrameworkCapabilityType, FrameworkInfo, OfferFilters, Scalar},
};

use crate::resources::{Namer, read_all};

/// The longest identifier in bytes.
const ID_BYTES_MAX: usize = 255;
/// What Mesos can hold as a duration: nanoseconds in 63 bits.
const SECONDS_MAX: f64 = 9_223_372_036.0;
/// The largest pattern of an offer constraint in bytes.
const PATTERN_TEXT_BYTES_MAX: usize = 4_096;

/// Checks what a framework says of itself when it subscribes or changes.
///
/// # Errors
///
/// What is wrong, in Mesos' words.
pub fn check(info: &FrameworkInfo) -> Result<(), String> {
    check_roles(info)?;
    if let Some(id) = info.id.as_ref().filter(|id| !id.value.is_empty()) {
        check_id(&id.value)?;
    }
    for filters in info.offer_filters.values() {
        check_filters(filters)?;
    }
    let timeout = info.failover_timeout;
    if timeout.is_nan() || timeout.abs() > SECONDS_MAX {
        return Err(format!("The framework failover_timeout ({timeout}) is invalid"));
    }
    Ok(())
}

/// The roles of a framework.
pub fn roles(info: &FrameworkInfo) -> Vec<String> {
    match can(info, FrameworkCapabilityType::MultiRole) {
        true => info.roles.clone(),
        false => vec![info.role.clone().unwrap_or_else(|| "*".to_owned())],
    }
}

/// Whether a framework has a capability.
pub fn can(info: &FrameworkInfo, capability: FrameworkCapabilityType) -> bool {
    info.capabilities.iter().any(|own| own.r#type == Some(capability))
}

/// How long a framework may be away, in milliseconds.
pub fn failover_ms(info: &FrameworkInfo) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "negative ones are none")]
    let ms = (info.failover_timeout * 1_000.0) as u64;
    ms
}

/// Checks the name of a role.
///
/// # Errors
///
/// What is wrong, in Mesos' words.
pub fn check_role(role: &str) -> Result<(), String> {
    if role == "*" {
        return Ok(());
    }
    if role.starts_with('/') {
        return Err(format!("Role '{role}' cannot start with a slash"));
    }
    if role.ends_with('/') {
        return Err(format!("Role '{role}' cannot end with a slash"));
    }
    if role.contains("//") {
        return Err(format!("Role '{role}' cannot contain two adjacent slashes"));
    }
    if role.is_empty() {
        return Err("Role names cannot be the empty string".to_owned());
    }
    for component in role.split('/') {
        if matches!(component, "." | ".." | "*") {
            return Err(format!("Role '{role}' cannot include '{component}' as a component"));
        }
        if component.starts_with('-') {
            return Err(format!("Role component '{component}' is invalid because it starts with a dash"));
        }
        if component.contains(['\t', '\n', '\u{b}', '\u{c}', '\r', ' ', '\u{7f}']) {
            return Err(format!("Role component '{component}' is invalid because it contains backspace or whitespace"));
        }
    }
    Ok(())
}

/// Checks an identifier: it may become the name of a folder.
///
/// # Errors
///
/// What is wrong, in Mesos' words.
pub fn check_id(id: &str) -> Result<(), String> {
    if id.is_empty() {
        return Err("ID must not be empty".to_owned());
    }
    if id.len() > ID_BYTES_MAX {
        return Err(format!("ID must not be greater than {ID_BYTES_MAX} characters"));
    }
    if matches!(id, "." | "..") {
        return Err(format!("'{id}' is disallowed"));
    }
    if id.chars().any(|c| c.is_control() || c == '/' || c == '\\') {
        return Err(format!("'{id}' contains invalid characters"));
    }
    Ok(())
}

/// Checks that roles are the framework's own.
///
/// # Errors
///
/// Which are not.
pub fn check_own_roles(
    roles: &[String],
    suppressed: &[String],
    constraints: Option<&OfferConstraints>,
) -> Result<(), String> {
    let foreign: BTreeSet<&str> = suppressed.iter().filter(|role| !roles.contains(role)).map(String::as_str).collect();
    if !foreign.is_empty() {
        let shown = foreign.into_iter().collect::<Vec<_>>().join(", ");
        return Err(format!("Suppressed roles {{ {shown} }} are not contained in the set of roles"));
    }
    let constrained = constraints.iter().flat_map(|all| all.role_constraints.keys());
    match constrained.into_iter().find(|role| !roles.contains(role)) {
        None => Ok(()),
        Some(role) => Err(format!(
            "Offer constraints specify `role_constraints` for a role '{role}'not contained in the set of roles"
        )),
    }
}

/// What the kernel is told of a framework.
///
/// # Errors
///
/// If an offer constraint or a filter cannot be.
pub fn settings(
    info: &FrameworkInfo,
    constraints: Option<&OfferConstraints>,
    namer: &mut impl Namer,
) -> Result<Settings, String> {
    use FrameworkCapabilityType as Cap;
    let capabilities = Capabilities {
        revocable_resources: can(info, Cap::RevocableResources),
        task_killing_state: can(info, Cap::TaskKillingState),
        gpu_resources: can(info, Cap::GpuResources),
        shared_resources: can(info, Cap::SharedResources),
        partition_aware: can(info, Cap::PartitionAware),
        multi_role: can(info, Cap::MultiRole),
        reservation_refinement: can(info, Cap::ReservationRefinement),
        region_aware: can(info, Cap::RegionAware),
    };
    let mut settings =
        Settings { principal: info.principal.as_deref().map(Arc::from), capabilities, ..Settings::default() };
    for (role, of_role) in constraints.iter().flat_map(|all| &all.role_constraints) {
        if of_role.groups.is_empty() {
            return Err("Empty RoleConstraints are not allowed".to_owned());
        }
        let mut groups = Vec::new();
        for group in &of_role.groups {
            if group.attribute_constraints.is_empty() {
                return Err("Empty AttributeConstraint groups are not allowed".to_owned());
            }
            groups.push(group.attribute_constraints.iter().map(constraint).collect::<Result<_, _>>()?);
        }
        settings.constraints.insert(role.as_str().into(), Constraints(groups));
    }
    for (role, filters) in &info.offer_filters {
        let Some(minima) = &filters.min_allocatable_resources else { continue };
        let mut least = Vec::new();
        for minimum in &minima.quantities {
            let scalars: Vec<_> = minimum.quantities.iter().map(|(name, value)| quantity(name, value)).collect();
            least.push(read_all(&scalars, namer)?);
        }
        settings.offer_min.insert(role.as_str().into(), least);
    }
    Ok(settings)
}

fn quantity(name: &str, value: &Scalar) -> kubernel_mesos_proto::v1::Resource {
    kubernel_mesos_proto::v1::Resource {
        name: name.to_owned(),
        scalar: Some(value.clone()),
        ..kubernel_mesos_proto::v1::Resource::default()
    }
}

fn constraint(of: &AttributeConstraint) -> Result<Constraint, String> {
    let scheduler::Selector { pseudoattribute_type, attribute_name } = &of.selector;
    let selector = match (pseudoattribute_type, attribute_name) {
        (Some(PseudoattributeType::Hostname), None) => Selector::Hostname,
        (Some(PseudoattributeType::Region), None) => Selector::Region,
        (Some(PseudoattributeType::Zone), None) => Selector::Zone,
        (None, Some(name)) => Selector::Attribute(name.as_str().into()),
        (Some(PseudoattributeType::Unknown), None) => {
            return Err("Unknown pseudoattribute type: UNKNOWN".to_owned());
        }
        _ => return Err("Exactly one of 'AttributeConstraint::Selector::selector' fields must be set".to_owned()),
    };
    let scheduler::Predicate { exists, not_exists, text_equals, text_not_equals, text_matches, text_not_matches } =
        &of.predicate;
    let mut given = Vec::new();
    given.extend(exists.as_ref().map(|_| Predicate::Exists));
    given.extend(not_exists.as_ref().map(|_| Predicate::NotExists));
    given.extend(text_equals.as_ref().map(|text| Predicate::TextEquals(text.value.as_str().into())));
    given.extend(text_not_equals.as_ref().map(|text| Predicate::TextNotEquals(text.value.as_str().into())));
    if let Some(matches) = text_matches {
        given.push(Predicate::TextMatches(pattern(&matches.regex)?));
    }
    if let Some(matches) = text_not_matches {
        given.push(Predicate::TextNotMatches(pattern(&matches.regex)?));
    }
    match (given.pop(), given.is_empty()) {
        (Some(predicate), true) => Ok(Constraint { selector, predicate }),
        _ => Err("Exactly one of 'AttributeConstraint::Predicate::predicate' fields must be set".to_owned()),
    }
}

fn pattern(regex: &str) -> Result<Pattern, String> {
    if regex.len() > PATTERN_TEXT_BYTES_MAX {
        return Err(format!(
            "Regular expression of {} bytes is longer than the {PATTERN_TEXT_BYTES_MAX} bytes allowed",
            regex.len()
        ));
    }
    Pattern::new(regex).map_err(|why| format!("Failed to construct regex from pattern '{regex}': {why}"))
}

fn check_roles(info: &FrameworkInfo) -> Result<(), String> {
    if !can(info, FrameworkCapabilityType::MultiRole) {
        if !info.roles.is_empty() {
            let why = "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable";
            return Err(why.to_owned());
        }
        let role = info.role.as_deref().unwrap_or("*");
        return check_role(role).map_err(|why| format!("'FrameworkInfo.role' is not a valid role: {why}"));
    }
    if info.role.is_some() {
        return Err("'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable".to_owned());
    }
    let mut seen = BTreeSet::new();
    let twice: BTreeSet<&str> = info.roles.iter().map(String::as_str).filter(|role| !seen.insert(*role)).collect();
    if !twice.is_empty() {
        let shown = twice.into_iter().collect::<Vec<_>>().join(", ");
        return Err(format!("'FrameworkInfo.roles' contains duplicate items: {{ {shown} }}"));
    }
    let wrong = |why| format!("'FrameworkInfo.roles' contains invalid role: {why}");
    info.roles.iter().try_for_each(|role| check_role(role)).map_err(wrong)
}

fn check_filters(filters: &OfferFilters) -> Result<(), String> {
    let quantities = filters.min_allocatable_resources.iter().flat_map(|least| &least.quantities);
    for (name, value) in quantities.flat_map(|quantities| &quantities.quantities) {
        if !(value.value >= 0.0 && value.value.is_finite()) {
            return Err(format!("Invalid offer filters: Quantity of '{name}' must be non-negative and finite"));
        }
    }
    Ok(())
}
