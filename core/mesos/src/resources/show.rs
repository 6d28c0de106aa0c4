//! Resources as Mesos prints them: `cpus(allocated: *):1.5; ports(allocated: *):[31000-31001]`.

use std::fmt::Write;

use kubernel_mesos_proto::v1::{ReservationInfo, ReservationType, Resource, ValueType};

/// Several resources.
pub fn show_all(resources: &[Resource]) -> String {
    if resources.is_empty() {
        return "{}".to_owned();
    }
    resources.iter().map(show).collect::<Vec<_>>().join("; ")
}

/// One resource.
pub fn show(resource: &Resource) -> String {
    let mut out = resource.name.clone();
    if let Some(role) = resource.allocation_info.as_ref().and_then(|info| info.role.as_ref()) {
        out += &format!("(allocated: {role})");
    }
    let stack = reservations(resource);
    if !stack.is_empty() {
        let one = |reservation: &ReservationInfo| {
            let form = reservation.r#type.unwrap_or_default().name();
            let role = reservation.role.as_deref().unwrap_or_default();
            let by = reservation.principal.as_ref().map(|by| format!(",{by}")).unwrap_or_default();
            format!("({form},{role}{by})")
        };
        out += &format!("(reservations: [{}])", stack.iter().map(one).collect::<Vec<_>>().join(","));
    }
    if let Some(disk) = &resource.disk {
        let id = disk.persistence.as_ref().map(|persistence| persistence.id.as_str()).unwrap_or_default();
        let path = disk.volume.as_ref().map(|volume| volume.container_path.as_str()).unwrap_or_default();
        out += &format!("[{id}:{path}]");
    }
    out += if resource.revocable.is_some() { "{REV}" } else { "" };
    out += if resource.shared.is_some() { "<SHARED>" } else { "" };
    out.push(':');
    match resource.r#type {
        ValueType::Scalar => {
            // Writing to a String cannot fail.
            let _ = write!(out, "{}", resource.scalar.as_ref().map_or(0.0, |scalar| scalar.value));
        }
        ValueType::Ranges => {
            let ranges = resource.ranges.as_ref().map(|ranges| ranges.range.as_slice()).unwrap_or_default();
            let parts: Vec<String> = ranges.iter().map(|range| format!("{}-{}", range.begin, range.end)).collect();
            out += &format!("[{}]", parts.join(", "));
        }
        ValueType::Set => {
            let items = resource.set.as_ref().map(|set| set.item.join(", ")).unwrap_or_default();
            out += &format!("{{{items}}}");
        }
        ValueType::Text => {}
    }
    out
}

/// The stack of reservations, whichever format they are in.
pub(super) fn reservations(resource: &Resource) -> Vec<ReservationInfo> {
    let role = resource.role.clone().filter(|role| role != "*");
    match (&resource.reservation, role) {
        _ if !resource.reservations.is_empty() => resource.reservations.clone(),
        (Some(dynamic), role) => {
            vec![ReservationInfo { r#type: Some(ReservationType::Dynamic), role, ..dynamic.clone() }]
        }
        (None, Some(role)) => {
            let form = Some(ReservationType::Static);
            vec![ReservationInfo { r#type: form, role: Some(role), ..ReservationInfo::default() }]
        }
        (None, None) => Vec::new(),
    }
}
