//! The resource kernel's own kinds, group `kernel.kubernel.io`: frameworks, roles and reservations are stored; offers
//! and agents are read from the kernel's memory.

pub mod agent;
mod amounts;
pub mod framework;
pub mod offer;
pub mod reservation;
pub mod resource_role;
