//! The CNI configuration that tells the container runtime how pods get their network.

use crate::{Config, Error};
use serde_json::{Value, json};
use std::path::Path;

/// Writes `10-NAME.conflist`, by rename and only if it differs: the runtime reloads on every change.
pub(crate) fn write(config: &Config) -> Result<(), Error> {
    let path = config.cni_conf_dir.join(format!("10-{}.conflist", config.network));
    let text = format!("{:#}\n", conflist(config));
    if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    let write = |path: &Path| {
        std::fs::create_dir_all(&config.cni_conf_dir)?;
        // The runtime reads only *.conf, *.conflist and *.json.
        let partial = path.with_extension("partial");
        std::fs::write(&partial, &text)?;
        std::fs::rename(&partial, path)
    };
    write(&path).map_err(|source| Error::Write { path, source })
}

/// Bridge, addresses from the node's own range, host ports. Masquerading is the proxy table's business.
fn conflist(config: &Config) -> Value {
    json!({
        "cniVersion": "0.4.0",
        "name": config.network,
        "plugins": [
            {
                "type": "bridge",
                "bridge": config.bridge,
                "isGateway": true,
                "isDefaultGateway": true,
                "hairpinMode": true,
                "ipMasq": false,
                "ipam": {
                    "type": "host-local",
                    "dataDir": config.cni_data_dir,
                    "ranges": [[{"subnet": config.pod_cidr, "gateway": config.gateway()}]],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": true}},
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_names_bridge_and_range() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { cni_conf_dir: folder.path().join("net.d"), ..Config::new("n") };
        write(&config).unwrap();
        write(&config).unwrap();
        let files: Vec<_> = std::fs::read_dir(&config.cni_conf_dir).unwrap().map(|f| f.unwrap().file_name()).collect();
        assert_eq!(files, ["10-kubernel.conflist"]);
        let text = std::fs::read_to_string(config.cni_conf_dir.join("10-kubernel.conflist")).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["plugins"][0]["bridge"], "kubernel0");
        assert_eq!(value["plugins"][0]["ipam"]["ranges"][0][0]["subnet"], "10.244.0.0/24");
        assert_eq!(value["plugins"][0]["ipam"]["ranges"][0][0]["gateway"], "10.244.0.1");
    }
}
