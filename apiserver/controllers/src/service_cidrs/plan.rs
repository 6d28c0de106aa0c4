//! Which addresses would be in no range without another one. Pure.

use std::net::IpAddr;

use ipnet::IpNet;

/// The ranges of a ServiceCIDR; what is none has been refused.
pub(super) fn ranges<'a>(cidrs: impl Iterator<Item = &'a String>) -> Vec<IpNet> {
    cidrs.filter_map(|cidr| cidr.parse().ok()).collect()
}

/// Whether each of these ranges is a part of one of the others.
pub(super) fn are_covered(own: &[IpNet], others: &[IpNet]) -> bool {
    own.iter().all(|range| others.iter().any(|other| other.contains(range)))
}

/// Whether an address is in these ranges and in none of the others.
pub(super) fn is_orphan(address: &str, own: &[IpNet], others: &[IpNet]) -> bool {
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let has = |ranges: &[IpNet]| ranges.iter().any(|range| range.contains(&address));
    has(own) && !has(others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_needed_where_no_other_has_its_addresses() {
        let nets = |cidrs: &[&str]| ranges(cidrs.iter().map(|cidr| (*cidr).to_owned()).collect::<Vec<_>>().iter());
        // Own ranges, the others, whether they cover it; an address, whether it would be left over.
        let rows = [
            (&["10.0.0.0/24"][..], &[][..], false, "10.0.0.1", true),
            (&["10.0.0.0/24"], &["10.0.0.0/24"], true, "10.0.0.1", false),
            (&["10.0.0.0/24"], &["10.0.0.0/16"], true, "10.0.0.1", false),
            (&["10.0.0.0/24"], &["10.0.0.0/25"], false, "10.0.0.1", false),
            (&["10.0.0.0/24"], &["10.0.0.0/25"], false, "10.0.0.200", true),
            (&["10.0.0.0/24"], &["10.1.0.0/24"], false, "10.1.0.1", false),
            (&["10.0.0.0/24", "fd00::/112"], &["10.0.0.0/16"], false, "fd00::1", true),
            (&["10.0.0.0/24", "fd00::/112"], &["10.0.0.0/16", "fd00::/64"], true, "fd00::1", false),
        ];
        for (own, others, covered, address, orphan) in rows {
            let case = format!("{own:?} {others:?} {address}");
            let (own, others) = (nets(own), nets(others));
            assert_eq!((are_covered(&own, &others), is_orphan(address, &own, &others)), (covered, orphan), "{case}");
        }
    }
}
