//! A PriorityLevelConfiguration as flow control reads it.

use serde_json::Value;

/// What a level's requests may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// The object's name.
    pub name: String,
    /// Its uid, which responses carry.
    pub uid: String,
    /// Its requests neither wait nor are they refused (`type: Exempt`).
    pub exempt: bool,
    /// Its part of the server's seats, beside those of the others.
    pub shares: u32,
    /// How much of its seats others may borrow, in percent.
    pub lendable_percent: u32,
    /// How many seats it may borrow, in percent of its own; none is as many as there are.
    pub borrowing_percent: Option<u32>,
    /// Where requests wait; none is that they are refused at once (`type: Reject`).
    pub queuing: Option<Queuing>,
}

/// The queues of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queuing {
    /// How many there are.
    pub queues: usize,
    /// How many of them a flow has.
    pub hand: usize,
    /// How many requests wait in one.
    pub length_max: usize,
}

impl Level {
    /// Reads the object; what is missing has upstream's defaults.
    pub fn parse(object: &Value) -> Self {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let spec = &object["spec"];
        let exempt = spec["type"] == "Exempt";
        let part = if exempt { &spec["exempt"] } else { &spec["limited"] };
        let number = |value: &Value, default: u32| {
            value.as_u64().map_or(default, |number| u32::try_from(number).unwrap_or(u32::MAX))
        };
        let response = &part["limitResponse"];
        let queuing = (!exempt && response["type"] == "Queue").then(|| {
            let field = |name: &str, default| number(&response["queuing"][name], default) as usize;
            Queuing {
                queues: field("queues", 64),
                hand: field("handSize", 8),
                length_max: field("queueLengthLimit", 50),
            }
        });
        Self {
            name: text("/metadata/name"),
            uid: text("/metadata/uid"),
            exempt,
            shares: number(&part["nominalConcurrencyShares"], if exempt { 0 } else { 30 }),
            lendable_percent: number(&part["lendablePercent"], 0).min(100),
            borrowing_percent: part["borrowingLimitPercent"].as_u64().map(|p| u32::try_from(p).unwrap_or(u32::MAX)),
            queuing,
        }
    }
}
