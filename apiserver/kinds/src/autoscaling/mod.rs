//! The kinds of the `autoscaling` group.

mod conversion;
pub mod horizontal_pod_autoscaler_v1;
pub mod horizontal_pod_autoscaler_v2;
mod metrics;
mod rules;
