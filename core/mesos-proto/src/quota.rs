//! Quotas of roles; the package `mesos.v1.quota`.

use crate::messages;
use crate::v1::{Resource, Scalar};

messages! {
    /// Mesos' `QuotaInfo`.
    QuotaInfo { role: optional String = 1, principal: optional String = 2, guarantee: repeated Resource = 3 }

    /// Mesos' `QuotaRequest`.
    QuotaRequest { force: optional bool = 1, role: optional String = 2, guarantee: repeated Resource = 3 }

    /// Mesos' `QuotaConfig`.
    QuotaConfig { role: required String = 1, guarantees: map Scalar = 2, limits: map Scalar = 3 }

    /// Mesos' `QuotaStatus`.
    QuotaStatus { infos: repeated QuotaInfo = 1, configs: repeated QuotaConfig = 2 }
}
