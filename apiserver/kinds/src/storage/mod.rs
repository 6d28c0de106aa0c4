//! The kinds of the `storage.k8s.io` group.

mod class_rules;
pub mod csi_driver;
pub mod csi_node;
mod csi_rules;
pub mod csi_storage_capacity;
pub mod storage_class;
pub mod volume_attachment;
pub mod volume_attributes_class;
