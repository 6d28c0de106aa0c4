//! Where upstream's internal structs differ from the v1 ones: Go's names, the order, and fields that are elsewhere.

/// How a field shows.
pub(super) enum Spelling {
    /// Under this name.
    Named(String),
    /// Its own fields stand in its place.
    Inlined,
    /// Not at all: it is kept elsewhere.
    Absent,
}

/// JSON names whose Go names are more than a capital letter away.
const NAMES: &[(&str, &str)] = &[
    ("apiGroup", "APIGroup"),
    ("apiGroups", "APIGroups"),
    ("apiVersion", "APIVersion"),
    ("awsElasticBlockStore", "AWSElasticBlockStore"),
    ("cephfs", "CephFS"),
    ("cidrs", "CIDRs"),
    ("csi", "CSI"),
    ("datasetUUID", "DatasetUUID"),
    ("dnsConfig", "DNSConfig"),
    ("dnsPolicy", "DNSPolicy"),
    ("fc", "FC"),
    ("fsGroup", "FSGroup"),
    ("fsGroupChangePolicy", "FSGroupChangePolicy"),
    ("fsType", "FSType"),
    ("gcePersistentDisk", "GCEPersistentDisk"),
    ("gmsaCredentialSpec", "GMSACredentialSpec"),
    ("gmsaCredentialSpecName", "GMSACredentialSpecName"),
    ("grpc", "GRPC"),
    ("httpGet", "HTTPGet"),
    ("httpHeaders", "HTTPHeaders"),
    ("ip", "IP"),
    ("iqn", "IQN"),
    ("iscsi", "ISCSI"),
    ("nfs", "NFS"),
    ("os", "OS"),
    ("pdID", "PdID"),
    ("pdName", "PDName"),
    ("rbd", "RBD"),
    ("scaleIO", "ScaleIO"),
    ("seLinuxChangePolicy", "SELinuxChangePolicy"),
    ("seLinuxOptions", "SELinuxOptions"),
    ("sslEnabled", "SSLEnabled"),
    ("storageos", "StorageOS"),
    ("targetWWNs", "TargetWWNs"),
    ("tcpSocket", "TCPSocket"),
    ("tty", "TTY"),
    ("uid", "UID"),
    ("wwids", "WWIDs"),
];

/// The same for single structs.
const NAMES_IN: &[(&str, &str, &str)] = &[
    ("AzureDiskVolumeSource", "diskURI", "DataDiskURI"),
    ("GlusterfsVolumeSource", "endpoints", "EndpointsName"),
    ("ISCSIVolumeSource", "chapAuthDiscovery", "DiscoveryCHAPAuth"),
    ("ISCSIVolumeSource", "chapAuthSession", "SessionCHAPAuth"),
    ("ISCSIVolumeSource", "iscsiInterface", "ISCSIInterface"),
    ("RBDVolumeSource", "image", "RBDImage"),
    ("RBDVolumeSource", "keyring", "Keyring"),
    ("RBDVolumeSource", "monitors", "CephMonitors"),
    ("RBDVolumeSource", "pool", "RBDPool"),
    ("RBDVolumeSource", "user", "RadosUser"),
];

/// Fields of v1 that the internal struct keeps elsewhere or not at all.
const ABSENT: &[(&str, &str)] = &[
    ("PodSpec", "serviceAccount"),
    ("PodSpec", "hostNetwork"),
    ("PodSpec", "hostPID"),
    ("PodSpec", "hostIPC"),
    ("PodSpec", "shareProcessNamespace"),
    ("PodSpec", "hostUsers"),
];

/// Structs whose `metadata` is embedded.
const EMBEDDED_METADATA: &[&str] =
    &["PodTemplateSpec", "JobTemplateSpec", "PersistentVolumeClaimTemplate", "ResourceClaimTemplateSpec"];

/// Fields that come directly after another, where the internal order differs from v1's.
const AFTER: &[(&str, &str, &str)] = &[
    ("Container", "restartPolicyRules", "restartPolicy"),
    ("EphemeralContainer", "restartPolicyRules", "restartPolicy"),
    ("Volume", "quobyte", "rbd"),
    ("Volume", "portworxVolume", "projected"),
    ("Volume", "azureDisk", "vsphereVolume"),
    ("Volume", "flexVolume", "quobyte"),
    ("PodSpec", "setHostnameAsFQDN", "subdomain"),
    ("PodSpec", "preemptionPolicy", "priority"),
    ("PodSpec", "overhead", "runtimeClassName"),
    ("PodSpec", "enableServiceLinks", "overhead"),
    ("PodSecurityContext", "fsGroupChangePolicy", "fsGroup"),
];

/// How a struct's field shows.
pub(super) fn spelling(item: &str, field: &str) -> Spelling {
    if ABSENT.contains(&(item, field)) {
        return Spelling::Absent;
    }
    if field == "metadata" && EMBEDDED_METADATA.contains(&item) {
        return Spelling::Inlined;
    }
    let own = NAMES_IN.iter().find(|(of, name, _)| (*of, *name) == (item, field)).map(|(_, _, go)| *go);
    let go = own.or_else(|| NAMES.iter().find(|(name, _)| *name == field).map(|(_, go)| *go));
    Spelling::Named(go.map_or_else(|| capitalized(field), str::to_owned))
}

fn capitalized(field: &str) -> String {
    let mut chars = field.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + chars.as_str())
}

/// Brings a struct's entries, named by their JSON fields, into the internal order.
pub(super) fn arrange<T>(item: &str, entries: &mut Vec<(&str, T)>) {
    for (_, field, before) in AFTER.iter().filter(|(of, ..)| *of == item) {
        let at = |name: &str, entries: &[(&str, T)]| entries.iter().position(|(field, _)| *field == name);
        let Some(from) = at(field, entries) else { continue };
        let moved = entries.remove(from);
        let to = at(before, entries).map_or(from, |at| at + 1);
        entries.insert(to, moved);
    }
}
