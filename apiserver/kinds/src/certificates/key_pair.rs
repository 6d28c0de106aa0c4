//! Whether a certificate and a private key in PEM belong together, in the words of Go's `tls.X509KeyPair`. What only
//! arithmetic on curves could tell is not asked: a key of the right kind passes.

use super::der::{self, Key, PrivateKey};
use super::pem;

const CERTIFICATE: &str = "CERTIFICATE";
const PRIVATE_KEY: &str = "PRIVATE KEY";

/// What is wrong with the pair.
pub(crate) fn error(certificate: &[u8], key: &[u8]) -> Option<String> {
    check(&String::from_utf8_lossy(certificate), &String::from_utf8_lossy(key)).err()
}

fn check(certificate: &str, key: &str) -> Result<(), String> {
    let (certificates, keys) = (pem::blocks(certificate), pem::blocks(key));
    let leaf = certificates.iter().find(|block| block.label == CERTIFICATE);
    let leaf = leaf.ok_or_else(|| no_certificate(&labels(&certificates)))?;
    let key = keys.iter().find(|block| is_private_key(block.label)).ok_or_else(|| no_key(&labels(&keys)))?;
    let leaf = der::certificate(&leaf.body).ok_or("x509: malformed certificate")?;
    let private = der::private_key(&key.body).ok_or("tls: failed to parse private key")?;
    let fits = match (der::key(leaf.key), private) {
        (_, PrivateKey::Unknown) => return Err("tls: found unknown private key type in PKCS#8 wrapping".to_owned()),
        (None | Some(Key::Unknown), _) => return Err("tls: unknown public key algorithm".to_owned()),
        (Some(Key::Rsa(_)), PrivateKey::Rsa(modulus)) => der::modulus(leaf.key) == Some(modulus),
        (Some(Key::Elliptic(_)), PrivateKey::Elliptic) | (Some(Key::Ed25519), PrivateKey::Ed25519) => true,
        _ => return Err("tls: private key type does not match public key type".to_owned()),
    };
    if fits { Ok(()) } else { Err("tls: private key does not match public key".to_owned()) }
}

fn labels<'a>(blocks: &[pem::Block<'a>]) -> Vec<&'a str> {
    blocks.iter().map(|block| block.label).collect()
}

/// `PRIVATE KEY`, or one of a kind: `EC PRIVATE KEY`.
fn is_private_key(label: &str) -> bool {
    label.strip_suffix(PRIVATE_KEY).is_some_and(|kind| kind.is_empty() || kind.ends_with(' '))
}

fn no_certificate(skipped: &[&str]) -> String {
    match skipped {
        [] => "tls: failed to find any PEM data in certificate input".to_owned(),
        [only] if only.ends_with(PRIVATE_KEY) => "tls: failed to find certificate PEM data in certificate input, but \
                                                  did find a private key; PEM inputs may have been switched"
            .to_owned(),
        _ => format!(
            "tls: failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM blocks of the \
             following types: [{}]",
            skipped.join(" ")
        ),
    }
}

fn no_key(skipped: &[&str]) -> String {
    match skipped {
        [] => "tls: failed to find any PEM data in key input".to_owned(),
        [CERTIFICATE] => "tls: found a certificate rather than a key in the PEM for the private key".to_owned(),
        _ => format!(
            "tls: failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after skipping PEM blocks of \
             the following types: [{}]",
            skipped.join(" ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made for this test, and for nothing else.
    const ED25519_CERTIFICATE: &str = "MIIBLjCB4aADAgECAhQY4bO9mOOkeE/EqsZLQKx7HqnYnDAFBgMrZXAwDDEKMAgGA1UEAwwBYTAgFw0yNjExMjMxNDUxMDVaGA8y \
        MTI2MTAzMDE0NTEwNVowDDEKMAgGA1UEAwwBYTAqMAUGAytlcAMhAJaO7kgH6zLV54KauqMPPRO3cwvarh6NntUcrbQxvZgho1Mw \
        UTAdBgNVHQ4EFgQUY+9qvXNHEx7vP/FMltN3k1L9ebUwHwYDVR0jBBgwFoAUY+9qvXNHEx7vP/FMltN3k1L9ebUwDwYDVR0TAQH/ \
        BAUwAwEB/zAFBgMrZXADQQB2dBS0LzJEmZxOp8jOC9HvbeIV3w5iORGXAYT8RC3hunEoX8/n8Vb7mzRm45X/6wBHtRNUoPR6Qfoh \
        VlJQAMwH";
    const ED25519_KEY: &str = "MC4CAQAwBQYDK2VwBCIEICZsSBkAQLWCmU0w91S9q0rc/s8APNqpginSF7gYtwAr";
    const RSA_CERTIFICATE: &str = "MIIBcTCCARugAwIBAgIUVD8gRbmCYwjiOwbVh9HYkikNApIwDQYJKoZIhvcNAQELBQAwDDEKMAgGA1UEAwwBYTAgFw0yNjExMjMx \
        NDUxMDRaGA8yMTI2MTAzMDE0NTEwNFowDDEKMAgGA1UEAwwBYTBcMA0GCSqGSIb3DQEBAQUAA0sAMEgCQQDgM94bdq2I44pYdgNs \
        w0AESOkQYUhnMx/SQzndNkbsCbBmuGsc5AqYv0MQe/zhc8E7DVYEeDmmKSQ5AbbmPf6hAgMBAAGjUzBRMB0GA1UdDgQWBBT8SwYk \
        68S76Jt4v+N3hei3dsASDzAfBgNVHSMEGDAWgBT8SwYk68S76Jt4v+N3hei3dsASDzAPBgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3 \
        DQEBCwUAA0EAnlAqOSN4GIHxH2fYUMVUom+jLwJg1zBetFc7m3YrWZP5qr23/2lNvBN9Gckflk3ex5D+LdRVYxs5t60K+TZh8Q==";
    const RSA_KEY: &str = "MIIBVQIBADANBgkqhkiG9w0BAQEFAASCAT8wggE7AgEAAkEA4DPeG3atiOOKWHYDbMNABEjpEGFIZzMf0kM53TZG7AmwZrhrHOQK \
        mL9DEHv84XPBOw1WBHg5pikkOQG25j3+oQIDAQABAkEAtzcrpl3RajAn+ipWmibkxZufehdFx6/rrTPqsW+NfYzV3Gg+XqqxYhCH \
        ud99N6m8Qgv9kwKc9SQkVWTcrECV0QIhAPFzD7EcY1NbX75D8jieD567Hy3SAmHK2edy9S+F4By/AiEA7ba7bpP9oKyfz7NIvkhe \
        Dg+xlgwat3L8Dr54vTao3J8CIC2Fh/vYYlGg9Jgmr1BFXKSMmwBEi/ZsDFE6t0dSckJ5AiEAyHOu2jAxT6xBlwO3871SksjpF35d \
        iRSNOGGlrujIvEECIGLyQTLGQOBhNoFURGx1IT0kjVDNZjziqscMAdRzn7EC";
    const OTHER_RSA_KEY: &str = "MIIBPAIBAAJBAOpXPzWyI67OE9ZORC7ttRjdX5L2eVnIwV06mn7IcjkmrdgO0GvXjXsc2JUyZ1ajwkr8SabhdqIgSIzjYxQ5KnsC \
        AwEAAQJBAKsVQzqKcW6fWPAud6zjMkGS7MG4W+PmovTTYhOJd4qsgr4ubAMlXhZb7B0NkgoEC7Pb0GPwxInwMijQG0zMZ2ECIQD2 \
        jXuridPM7WEcpSRHD3BJ/oct4ivAqP+91AxTDg9aSQIhAPNR+UCBJE8HOMMXakb5o8dFxZxaWKx9AJaSxnQ77T6jAiEAoM7s/5g4 \
        zatyMJXBkJuQOKLLlnCy6skPbMe2diFwgAkCIQCuAAbwm+ltIkrzKIF1s/vs+vYvs2QKJXIQO3HzmQ81ZQIgO+CWLhgkVzYYCrAu \
        X8Vbjqq5C7hBeVnm84xIQ919OyI=";

    #[test]
    fn pairs_in_gos_words() {
        let block = |label: &str, body: &str| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
        let (ed25519, rsa) = (block("CERTIFICATE", ED25519_CERTIFICATE), block("CERTIFICATE", RSA_CERTIFICATE));
        let (ed25519_key, rsa_key) = (block("PRIVATE KEY", ED25519_KEY), block("PRIVATE KEY", RSA_KEY));
        let (other_key, odd) = (block("RSA PRIVATE KEY", OTHER_RSA_KEY), block("ODD", "AAAA"));
        let cases: [(&str, &str, Option<&str>); 11] = [
            (&ed25519, &ed25519_key, None),
            (&rsa, &rsa_key, None),
            (&rsa, &other_key, Some("private key does not match public key")),
            (&rsa, &ed25519_key, Some("private key type does not match public key type")),
            ("x", &rsa_key, Some("failed to find any PEM data in certificate input")),
            (&rsa, "x", Some("failed to find any PEM data in key input")),
            (&rsa, &rsa, Some("found a certificate rather than a key in the PEM for the private key")),
            (&rsa, &block("PRIVATE KEY", "AAAA"), Some("failed to parse private key")),
            (
                &rsa_key,
                &rsa,
                Some(
                    "failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may \
                     have been switched",
                ),
            ),
            (
                &odd,
                &rsa_key,
                Some(
                    "failed to find \"CERTIFICATE\" PEM block in certificate input after skipping PEM blocks of the \
                     following types: [ODD]",
                ),
            ),
            (
                &rsa,
                &odd,
                Some(
                    "failed to find PEM block with type ending in \"PRIVATE KEY\" in key input after skipping PEM blocks \
                     of the following types: [ODD]",
                ),
            ),
        ];
        for (certificate, key, wanted) in cases {
            let wanted = wanted.map(|text| format!("tls: {text}"));
            assert_eq!(error(certificate.as_bytes(), key.as_bytes()), wanted, "{certificate} {key}");
        }
    }
}
