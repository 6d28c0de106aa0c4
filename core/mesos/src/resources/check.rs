//! What is wrong with resources, in Mesos' order and words.

use std::collections::BTreeSet;

use kubernel_mesos_proto::v1::{ReservationType, Resource, ValueType};

use super::{show, thousandths};
use crate::framework;

/// Checks resources as they come in a task, an executor or an operation.
///
/// # Errors
///
/// What is wrong with the first that is wrong.
pub fn check(resources: &[Resource]) -> Result<(), String> {
    for resource in resources {
        value(resource)
            .map_err(str::to_owned)
            .and_then(|()| reserved(resource))
            .map_err(|why| format!("Invalid resources: Resource '{}' is invalid: {why}", show(resource)))?;
    }
    for resource in resources {
        if resource.name == "gpus" && scalar(resource).is_some_and(|milli| milli % 1_000 != 0) {
            return Err("Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer".to_owned());
        }
        disk(resource).map_err(|why| format!("Invalid DiskInfo: {why}"))?;
        if resource.revocable.is_some() && is_dynamic(resource) {
            return Err(format!(
                "Invalid ReservationInfo: Dynamically reserved resource {} cannot be created from revocable resources",
                show(resource)
            ));
        }
    }
    Ok(())
}

fn scalar(resource: &Resource) -> Option<u64> {
    thousandths(resource.scalar.as_ref()?.value)
}

fn value(resource: &Resource) -> Result<(), &'static str> {
    if resource.name.is_empty() {
        return Err("Empty resource name");
    }
    let (scalar, ranges, set) = (&resource.scalar, &resource.ranges, &resource.set);
    match resource.r#type {
        ValueType::Scalar => match scalar {
            Some(value) if ranges.is_none() && set.is_none() => match thousandths(value.value) {
                Some(_) => Ok(()),
                None if value.value < 0.0 => Err("Invalid scalar resource: value < 0"),
                None => Err("Invalid scalar resource"),
            },
            _ => Err("Invalid scalar resource"),
        },
        ValueType::Ranges => match ranges {
            Some(ranges) if scalar.is_none() && set.is_none() => {
                if ranges.range.iter().any(|range| range.begin > range.end) {
                    return Err("Invalid ranges resource: begin > end");
                }
                let mut sorted: Vec<(u64, u64)> = ranges.range.iter().map(|range| (range.begin, range.end)).collect();
                sorted.sort_unstable();
                let overlap = sorted.windows(2).any(|pair| pair[1].0 <= pair[0].1);
                if overlap { Err("Invalid ranges resource: overlapping ranges") } else { Ok(()) }
            }
            _ => Err("Invalid ranges resource"),
        },
        ValueType::Set => match set {
            Some(set) if scalar.is_none() && ranges.is_none() => {
                let unique: BTreeSet<&String> = set.item.iter().collect();
                let all = unique.len() == set.item.len();
                if all { Ok(()) } else { Err("Invalid set resource: duplicated elements") }
            }
            _ => Err("Invalid set resource"),
        },
        ValueType::Text => Err("Unsupported resource type"),
    }
}

/// Both formats of reservations, but not in one resource.
fn reserved(resource: &Resource) -> Result<(), String> {
    if resource.disk.is_some() && resource.name != "disk" {
        return Err(format!("DiskInfo should not be set for {} resource", resource.name));
    }
    if resource.reservations.is_empty() {
        let role = resource.role.as_deref().unwrap_or("*");
        if role == "*" && resource.reservation.is_some() {
            return Err("Invalid reservation: role \"*\" cannot be dynamically reserved".to_owned());
        }
        return framework::check_role(role);
    }
    if resource.role.as_deref().is_some_and(|role| role != "*") {
        return Err("'Resource.role' must not be set if 'Resource.reservations' is set".to_owned());
    }
    if resource.reservation.is_some() {
        return Err("'Resource.reservation' must not be set if 'Resource.reservations' is set".to_owned());
    }
    let mut above: Option<&str> = None;
    for (at, reservation) in resource.reservations.iter().enumerate() {
        let role = match (reservation.r#type, reservation.role.as_deref()) {
            (None | Some(ReservationType::Unknown), _) => {
                return Err("Invalid reservation: 'Resource.ReservationInfo.type' field must be set.".to_owned());
            }
            (_, None) => {
                return Err("Invalid reservation: 'Resource.ReservationInfo.role' field must be set.".to_owned());
            }
            (_, Some("*")) => return Err("Invalid reservation: role \"*\" cannot be reserved".to_owned()),
            (_, Some(role)) => role,
        };
        framework::check_role(role)?;
        if at > 0 && reservation.r#type == Some(ReservationType::Static) {
            return Err("Invalid refined reservation: A refined reservation cannot be STATIC".to_owned());
        }
        if let Some(above) = above
            && !role.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'))
        {
            return Err(format!("Invalid refined reservation: role '{role}' is not a refinement of '{above}'"));
        }
        above = Some(role);
    }
    Ok(())
}

fn disk(resource: &Resource) -> Result<(), String> {
    let Some(disk) = &resource.disk else { return Ok(()) };
    let Some(persistence) = &disk.persistence else {
        return match (&disk.volume, &disk.source) {
            (Some(_), _) => Err("Non-persistent volume not supported".to_owned()),
            (None, None) => Err("DiskInfo is set but empty".to_owned()),
            (None, Some(_)) => Ok(()),
        };
    };
    if resource.revocable.is_some() {
        return Err("Persistent volumes cannot be created from revocable resources".to_owned());
    }
    if role(resource).is_none() {
        return Err("Persistent volumes cannot be created from unreserved resources".to_owned());
    }
    let Some(volume) = &disk.volume else {
        return Err("Expecting 'volume' to be set for persistent volume".to_owned());
    };
    if volume.host_path.is_some() {
        return Err("Expecting 'host_path' to be unset for persistent volume".to_owned());
    }
    framework::check_id(&persistence.id).map_err(|why| format!("Invalid persistence ID for persistent volume: {why}"))
}

/// The role that a resource is reserved for.
pub fn role(resource: &Resource) -> Option<&str> {
    match resource.reservations.last() {
        Some(reservation) => reservation.role.as_deref(),
        None => resource.role.as_deref().filter(|role| *role != "*"),
    }
}

fn is_dynamic(resource: &Resource) -> bool {
    match resource.reservations.last() {
        Some(reservation) => reservation.r#type == Some(ReservationType::Dynamic),
        None => resource.reservation.is_some(),
    }
}
