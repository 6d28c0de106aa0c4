//! How it is found out whether a task is well, and how it is ended.

use super::{CommandInfo, DurationInfo, NetworkProtocol};
use crate::{enums, messages};

messages! {
    /// Mesos' `CheckInfo.Command`.
    CommandCheck as "CheckInfo.Command" { command: required Box<CommandInfo> = 1 }

    /// Mesos' `CheckInfo.Http`.
    HttpCheck as "CheckInfo.Http" { port: required u32 = 1, path: optional String = 2 }

    /// Mesos' `CheckInfo.Tcp`.
    TcpCheck as "CheckInfo.Tcp" { port: required u32 = 1 }

    /// Mesos' `CheckInfo`.
    CheckInfo {
        r#type: optional CheckType = 1,
        command: optional CommandCheck = 2,
        http: optional HttpCheck = 3,
        tcp: optional TcpCheck = 7,
        delay_seconds: default f64 = 4 [15.0],
        interval_seconds: default f64 = 5 [10.0],
        timeout_seconds: default f64 = 6 [20.0],
    }

    /// Mesos' `HealthCheck.HTTPCheckInfo`.
    HttpHealthCheck as "HealthCheck.HTTPCheckInfo" {
        protocol: default NetworkProtocol = 5 [NetworkProtocol::Ipv4],
        scheme: optional String = 3,
        port: required u32 = 1,
        path: optional String = 2,
        statuses: repeated u32 = 4,
    }

    /// Mesos' `HealthCheck.TCPCheckInfo`.
    TcpHealthCheck as "HealthCheck.TCPCheckInfo" {
        protocol: default NetworkProtocol = 2 [NetworkProtocol::Ipv4],
        port: required u32 = 1,
    }

    /// Mesos' `HealthCheck`.
    HealthCheck {
        delay_seconds: default f64 = 2 [15.0],
        interval_seconds: default f64 = 3 [10.0],
        timeout_seconds: default f64 = 4 [20.0],
        consecutive_failures: default u32 = 5 [3],
        grace_period_seconds: default f64 = 6 [10.0],
        r#type: optional HealthCheckType = 8,
        command: optional Box<CommandInfo> = 7,
        http: optional HttpHealthCheck = 1,
        tcp: optional TcpHealthCheck = 9,
    }

    /// Mesos' `KillPolicy`.
    KillPolicy { grace_period: optional DurationInfo = 1 }

    /// Mesos' `CheckStatusInfo.Command`.
    CommandCheckStatus as "CheckStatusInfo.Command" { exit_code: optional i32 = 1 }

    /// Mesos' `CheckStatusInfo.Http`.
    HttpCheckStatus as "CheckStatusInfo.Http" { status_code: optional u32 = 1 }

    /// Mesos' `CheckStatusInfo.Tcp`.
    TcpCheckStatus as "CheckStatusInfo.Tcp" { succeeded: optional bool = 1 }

    /// Mesos' `CheckStatusInfo`.
    CheckStatusInfo {
        r#type: optional CheckType = 1,
        command: optional CommandCheckStatus = 2,
        http: optional HttpCheckStatus = 3,
        tcp: optional TcpCheckStatus = 4,
    }
}

enums! {
    /// Mesos' `CheckInfo.Type`.
    CheckType { Unknown = 0 "UNKNOWN", Command = 1 "COMMAND", Http = 2 "HTTP", Tcp = 3 "TCP" }

    /// Mesos' `HealthCheck.Type`.
    HealthCheckType { Unknown = 0 "UNKNOWN", Command = 1 "COMMAND", Http = 2 "HTTP", Tcp = 3 "TCP" }
}
