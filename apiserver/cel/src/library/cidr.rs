//! Networks: `cidr("10.0.0.0/8").containsIP("10.1.2.3")`.

use std::any::Any;

use ipnet::IpNet;

use super::arguments::{own, text};
use super::costs::charged;
use super::ip::{self, Address};
use crate::cost::{CallEstimate, EstimateCall, Range, STRING_TRAVERSAL, size_of, traversal};
use crate::error::EvalError;
use crate::function::{Call, Functions, Overload};
use crate::types::Type;
use crate::value::{Opaque, Value};

#[derive(Debug, PartialEq)]
struct Network(IpNet);

impl Opaque for Network {
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

fn ty() -> Type {
    Type::opaque("net.CIDR")
}

pub(super) fn register(functions: &mut Functions) {
    let make: Call = |args| Ok(Value::opaque(Network(parse(text(args, 0)?)?)));
    functions.add("cidr", [charged(Overload::global("string_to_cidr", [Type::String], ty(), make))]);
    let is: Call = |args| Ok(Value::Bool(parse(text(args, 0)?).is_ok()));
    functions.add("isCIDR", [charged(Overload::global("is_cidr", [Type::String], Type::Bool, is))]);
    let printed: Call = |args| Ok(Value::string(own::<Network>(args, 0)?.0.to_string()));
    functions.add("string", [Overload::global("cidr_to_string", [ty()], Type::String, printed)]);
    let address: Call = |args| Ok(Value::opaque(Address(own::<Network>(args, 0)?.0.addr())));
    functions.add("ip", [Overload::member("cidr_ip", [ty()], ip::ty(), address)]);
    let length: Call = |args| Ok(Value::Int(own::<Network>(args, 0)?.0.prefix_len().into()));
    functions.add("prefixLength", [Overload::member("cidr_prefix_length", [ty()], Type::Int, length)]);
    let masked: Call = |args| Ok(Value::opaque(Network(own::<Network>(args, 0)?.0.trunc())));
    functions.add("masked", [Overload::member("cidr_masked", [ty()], ty(), masked)]);
    let of_text = |id, call: Call| Overload::member(id, [ty(), Type::String], Type::Bool, call);
    functions.add(
        "containsIP",
        [
            of_text("cidr_contains_ip_string", |args| contains_ip(args, &Address(ip::parse(text(args, 1)?)?)))
                .costing(|call| estimate(call, false, true), |args, _| cost(args, false, true)),
            Overload::member("cidr_contains_ip_ip", [ty(), ip::ty()], Type::Bool, |args| {
                contains_ip(args, own(args, 1)?)
            })
            .costing(|call| estimate(call, false, false), |args, _| cost(args, false, false)),
        ],
    );
    functions.add(
        "containsCIDR",
        [
            of_text("cidr_contains_cidr_string", |args| contains_cidr(args, &Network(parse(text(args, 1)?)?)))
                .costing(|call| estimate(call, true, true), |args, _| cost(args, true, true)),
            Overload::member("cidr_contains_cidr", [ty(), ty()], Type::Bool, |args| contains_cidr(args, own(args, 1)?))
                .costing(|call| estimate(call, true, false), |args, _| cost(args, true, false)),
        ],
    );
}

fn contains_ip<'a>(args: &[Value<'a>], address: &Address) -> Result<Value<'a>, EvalError> {
    Ok(Value::Bool(own::<Network>(args, 0)?.0.contains(&address.0)))
}

fn contains_cidr<'a>(args: &[Value<'a>], inner: &Network) -> Result<Value<'a>, EvalError> {
    let outer = own::<Network>(args, 0)?.0;
    let same_kind = outer.addr().is_ipv4() == inner.0.addr().is_ipv4();
    let within = outer.prefix_len() <= inner.0.prefix_len() && outer.contains(&inner.0.addr());
    Ok(Value::Bool(same_kind && within))
}

/// The octets of two networks are compared; of networks also masked; a text is read first.
fn cost(args: &[Value<'_>], of_networks: bool, reads_text: bool) -> Option<u64> {
    let octets = u64::from(args.first()?.downcast::<Network>()?.0.prefix_len()).div_ceil(8);
    let mut cost = traversal(2 * octets, STRING_TRAVERSAL);
    if of_networks {
        cost += traversal(octets, STRING_TRAVERSAL) + 1;
    }
    if reads_text {
        cost += traversal(size_of(args.get(1)?), STRING_TRAVERSAL);
    }
    Some(cost)
}

fn estimate(call: &EstimateCall<'_>, of_networks: bool, reads_text: bool) -> Option<CallEstimate> {
    let octets = Range { min: 4, max: 16 };
    let mut cost = (octets + octets).times(STRING_TRAVERSAL);
    if of_networks {
        cost = cost + octets.times(STRING_TRAVERSAL) + Range::fixed(1);
    }
    if reads_text {
        cost = cost + call.size(call.args.first()?).times(STRING_TRAVERSAL);
    }
    Some(CallEstimate::cost(cost))
}

/// Reads a network. Bits beyond its length may be set; an IPv4 address in the form of IPv6 is refused.
fn parse(text: &str) -> Result<IpNet, EvalError> {
    const PREFIX: &str = "network address parse error during conversion from string: ";
    let net: IpNet = text.parse().map_err(|_| {
        let why = if text.contains('/') { "unable to parse IP" } else { "no '/'" };
        EvalError::new(format!("{PREFIX}{PREFIX}netip.ParsePrefix({text:?}): {why}"))
    })?;
    match net {
        IpNet::V6(v6) if v6.addr().to_ipv4_mapped().is_some() => {
            Err(EvalError::new(format!("{PREFIX}IPv4-mapped IPv6 address {text:?} is not allowed")))
        }
        _ => Ok(net),
    }
}
