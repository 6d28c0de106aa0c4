//! The kinds of the `internal.apiserver.k8s.io` group.

pub mod storage_version;
