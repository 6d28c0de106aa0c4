//! Whether somebody holds the private half of a key: they have signed something with it.
//!
//! A key on P-521 is beyond the libraries that this server has: of it nothing is known, and nobody is believed.

use rustls::SignatureScheme;
use rustls::crypto::ring;
use sha2::{Digest, Sha256};
use x509_parser::error::X509Error;
use x509_parser::num_bigint::BigUint;
use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo, X509CertificationRequest};
use x509_parser::public_key::{PublicKey, RSAPublicKey};

/// Bytes of a SHA-256.
const HASH_BYTES: usize = 32;
/// The last byte of what PSS signs.
const TRAILER: u8 = 0xbc;
/// Larger exponents are nobody's, and take long.
const EXPONENT_BYTES_MAX: usize = 4;

/// What a signature says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Whoever made it holds the key.
    Right,
    /// It is not by that key, or of something else.
    Wrong,
    /// This server cannot tell.
    Unknown,
}

/// Whether a PKCS#10 request (DER) is signed with the key that it is for.
pub(crate) fn of_request(der: &[u8]) -> Proof {
    let Ok((_, request)) = X509CertificationRequest::from_der(der) else { return Proof::Wrong };
    match request.verify_signature() {
        Ok(()) => Proof::Right,
        Err(X509Error::SignatureUnsupportedAlgorithm) => Proof::Unknown,
        Err(_) => Proof::Wrong,
    }
}

/// Whether a message is signed with a key (SubjectPublicKeyInfo in DER): the message itself with Ed25519, its SHA-256 in
/// ASN.1 with ECDSA, its SHA-256 under PSS with RSA.
pub(crate) fn of_key(key: &[u8], message: &[u8], signature: &[u8]) -> Proof {
    let Ok((_, key)) = SubjectPublicKeyInfo::from_der(key) else { return Proof::Wrong };
    let scheme = match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => return judge(is_pss(&rsa, message, signature)),
        Ok(PublicKey::EC(point)) if point.key_size() > 384 => return Proof::Unknown,
        Ok(PublicKey::EC(_)) => SignatureScheme::ECDSA_NISTP256_SHA256,
        _ => SignatureScheme::ED25519,
    };
    let known = ring::default_provider().signature_verification_algorithms;
    let fitting = known.mapping.iter().filter(|(known, _)| *known == scheme).flat_map(|(_, algorithms)| *algorithms);
    let mut found = fitting.map(|one| one.verify_signature(&key.subject_public_key.data, message, signature));
    judge(found.any(|result| result.is_ok()))
}

fn judge(is_right: bool) -> Proof {
    if is_right { Proof::Right } else { Proof::Wrong }
}

/// RSASSA-PSS with SHA-256 (RFC 8017, 8.1.2 and 9.1.2) and a salt of any length: Go's takes all the room there is, which
/// the libraries do not look for.
fn is_pss(key: &RSAPublicKey<'_>, message: &[u8], signature: &[u8]) -> bool {
    let (modulus, exponent) = (BigUint::from_bytes_be(key.modulus), BigUint::from_bytes_be(key.exponent));
    let signed = BigUint::from_bytes_be(signature);
    let key_bytes = usize::try_from(modulus.bits().div_ceil(8)).unwrap_or(usize::MAX);
    if signature.len() != key_bytes || signed >= modulus || exponent.to_bytes_be().len() > EXPONENT_BYTES_MAX {
        return false;
    }
    let bits = modulus.bits() - 1;
    let length = usize::try_from(bits.div_ceil(8)).unwrap_or(usize::MAX);
    let found = signed.modpow(&exponent, &modulus).to_bytes_be();
    let Some(padding) = length.checked_sub(found.len()) else { return false };
    let encoded = [vec![0; padding], found].concat();
    let Some((masked, [hash @ .., trailer])) = encoded.split_at_checked(length.wrapping_sub(HASH_BYTES + 1)) else {
        return false;
    };
    let unused = u32::try_from(length * 8).unwrap_or(u32::MAX) - u32::try_from(bits).unwrap_or(0);
    let used = 0xff_u8.checked_shr(unused).unwrap_or(0);
    if *trailer != TRAILER || masked.first().is_none_or(|first| first & !used != 0) {
        return false;
    }
    let mut block: Vec<u8> = masked.iter().zip(mask(hash, masked.len())).map(|(byte, mask)| byte ^ mask).collect();
    if let Some(first) = block.first_mut() {
        *first &= used;
    }
    let Some(salt) = block.iter().position(|byte| *byte != 0).filter(|at| block[*at] == 1).map(|at| &block[at + 1..])
    else {
        return false;
    };
    let salted = Sha256::new().chain_update([0; 8]).chain_update(Sha256::digest(message)).chain_update(salt).finalize();
    salted.as_slice() == hash
}

/// MGF1 over SHA-256.
fn mask(seed: &[u8], length: usize) -> Vec<u8> {
    let blocks = (0_u32..).map(|at| Sha256::new().chain_update(seed).chain_update(at.to_be_bytes()).finalize());
    blocks.take(length.div_ceil(HASH_BYTES)).flatten().take(length).collect()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    /// What all keys below have signed.
    const MESSAGE: &[u8] = b"pod-uid-1";
    /// Kind, key and signature, made for this test and for nothing else; the salts of RSA are as long as the hash, and as
    /// long as they can be.
    const SIGNED: &str = include_str!("../../tests/api/data/signatures.tsv");

    #[test]
    fn signatures_are_told_from_others() {
        let rows: Vec<(&str, Vec<u8>, Vec<u8>)> = SIGNED
            .lines()
            .filter_map(|line| {
                let [kind, key, signature] = line.split('\t').collect::<Vec<_>>()[..] else { return None };
                Some((kind, STANDARD.decode(key).ok()?, STANDARD.decode(signature).ok()?))
            })
            .collect();
        assert_eq!(rows.len(), 6);
        for (kind, key, signature) in &rows {
            let is_known = *kind != "p521";
            let right = if is_known { Proof::Right } else { Proof::Unknown };
            let wrong = if is_known { Proof::Wrong } else { Proof::Unknown };
            assert_eq!(of_key(key, MESSAGE, signature), right, "{kind}");
            assert_eq!(of_key(key, b"pod-uid-2", signature), wrong, "{kind}");
            let mut other = signature.clone();
            other[20] ^= 1;
            assert_eq!(of_key(key, MESSAGE, &other), wrong, "{kind}");
            assert_eq!(of_key(key, MESSAGE, &signature[..signature.len() - 1]), wrong, "{kind}");
        }
    }

    #[test]
    fn requests_are_signed_with_their_own_key() {
        let key = rcgen::KeyPair::generate().unwrap();
        let request = rcgen::CertificateParams::default().serialize_request(&key).unwrap();
        let mut der = request.der().to_vec();
        assert_eq!(of_request(&der), Proof::Right);
        let last = der.len() - 1;
        der[last] ^= 1;
        assert_eq!(of_request(&der), Proof::Wrong);
        assert_eq!(of_request(b"x"), Proof::Wrong);
    }
}
