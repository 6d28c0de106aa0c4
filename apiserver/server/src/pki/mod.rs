//! The cluster's certificate authorities, certificates and keys in the data directory.
