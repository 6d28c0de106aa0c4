//! Which numbers a Service needs, in upstream's order and words (core/service/storage alloc.go).

use std::net::Ipv4Addr;
use std::sync::Arc;

use kubernel_meta::{ApiError, Object, field};
use serde_json::{Value, json};

use crate::resources::Resource;

use super::pool::Refusal;
use super::{Allocation, Allocator, Number};

/// The numbers that a stored Service holds.
pub(super) fn held(service: &Object) -> Vec<Number> {
    let mut numbers = Vec::new();
    if needs_address(service) {
        let address = service.str_at(&["spec", "clusterIP"]);
        numbers.extend(address.parse().ok().map(Number::Address));
    }
    if needs_ports(service) {
        for port in service.list_at(&["spec", "ports"]) {
            let number = node_port(port).map(Number::Port);
            numbers.extend(number.filter(|number| !numbers.contains(number)));
        }
        numbers.extend(health_port(service).map(Number::Port));
    }
    numbers
}

/// Takes what the Service needs and does not have, and remembers what it no longer needs.
pub(super) fn allocate(
    allocator: &Arc<Allocator>,
    resource: &Resource,
    service: &mut Object,
    old: Option<&Object>,
    dry_run: bool,
) -> Result<Allocation, ApiError> {
    if let Some(old) = old {
        keep_allocated(service, old);
    }
    sync_addresses(service, old);
    let wrong = families(service);
    if !wrong.is_empty() {
        return Err(ApiError::invalid(&resource.gvk, service.name(), &wrong));
    }
    let before = old.map(held).unwrap_or_default();
    let mut allocation = Allocation::default();
    allocation.allocator = Some(allocator.clone());
    let outcome = address(allocator, service, &before, &mut allocation, dry_run)
        .and_then(|()| node_ports(allocator, service, &before, &mut allocation));
    if let Err(wrong) = outcome {
        return Err(ApiError::invalid(&resource.gvk, service.name(), &[wrong]));
    }
    let now = held(service);
    allocation.given_up = before.into_iter().filter(|number| !now.contains(number)).collect();
    Ok(allocation)
}

/// What the client left out is what the Service has (patchAllocatedValues).
fn keep_allocated(service: &mut Object, old: &Object) {
    if type_of(service) != "ExternalName" && type_of(old) != "ExternalName" {
        for field in ["clusterIP", "clusterIPs"] {
            let missing = match service.at(&["spec", field]) {
                None | Some(Value::Null) => true,
                Some(Value::String(text)) => text.is_empty(),
                Some(Value::Array(list)) => list.is_empty(),
                Some(_) => false,
            };
            if let (true, Some(value)) = (missing, old.at(&["spec", field])) {
                service.set(&["spec", field], value.clone());
            }
        }
    }
    if needs_ports(service) && needs_ports(old) {
        let known: Vec<(Value, Value, u16)> = old
            .list_at(&["spec", "ports"])
            .iter()
            .filter_map(|port| Some((port["protocol"].clone(), port["port"].clone(), node_port(port)?)))
            .collect();
        let mut used: Vec<u16> = service.list_at(&["spec", "ports"]).iter().filter_map(node_port).collect();
        for port in ports_mut(service) {
            let same = known.iter().find(|(protocol, number, node)| {
                *protocol == port["protocol"] && *number == port["port"] && !used.contains(node)
            });
            if let (None, Some((.., node))) = (node_port(port), same) {
                port["nodePort"] = json!(node);
                used.push(*node);
            }
        }
    }
    if needs_health_port(service)
        && needs_health_port(old)
        && health_port(service).is_none()
        && let Some(port) = health_port(old)
    {
        service.set(&["spec", "healthCheckNodePort"], port);
    }
}

/// `clusterIPs` follows `clusterIP` (normalizeClusterIPs).
fn sync_addresses(service: &mut Object, old: Option<&Object>) {
    let address = service.str_at(&["spec", "clusterIP"]).to_owned();
    let list = service.list_at(&["spec", "clusterIPs"]).to_vec();
    match old {
        None if !address.is_empty() && list.is_empty() => service.set(&["spec", "clusterIPs"], vec![json!(address)]),
        Some(old) if address != old.str_at(&["spec", "clusterIP"]) && list == old.list_at(&["spec", "clusterIPs"]) => {
            if address.is_empty() {
                service.remove(&["spec", "clusterIPs"]);
            } else {
                let rest = list.into_iter().skip(1);
                service.set(&["spec", "clusterIPs"], std::iter::once(json!(address)).chain(rest).collect::<Vec<_>>());
            }
        }
        _ => {}
    }
}

/// `ipFamilies` and `ipFamilyPolicy` of a cluster with IPv4 alone.
fn families(service: &mut Object) -> Vec<field::Error> {
    let mut wrong = Vec::new();
    if type_of(service) == "ExternalName" {
        return wrong;
    }
    let headless = service.str_at(&["spec", "clusterIP"]) == "None";
    let selector = service.map_at(&["spec", "selector"]).is_some_and(|selector| !selector.is_empty());
    let policy = service.str_at(&["spec", "ipFamilyPolicy"]).to_owned();
    let none = service.list_at(&["spec", "ipFamilies"]).is_empty();
    // Endpoints of a headless Service without a selector are anybody's: upstream lets them be of both families.
    let both = headless && !selector && none && matches!(policy.as_str(), "" | "RequireDualStack");
    if policy.is_empty() {
        service.set(&["spec", "ipFamilyPolicy"], if both { "RequireDualStack" } else { "SingleStack" });
    }
    if none {
        service.set(&["spec", "ipFamilies"], if both { json!(["IPv4", "IPv6"]) } else { json!(["IPv4"]) });
    }
    if headless && !selector {
        return wrong;
    }
    let spec = field::Path::root("spec");
    if policy == "RequireDualStack" {
        let detail = "this cluster is not configured for dual-stack services";
        wrong.push(spec.child("ipFamilyPolicy").invalid(policy, detail));
    }
    for (index, family) in service.list_at(&["spec", "ipFamilies"]).iter().enumerate() {
        if family == "IPv6" {
            wrong.push(spec.child("ipFamilies").index(index).invalid("IPv6", "not configured on this cluster"));
        }
    }
    wrong
}

fn address(
    allocator: &Allocator,
    service: &mut Object,
    before: &[Number],
    allocation: &mut Allocation,
    dry_run: bool,
) -> Result<(), field::Error> {
    if !needs_address(service) {
        return Ok(());
    }
    let path = field::Path::root("spec").child("clusterIPs");
    let named = service.str_at(&["spec", "clusterIP"]).to_owned();
    let first = service.list_at(&["spec", "clusterIPs"]).first().and_then(Value::as_str);
    if first.is_some_and(|first| first != named) {
        let list = service.list_at(&["spec", "clusterIPs"]).to_vec();
        return Err(path.invalid(list, "first value must match `clusterIP`"));
    }
    if named.is_empty() {
        let Some(address) = allocator.addresses.take_any(dry_run) else {
            let detail = "failed to allocate a serviceIP: range is full";
            return Err(path.error(field::Reason::Internal, Value::Null, detail));
        };
        allocation.taken.push(Number::Address(address));
        service.set(&["spec", "clusterIP"], address.to_string());
        service.set(&["spec", "clusterIPs"], vec![json!(address.to_string())]);
        return Ok(());
    }
    // What is no address is for the Service's validation to refuse.
    let Ok(address) = named.parse::<Ipv4Addr>() else { return Ok(()) };
    let number = Number::Address(address);
    // An address that was given does not change; the Service's validation says so.
    if before.iter().any(|number| matches!(number, Number::Address(_))) {
        return Ok(());
    }
    allocator.take(number, dry_run).map_err(|refusal| {
        let why = match refusal {
            Refusal::Taken => "provided IP is already allocated".to_owned(),
            Refusal::NoRange => "the provided network does not match the current range".to_owned(),
            Refusal::OutOfRange => {
                let range = allocator.addresses.range_for(address);
                format!("the provided IP ({named}) is not in the valid range. The range of valid IPs is {range}")
            }
        };
        path.invalid(vec![json!(named)], format!("failed to allocate IP {named}: {why}"))
    })?;
    allocation.taken.push(number);
    Ok(())
}

fn node_ports(
    allocator: &Allocator,
    service: &mut Object,
    before: &[Number],
    allocation: &mut Allocation,
) -> Result<(), field::Error> {
    let (low, high) = (*allocator.ports.numbers().start(), *allocator.ports.numbers().end());
    let mut take = |port: u16, path: field::Path| -> Result<(), field::Error> {
        let number = Number::Port(port);
        // Two protocols of one Service may share a number.
        if before.contains(&number) || allocation.taken.contains(&number) {
            return Ok(());
        }
        allocator.take(number, false).map_err(|refusal| {
            let why = match refusal {
                Refusal::Taken => "provided port is already allocated".to_owned(),
                Refusal::OutOfRange | Refusal::NoRange => {
                    format!("provided port is not in the valid range. The range of valid ports is {low}-{high}")
                }
            };
            path.invalid(port, why)
        })?;
        allocation.taken.push(number);
        Ok(())
    };
    let spec = field::Path::root("spec");
    if needs_ports(service) {
        let named: Vec<Option<u16>> = service.list_at(&["spec", "ports"]).iter().map(node_port).collect();
        for (index, port) in named.iter().enumerate() {
            if let Some(port) = port {
                take(*port, spec.child("ports").index(index).child("nodePort"))?;
            }
        }
        if wants_ports(service) {
            for (index, port) in ports_mut(service).iter_mut().enumerate() {
                if node_port(port).is_some() {
                    continue;
                }
                let Some(chosen) = allocator.ports.take_any() else {
                    let path = spec.child("ports").index(index).child("nodePort");
                    let detail = "failed to allocate a nodePort: range is full";
                    return Err(path.error(field::Reason::Internal, Value::Null, detail));
                };
                allocation.taken.push(Number::Port(chosen));
                port["nodePort"] = json!(chosen);
            }
        }
    }
    if needs_health_port(service) {
        match health_port(service) {
            Some(port) if before.contains(&Number::Port(port)) => {}
            Some(port) => {
                allocator.take(Number::Port(port), false).map_err(|_| {
                    spec.child("healthCheckNodePort").invalid(port, "provided port is already allocated")
                })?;
                allocation.taken.push(Number::Port(port));
            }
            None => {
                if let Some(chosen) = allocator.ports.take_any() {
                    allocation.taken.push(Number::Port(chosen));
                    service.set(&["spec", "healthCheckNodePort"], chosen);
                }
            }
        }
    }
    Ok(())
}

fn type_of(service: &Object) -> &str {
    match service.str_at(&["spec", "type"]) {
        "" => "ClusterIP",
        named => named,
    }
}

fn needs_address(service: &Object) -> bool {
    matches!(type_of(service), "ClusterIP" | "NodePort" | "LoadBalancer")
        && service.str_at(&["spec", "clusterIP"]) != "None"
}

fn needs_ports(service: &Object) -> bool {
    matches!(type_of(service), "NodePort" | "LoadBalancer")
}

/// Whether ports without a number get one.
fn wants_ports(service: &Object) -> bool {
    let switched_off = service.at(&["spec", "allocateLoadBalancerNodePorts"]) == Some(&Value::Bool(false));
    needs_ports(service) && !(type_of(service) == "LoadBalancer" && switched_off)
}

fn needs_health_port(service: &Object) -> bool {
    type_of(service) == "LoadBalancer" && service.str_at(&["spec", "externalTrafficPolicy"]) == "Local"
}

fn node_port(port: &Value) -> Option<u16> {
    port.get("nodePort").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)
}

fn health_port(service: &Object) -> Option<u16> {
    let port = service.int_at(&["spec", "healthCheckNodePort"])?;
    u16::try_from(port).ok().filter(|port| *port > 0)
}

fn ports_mut(service: &mut Object) -> &mut [Value] {
    let ports = service.map_at_mut(&["spec"]).get_mut("ports").and_then(Value::as_array_mut);
    ports.map_or(&mut [], Vec::as_mut_slice)
}

#[cfg(test)]
mod tests {
    use kubernel_kinds::core::service::KIND;

    use super::*;
    use crate::codec;
    use crate::resources::KindHandle;

    fn allocator() -> Arc<Allocator> {
        Arc::new(Allocator::new("10.96.0.0/24".parse().unwrap(), 30000..=30031))
    }

    fn service(spec: Value) -> Object {
        Object::from_value(json!({"metadata": {"name": "s"}, "spec": spec})).unwrap()
    }

    fn check(allocator: &Arc<Allocator>, spec: Value, old: Option<&Object>) -> Result<Object, String> {
        held_after(allocator, spec, old).map(|(service, _)| service)
    }

    /// The Service, and what it holds for as long as nobody says that it was written.
    fn held_after(
        allocator: &Arc<Allocator>,
        spec: Value,
        old: Option<&Object>,
    ) -> Result<(Object, Allocation), String> {
        let resource = Resource::new(KindHandle::BuiltIn(&KIND), codec::built_in_schema(&KIND));
        let mut service = service(spec);
        let allocation =
            allocate(allocator, &resource, &mut service, old, false).map_err(|e| e.message().to_owned())?;
        Ok((service, allocation))
    }

    #[test]
    fn chooses_an_address_and_ports() {
        let allocator = allocator();
        let ports = json!([{"port": 80, "protocol": "TCP"}]);
        let made = check(&allocator, json!({"type": "NodePort", "ports": ports}), None).unwrap();
        assert_eq!(made.str_at(&["spec", "clusterIP"]), "10.96.0.17");
        assert_eq!(made.list_at(&["spec", "clusterIPs"]), [json!("10.96.0.17")]);
        let port = node_port(&made.list_at(&["spec", "ports"])[0]).unwrap();
        // The same Service again keeps both, whatever the client left out.
        let again = check(&allocator, json!({"type": "NodePort", "ports": ports}), Some(&made)).unwrap();
        assert_eq!(again, made);
        // As an ExternalName it gives both up; the next one may have them.
        check(&allocator, json!({"type": "ExternalName", "externalName": "a.b"}), Some(&made)).unwrap();
        check(&allocator, json!({"clusterIP": "10.96.0.17"}), None).unwrap();
        let taken = check(&allocator, json!({"type": "NodePort", "ports": [{"port": 1, "nodePort": port}]}), None);
        assert!(taken.is_ok(), "{taken:?}");
    }

    #[test]
    fn refuses_in_upstreams_words() {
        let allocator = allocator();
        let far = check(&allocator, json!({"clusterIP": "1.2.3.4"}), None).unwrap_err();
        assert!(far.contains("the provided network does not match the current range"), "{far}");
        let held = json!({"type": "NodePort", "ports": [{"port": 1, "nodePort": 30007}]});
        let _first = held_after(&allocator, held.clone(), None).unwrap();
        let twice = check(&allocator, held, None).unwrap_err();
        assert!(twice.contains("provided port is already allocated"), "{twice}");
        let port = json!({"type": "NodePort", "ports": [{"port": 1, "nodePort": 80}]});
        let low = check(&allocator, port, None).unwrap_err();
        assert!(low.contains("The range of valid ports is 30000-30031"), "{low}");
    }
}
