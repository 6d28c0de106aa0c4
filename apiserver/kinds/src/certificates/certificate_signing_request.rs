//! `certificates.k8s.io/v1` CertificateSigningRequest.

use crate::descriptor::kind;
use crate::strategy::Generic;

kind! {
    /// The descriptor of CertificateSigningRequest.
    pub static KIND = "certificates.k8s.io", "v1", "CertificateSigningRequest";
    names: "certificatesigningrequests", "certificatesigningrequest", short ["csr"], categories [];
    definition: "io.k8s.api.certificates.v1.CertificateSigningRequest";
    namespaced: false, source: Store, hash: "95fRKMXA+00=";
    verbs: ALL;
    subresources: [
        "approval": STATUS,
        "status": STATUS,
    ];
    columns: [
        "Name" name, "Age" string, "SignerName" string, "Requestor" string, "RequestedDuration" string,
        "Condition" string,
    ];
    strategy: Generic;
}
