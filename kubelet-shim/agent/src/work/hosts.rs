//! The files about names and addresses that a container sees: /etc/hosts and /etc/resolv.conf.

use std::path::Path;

use kubernel_runtime::cri;
use serde_json::Value;

use crate::Config;

/// Nameservers the resolver library looks at; more are cut.
const NAMESERVERS_MAX: usize = 3;

/// The text of /etc/hosts.
pub(crate) fn hosts_file(pod: &Value, ips: &[String], domain: &str) -> String {
    let spec = &pod["spec"];
    let mut out;
    if spec["hostNetwork"] == true {
        out = "# Kubernetes-managed hosts file (host network).\n".to_owned();
        out.push_str(&std::fs::read_to_string("/etc/hosts").unwrap_or_default());
    } else {
        out = "# Kubernetes-managed hosts file.\n\
               127.0.0.1\tlocalhost\n\
               ::1\tlocalhost ip6-localhost ip6-loopback\n\
               fe00::0\tip6-localnet\n\
               fe00::0\tip6-mcastprefix\n\
               fe00::1\tip6-allnodes\n\
               fe00::2\tip6-allrouters\n"
            .to_owned();
        let name = hostname(pod);
        for ip in ips {
            match subdomain(pod, domain) {
                Some(full) => out.push_str(&format!("{ip}\t{name}.{full}\t{name}\n")),
                None => out.push_str(&format!("{ip}\t{name}\n")),
            }
        }
    }
    let aliases: Vec<&Value> = spec["hostAliases"].as_array().into_iter().flatten().collect();
    if !aliases.is_empty() {
        out.push_str("\n# Entries added by HostAliases.\n");
        for alias in aliases {
            let names: Vec<&str> =
                alias["hostnames"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            out.push_str(&format!("{}\t{}\n", alias["ip"].as_str().unwrap_or_default(), names.join("\t")));
        }
    }
    out
}

/// The Pod's host name: as given, or its own name, cut to what the kernel takes.
pub(crate) fn hostname(pod: &Value) -> String {
    let given = pod["spec"]["hostname"].as_str().filter(|name| !name.is_empty());
    let name = given.or(pod["metadata"]["name"].as_str()).unwrap_or_default();
    let cut: String = name.chars().take(63).collect();
    cut.trim_end_matches(['-', '.']).to_owned()
}

fn subdomain(pod: &Value, domain: &str) -> Option<String> {
    let subdomain = pod["spec"]["subdomain"].as_str().filter(|name| !name.is_empty())?;
    Some(format!("{subdomain}.{}.svc.{domain}", pod["metadata"]["namespace"].as_str().unwrap_or_default()))
}

/// The full name to use as the host name, when the Pod wants that.
pub(crate) fn fqdn(pod: &Value, domain: &str) -> Option<String> {
    let full = subdomain(pod, domain).filter(|_| pod["spec"]["setHostnameAsFQDN"] == true)?;
    Some(format!("{}.{full}", hostname(pod)))
}

/// What the runtime writes into /etc/resolv.conf.
pub(crate) fn dns(pod: &Value, config: &Config) -> cri::DnsConfig {
    let spec = &pod["spec"];
    let host_network = spec["hostNetwork"] == true;
    let policy = spec["dnsPolicy"].as_str().unwrap_or("ClusterFirst");
    let cluster = match policy {
        "ClusterFirstWithHostNet" => true,
        "ClusterFirst" => !host_network,
        _ => false,
    } && !config.cluster_dns.is_empty();
    let mut dns = if policy == "None" { cri::DnsConfig::default() } else { of_host(Path::new("/etc/resolv.conf")) };
    if cluster {
        let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
        let domain = &config.cluster_domain;
        let mut searches = vec![format!("{namespace}.svc.{domain}"), format!("svc.{domain}"), domain.clone()];
        searches.append(&mut dns.searches);
        dns.searches = searches;
        dns.servers = config.cluster_dns.iter().map(ToString::to_string).collect();
        dns.options = vec!["ndots:5".into()];
    }
    merge(&mut dns, &spec["dnsConfig"]);
    dns
}

fn merge(dns: &mut cri::DnsConfig, extra: &Value) {
    let texts = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(|text| Some(text.as_str()?.to_owned())).collect()
    };
    for server in texts(&extra["nameservers"]) {
        if !dns.servers.contains(&server) {
            dns.servers.push(server);
        }
    }
    dns.servers.truncate(NAMESERVERS_MAX);
    for search in texts(&extra["searches"]) {
        if !dns.searches.contains(&search) {
            dns.searches.push(search);
        }
    }
    for option in extra["options"].as_array().into_iter().flatten() {
        let name = option["name"].as_str().unwrap_or_default();
        dns.options.retain(|old| old.split(':').next() != Some(name));
        dns.options.push(match option["value"].as_str() {
            Some(value) if !value.is_empty() => format!("{name}:{value}"),
            _ => name.to_owned(),
        });
    }
}

fn of_host(path: &Path) -> cri::DnsConfig {
    let mut dns = cri::DnsConfig::default();
    for line in std::fs::read_to_string(path).unwrap_or_default().lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("nameserver") => dns.servers.extend(words.next().map(str::to_owned)),
            Some("search") => dns.searches = words.map(str::to_owned).collect(),
            Some("options") => dns.options = words.map(str::to_owned).collect(),
            _ => {}
        }
    }
    dns
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hosts() {
        let pod = json!({
            "metadata": {"name": "web-0", "namespace": "shop"},
            "spec": {"subdomain": "web", "hostAliases": [{"ip": "1.2.3.4", "hostnames": ["a", "b"]}]},
        });
        let text = hosts_file(&pod, &["10.1.0.2".into()], "cluster.local");
        assert!(text.starts_with("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n"));
        assert!(text.contains("\n10.1.0.2\tweb-0.web.shop.svc.cluster.local\tweb-0\n"));
        assert!(text.ends_with("\n# Entries added by HostAliases.\n1.2.3.4\ta\tb\n"));
    }

    #[test]
    fn resolver() {
        let mut config = Config::new("n", [127, 0, 0, 1].into(), "/nowhere");
        config.cluster_dns = vec![[10, 96, 0, 10].into()];
        let pod = |spec: Value| json!({"metadata": {"namespace": "shop"}, "spec": spec});
        let extra = json!({"nameservers": ["9.9.9.9"], "searches": ["x.y"],
            "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}]});
        let first = dns(&pod(json!({"dnsPolicy": "ClusterFirst", "dnsConfig": extra})), &config);
        assert_eq!(first.servers, ["10.96.0.10", "9.9.9.9"]);
        assert_eq!(first.searches[..3], ["shop.svc.cluster.local", "svc.cluster.local", "cluster.local"]);
        assert_eq!(first.options, ["ndots:2", "edns0"]);
        let none = dns(&pod(json!({"dnsPolicy": "None", "dnsConfig": extra})), &config);
        assert_eq!((none.servers, none.searches), (vec!["9.9.9.9".into()], vec!["x.y".into()]));
        let host = dns(&pod(json!({"dnsPolicy": "ClusterFirst", "hostNetwork": true})), &config);
        assert!(!host.servers.contains(&"10.96.0.10".into()));
    }
}
