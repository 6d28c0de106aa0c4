//! Pod network, service proxy (nftables) and cluster DNS.
