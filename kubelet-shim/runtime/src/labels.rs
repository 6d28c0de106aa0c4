//! The labels by which sandboxes and containers are found again after a restart. Names as upstream's kubelet writes
//! them, because `crictl`, log shippers and metric scrapers read them.

/// Pod name.
pub const POD_NAME: &str = "io.kubernetes.pod.name";
/// Pod namespace.
pub const POD_NAMESPACE: &str = "io.kubernetes.pod.namespace";
/// Pod uid.
pub const POD_UID: &str = "io.kubernetes.pod.uid";
/// Container name, on containers only.
pub const CONTAINER_NAME: &str = "io.kubernetes.container.name";
/// Annotation of a container: how often it was restarted before.
pub const RESTART_COUNT: &str = "io.kubernetes.container.restartCount";
/// Annotation of a container: the path inside it of its termination message.
pub const TERMINATION_MESSAGE_PATH: &str = "io.kubernetes.container.terminationMessagePath";
/// Annotation of a container: how its termination message is made.
pub const TERMINATION_MESSAGE_POLICY: &str = "io.kubernetes.container.terminationMessagePolicy";
/// Annotation of a container: a hash of the fields whose change restarts it.
pub const SPEC_HASH: &str = "io.kubernetes.container.hash";
/// Annotation of sandboxes: which node agent owns it, since several agents may share one containerd.
pub const NODE_NAME: &str = "io.kubernel.node";
