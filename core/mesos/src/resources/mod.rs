//! Resources as Mesos writes them, and as the kernel counts them. Pure.
//!
//! Mesos: named values, memory and disk in MiB, scalars with three decimals, reservations in one of two formats. The
//! kernel: whole units (thousandths of a CPU, bytes, counts) of numbered kinds. `check.rs` says what is wrong with a
//! resource, in Mesos' words; `read.rs` and `write.rs` translate; `show.rs` is how Mesos prints them.

mod check;
mod read;
mod show;
mod write;

pub use check::{check, role};
pub use read::{Namer, read, read_all, source_form};
pub use show::{show, show_all};
pub use write::{Format, write};

use kubernel_kernel::Shape;

/// Bytes in Mesos' unit of memory and disk.
const MIB: u64 = 1 << 20;

/// How a scalar of a name is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    /// Thousandths of one.
    Milli,
    /// Bytes; Mesos counts MiB.
    Bytes,
    /// Whole ones.
    Whole,
}

/// The names that differ: Mesos', the kernel's, and what is counted.
const NAMES: [(&str, &str, Unit); 4] = [
    ("cpus", "cpu", Unit::Milli),
    ("mem", "memory", Unit::Bytes),
    ("disk", "ephemeral-storage", Unit::Bytes),
    ("gpus", "nvidia.com/gpu", Unit::Whole),
];

fn kernel_name(mesos: &str) -> (&str, Unit) {
    NAMES.iter().find(|(name, _, _)| *name == mesos).map_or((mesos, Unit::Whole), |(_, name, unit)| (name, *unit))
}

fn mesos_name(kernel: &str) -> (&str, Unit) {
    NAMES.iter().find(|(_, name, _)| *name == kernel).map_or((kernel, Unit::Whole), |(name, _, unit)| (name, *unit))
}

/// The thousandths of a scalar, rounded as Mesos rounds; `None` for what is no amount.
fn thousandths(value: f64) -> Option<u64> {
    let scaled = (value * 1_000.0).round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was checked")]
    (0.0..9e15).contains(&scaled).then_some(scaled as u64)
}

impl Unit {
    /// The kernel's amount; `None` where it takes whole ones only.
    fn amount(self, thousandths: u64) -> Option<u64> {
        match self {
            Self::Milli => Some(thousandths),
            Self::Bytes => u64::try_from(u128::from(thousandths) * u128::from(MIB) / 1_000).ok(),
            Self::Whole => thousandths.is_multiple_of(1_000).then_some(thousandths / 1_000),
        }
    }

    /// Mesos' value. What would need more than three decimals is rounded down: never more than there is.
    #[expect(clippy::cast_precision_loss, reason = "Mesos' scalars are doubles")]
    fn value(self, amount: u64) -> f64 {
        match self {
            Self::Milli => amount as f64 / 1_000.0,
            Self::Bytes => (u128::from(amount) * 1_000 / u128::from(MIB)) as f64 / 1_000.0,
            Self::Whole => amount as f64,
        }
    }
}

/// The kernel's shape of a Mesos type.
fn shape(of: kubernel_mesos_proto::v1::ValueType) -> Shape {
    use kubernel_mesos_proto::v1::ValueType;
    match of {
        ValueType::Ranges => Shape::Ranges,
        ValueType::Set => Shape::Set,
        ValueType::Scalar | ValueType::Text => Shape::Scalar,
    }
}
