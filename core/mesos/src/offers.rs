//! Offers and inverse offers as Mesos writes them, in the words that a framework understands. Pure.

use kubernel_kernel::{self as kernel, Agent, Attribute, OfferId, State};
use kubernel_mesos_proto::v1::{
    self, Address, AgentID, AllocationInfo, DomainInfo, DurationInfo, ExecutorID, FaultDomain, FrameworkCapabilityType,
    FrameworkID, InverseOffer, Offer, OfferID, RegionInfo, Scalar, Text, TimeInfo, Unavailability, Url, ValueType,
    ZoneInfo,
};

use crate::{
    Config,
    book::FrameworkRecord,
    framework,
    resources::{self, Format},
};

/// The port on which the agents of Mesos listen.
pub const AGENT_PORT: i32 = 5051;

/// The identifier of an offer.
pub fn id(master: &str, id: OfferId) -> String {
    format!("{master}-O{}", id.0)
}

/// The offer of an identifier.
pub fn parse_id(master: &str, id: &str) -> Option<OfferId> {
    let number = id.strip_prefix(master)?.strip_prefix("-O")?;
    // No other way to write the same number may name the same offer.
    number.parse().ok().map(OfferId).filter(|parsed| parsed.0.to_string() == number)
}

/// An open offer.
pub fn offer(
    state: &State,
    offer_id: OfferId,
    offer: &kernel::Offer,
    to: &FrameworkRecord,
    config: &Config,
) -> Option<Offer> {
    let agent = state.agents().get(&offer.agent)?;
    let role = state.roles().get(offer.role)?.path.to_string();
    let can = |capability| framework::can(&to.info, capability);
    let told = can(FrameworkCapabilityType::MultiRole);
    let format = Format {
        refinement: can(FrameworkCapabilityType::ReservationRefinement),
        allocated_to: told.then_some(role.as_str()),
    };
    let own = agent.executors.keys().filter(|(framework, _)| *framework == offer.framework);
    Some(Offer {
        id: OfferID { value: id(&config.master_id, offer_id) },
        framework_id: FrameworkID { value: to.id.clone() },
        agent_id: AgentID { value: agent.name.to_string() },
        hostname: agent.hostname().to_owned(),
        url: Some(Box::new(url(agent))),
        domain: agent.traits.domain.as_ref().map(domain),
        resources: resources::write(&offer.resources, state.names(), format),
        attributes: attributes(agent),
        executor_ids: own.map(|(_, name)| ExecutorID { value: name.to_string() }).collect(),
        unavailability: agent.unavailability.map(unavailability),
        allocation_info: told.then(|| AllocationInfo { role: Some(role.clone()) }),
    })
}

/// An inverse offer.
pub fn inverse(state: &State, offer_id: OfferId, to: &FrameworkRecord, config: &Config) -> Option<InverseOffer> {
    let inverse = state.inverse_offers().get(&offer_id)?;
    let agent = state.agents().get(&inverse.agent)?;
    Some(InverseOffer {
        id: OfferID { value: id(&config.master_id, offer_id) },
        url: Some(url(agent)),
        framework_id: FrameworkID { value: to.id.clone() },
        agent_id: Some(AgentID { value: agent.name.to_string() }),
        unavailability: unavailability(agent.unavailability?),
        resources: Vec::new(),
    })
}

/// Where an agent would be reached.
pub fn url(agent: &Agent) -> Url {
    let hostname = agent.hostname().to_owned();
    let ip = hostname.parse::<std::net::IpAddr>().ok().map(|ip| ip.to_string());
    Url {
        scheme: "http".to_owned(),
        address: Address { hostname: Some(hostname), ip, port: AGENT_PORT },
        path: Some("/slave(1)".to_owned()),
        ..Url::default()
    }
}

/// A fault domain.
pub fn domain(of: &kernel::Domain) -> DomainInfo {
    let (region, zone) = (of.region.to_string(), of.zone.to_string());
    DomainInfo {
        fault_domain: Some(FaultDomain { region: RegionInfo { name: region }, zone: ZoneInfo { name: zone } }),
    }
}

/// When an agent will not be there.
pub fn unavailability(of: kernel::Unavailability) -> Unavailability {
    Unavailability {
        start: TimeInfo { nanoseconds: of.start_ns },
        duration: of.duration_ns.map(|nanoseconds| DurationInfo { nanoseconds }),
    }
}

/// The attributes of an agent.
pub fn attributes(agent: &Agent) -> Vec<v1::Attribute> {
    agent.traits.attributes.iter().map(|(name, value)| attribute(name, value)).collect()
}

fn attribute(name: &str, value: &Attribute) -> v1::Attribute {
    let bare = |form| v1::Attribute { name: name.to_owned(), r#type: form, ..v1::Attribute::default() };
    match value {
        Attribute::Text(text) => {
            v1::Attribute { text: Some(Text { value: text.to_string() }), ..bare(ValueType::Text) }
        }
        #[expect(clippy::cast_precision_loss, reason = "Mesos' scalars are doubles")]
        Attribute::Scalar(milli) => {
            v1::Attribute { scalar: Some(Scalar { value: *milli as f64 / 1_000.0 }), ..bare(ValueType::Scalar) }
        }
        Attribute::Ranges(ranges) => {
            let range = ranges.intervals().iter().map(|(begin, end)| v1::Range { begin: *begin, end: *end });
            v1::Attribute { ranges: Some(v1::Ranges { range: range.collect() }), ..bare(ValueType::Ranges) }
        }
        Attribute::Set(items) => {
            let item = items.iter().map(ToString::to_string).collect();
            v1::Attribute { set: Some(v1::Set { item }), ..bare(ValueType::Set) }
        }
    }
}
