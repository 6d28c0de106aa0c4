//! What is to be run, and with what.

use crate::{enums, messages};

messages! {
    /// Mesos' `CommandInfo.URI`.
    Uri as "CommandInfo.URI" {
        value: required String = 1,
        executable: optional bool = 2,
        extract: default bool = 3 [true],
        cache: optional bool = 4,
        output_file: optional String = 5,
    }

    /// Mesos' `CommandInfo`.
    CommandInfo {
        uris: repeated Uri = 1,
        environment: optional Environment = 2,
        shell: default bool = 6 [true],
        value: optional String = 3,
        arguments: repeated String = 7,
        user: optional String = 5,
    }

    /// Mesos' `Environment.Variable`.
    Variable as "Environment.Variable" {
        name: required String = 1,
        r#type: default VariableType = 3 [VariableType::Value],
        value: optional String = 2,
        secret: optional Secret = 4,
    }

    /// Mesos' `Environment`.
    Environment { variables: repeated Variable = 1 }

    /// Mesos' `Secret.Reference`.
    SecretReference as "Secret.Reference" { name: required String = 1, key: optional String = 2 }

    /// Mesos' `Secret.Value`.
    SecretValue as "Secret.Value" { data: required Vec<u8> = 1 }

    /// Mesos' `Secret`.
    Secret {
        r#type: optional SecretType = 1,
        reference: optional SecretReference = 2,
        value: optional SecretValue = 3,
    }
}

enums! {
    /// Mesos' `Environment.Variable.Type`.
    VariableType { Unknown = 0 "UNKNOWN", Value = 1 "VALUE", Secret = 2 "SECRET" }

    /// Mesos' `Secret.Type`.
    SecretType { Unknown = 0 "UNKNOWN", Reference = 1 "REFERENCE", Value = 2 "VALUE" }
}
