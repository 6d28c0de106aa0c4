//! The door's book: what it knows of frameworks and tasks beyond what the kernel knows. Bounded like Mesos' own.

mod record;

pub use record::{FrameworkRecord, RecoveredTask, TaskRecord, is_terminal};
