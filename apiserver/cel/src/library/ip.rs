//! Addresses: `ip("192.168.0.1").isLoopback()`.

use std::any::Any;
use std::net::IpAddr;

use super::arguments::{own, text};
use super::costs::{charged, traverse_twice};
use crate::error::EvalError;
use crate::function::{Call, Functions, Overload};
use crate::types::Type;
use crate::value::{Opaque, Value};

/// An address.
#[derive(Debug, PartialEq)]
pub(super) struct Address(pub(super) IpAddr);

impl Opaque for Address {
    fn ty(&self) -> Type {
        ty()
    }

    fn equal(&self, other: &dyn Opaque) -> bool {
        other.as_any().downcast_ref() == Some(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The type of addresses.
pub(super) fn ty() -> Type {
    Type::opaque("net.IP")
}

pub(super) fn register(functions: &mut Functions) {
    let make: Call = |args| Ok(Value::opaque(Address(parse(text(args, 0)?)?)));
    functions.add("ip", [charged(Overload::global("string_to_ip", [Type::String], ty(), make))]);
    let is: Call = |args| Ok(Value::Bool(parse(text(args, 0)?).is_ok()));
    functions.add("isIP", [charged(Overload::global("is_ip", [Type::String], Type::Bool, is))]);
    let canonical: Call = |args| {
        let text = text(args, 0)?;
        Ok(Value::Bool(parse(text)?.to_string() == text))
    };
    let canonical = Overload::global("ip_is_canonical", [Type::String], Type::Bool, canonical);
    functions.add("ip.isCanonical", [Overload { cost: Some(traverse_twice), ..canonical }]);
    let printed: Call = |args| Ok(Value::string(own::<Address>(args, 0)?.0.to_string()));
    functions.add("string", [Overload::global("ip_to_string", [ty()], Type::String, printed)]);
    let family: Call = |args| Ok(Value::Int(if own::<Address>(args, 0)?.0.is_ipv4() { 4 } else { 6 }));
    functions.add("family", [Overload::member("ip_family", [ty()], Type::Int, family)]);
    let questions: [(&'static str, &'static str, Call); 5] = [
        ("isUnspecified", "ip_is_unspecified", |args| ask(args, |ip| ip.is_unspecified())),
        ("isLoopback", "ip_is_loopback", |args| ask(args, |ip| ip.is_loopback())),
        ("isLinkLocalMulticast", "ip_is_link_local_multicast", |args| ask(args, is_link_local_multicast)),
        ("isLinkLocalUnicast", "ip_is_link_local_unicast", |args| ask(args, is_link_local_unicast)),
        ("isGlobalUnicast", "ip_is_global_unicast", |args| ask(args, is_global_unicast)),
    ];
    for (name, id, call) in questions {
        functions.add(name, [Overload::member(id, [ty()], Type::Bool, call)]);
    }
}

fn ask<'a>(args: &[Value<'a>], question: fn(&IpAddr) -> bool) -> Result<Value<'a>, EvalError> {
    Ok(Value::Bool(question(&own::<Address>(args, 0)?.0)))
}

fn is_link_local_multicast(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.octets()[..3] == [224, 0, 0],
        IpAddr::V6(ip) => ip.segments()[0] & 0xff0f == 0xff02,
    }
}

fn is_link_local_unicast(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

fn is_global_unicast(ip: &IpAddr) -> bool {
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    !ip.is_unspecified() && !broadcast && !ip.is_loopback() && !ip.is_multicast() && !is_link_local_unicast(ip)
}

/// Reads an address; neither one with a zone, nor an IPv4 address in the form of IPv6.
pub(super) fn parse(text: &str) -> Result<IpAddr, EvalError> {
    if text.contains('%') && text.contains(':') {
        return Err(EvalError::new(format!("IP address {text:?} with zone value is not allowed")));
    }
    let ip: IpAddr = text.parse().map_err(|_| {
        let why = format!("ParseAddr({text:?}): unable to parse IP");
        EvalError::new(format!("IP Address {text:?} parse error during conversion from string: {why}"))
    })?;
    match ip {
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some() => {
            Err(EvalError::new(format!("IPv4-mapped IPv6 address {text:?} is not allowed")))
        }
        _ => Ok(ip),
    }
}
