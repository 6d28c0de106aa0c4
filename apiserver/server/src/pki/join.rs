//! What a new node shows on its first call: a bootstrap token and what it needs to know the server by.

use std::fmt::Write as _;
use std::path::Path;

use rand::RngExt as _;
use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha256};

use super::files;
use crate::Error;

/// The alphabet of bootstrap tokens.
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
const ID_CHARS: usize = 6;
const SECRET_CHARS: usize = 16;

/// A bootstrap token `id.secret` together with the CA's fingerprint, so that the node trusts nobody else. Its text is
/// `id.secret@sha256:HEX`, HEX being the SHA-256 of the CA certificate's DER; the part before the `@` is the bearer
/// token.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    id: String,
    secret: String,
    fingerprint: String,
}

impl JoinToken {
    /// Reads the token from a file, or makes one.
    pub(super) fn open(path: &Path, ca: &CertificateDer<'_>) -> Result<Self, Error> {
        let fingerprint = fingerprint(ca);
        if let Some(text) = files::read(path)?
            && let Some(token) = Self::parse(text.trim())
            && token.fingerprint == fingerprint
        {
            return Ok(token);
        }
        let token = Self { id: random(ID_CHARS), secret: random(SECRET_CHARS), fingerprint };
        files::write_private(path, format!("{token}\n").as_bytes())?;
        Ok(token)
    }

    /// Reads `id.secret` or `id.secret@sha256:HEX`.
    pub fn parse(text: &str) -> Option<Self> {
        let (bearer, fingerprint) = match text.split_once('@') {
            None => (text, ""),
            Some((bearer, ca)) => (bearer, ca.strip_prefix("sha256:").filter(|hex| hex.len() == 64)?),
        };
        let (id, secret) = bearer.split_once('.')?;
        let fits = |part: &str, chars: usize| part.len() == chars && part.bytes().all(|b| LETTERS.contains(&b));
        (fits(id, ID_CHARS) && fits(secret, SECRET_CHARS)).then(|| Self {
            id: id.to_owned(),
            secret: secret.to_owned(),
            fingerprint: fingerprint.to_ascii_lowercase(),
        })
    }

    /// The public part, by which the token's Secret is named.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The secret part.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// `id.secret`: what goes into the `Authorization` header.
    pub fn bearer(&self) -> String {
        format!("{}.{}", self.id, self.secret)
    }

    /// Whether the token names a CA.
    pub fn names_authority(&self) -> bool {
        !self.fingerprint.is_empty()
    }

    /// Whether this is the CA that the token names; a token that names none fits every CA.
    pub fn trusts(&self, ca: &CertificateDer<'_>) -> bool {
        self.fingerprint.is_empty() || self.fingerprint == fingerprint(ca)
    }
}

/// The SHA-256 of a certificate's DER in hexadecimal.
pub(super) fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    Sha256::digest(certificate).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn random(chars: usize) -> String {
    let mut rng = rand::rng();
    (0..chars).map(|_| char::from(LETTERS[rng.random_range(0..LETTERS.len())])).collect()
}

impl std::fmt::Display for JoinToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.id, self.secret)?;
        if self.fingerprint.is_empty() { Ok(()) } else { write!(f, "@sha256:{}", self.fingerprint) }
    }
}

impl std::fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinToken").field("id", &self.id).finish_non_exhaustive()
    }
}
