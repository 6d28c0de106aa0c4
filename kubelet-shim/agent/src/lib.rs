//! The node: registration, leases, one actor per Pod, the kubelet API.
