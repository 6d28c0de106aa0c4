//! The key of ServiceAccount tokens: ES256 signatures, their check, and the public key as a JWKS (RFC 7517).

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rcgen::{KeyPair, PublicKeyData};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::authority::failed;
use super::files;
use crate::Error;

/// Where tokens say that they come from, and whom they are for where nobody else is named.
pub const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";

/// Signs and checks ServiceAccount tokens.
pub struct TokenSigner {
    key_id: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    jwk: Value,
}

/// The claims of a ServiceAccount token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Whom it is for.
    pub aud: Vec<String>,
    /// When it ends, in seconds since 1970.
    pub exp: i64,
    /// When it was issued.
    pub iat: i64,
    /// Who issued it.
    pub iss: String,
    /// Its id.
    pub jti: String,
    /// What only Kubernetes knows.
    #[serde(rename = "kubernetes.io")]
    pub kubernetes: KubernetesClaims,
    /// When it starts.
    pub nbf: i64,
    /// Whom it speaks for: `system:serviceaccount:NAMESPACE:NAME`.
    pub sub: String,
}

/// The `kubernetes.io` claims.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KubernetesClaims {
    /// The ServiceAccount's namespace, also that of Pod and Secret.
    pub namespace: String,
    /// The Node that the Pod runs on, or that the token is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<Reference>,
    /// The Pod that the token is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<Reference>,
    /// The Secret that the token is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Reference>,
    /// The ServiceAccount.
    pub serviceaccount: Reference,
    /// When the client should have asked for a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warnafter: Option<i64>,
}

/// An object by name and uid.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reference {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Its uid; a Node that did not exist when the token was made has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
}

/// Why a token does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// It is no token of this issuer; another authenticator may know it.
    NotOurs,
    /// It is one, but says so wrongly: signature, form or times.
    Invalid,
}

impl TokenSigner {
    /// Reads the key from a file, or makes one.
    pub fn open(path: &Path) -> Result<Self, Error> {
        if let Some(pem) = files::read(path)? {
            return Self::new(&KeyPair::from_pem(&pem).map_err(failed)?);
        }
        let key_pair = KeyPair::generate().map_err(failed)?;
        files::write_private(path, key_pair.serialize_pem().as_bytes())?;
        Self::new(&key_pair)
    }

    fn new(key_pair: &KeyPair) -> Result<Self, Error> {
        // An uncompressed point: 4, then 32 bytes of x and of y.
        let point = key_pair.public_key_raw();
        let (Some(x), Some(y)) = (point.get(1..33), point.get(33..65)) else {
            return Err(Error::Certificate("the ServiceAccount key is not an ECDSA P-256 key".to_owned()));
        };
        let key_id = URL_SAFE_NO_PAD.encode(Sha256::digest(key_pair.subject_public_key_info()));
        let jwk = json!({
            "use": "sig", "kty": "EC", "kid": key_id, "crv": "P-256", "alg": "ES256",
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        });
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_issuer(&[ISSUER]);
        validation.set_required_spec_claims(&["exp", "iss", "sub"]);
        validation.validate_nbf = true;
        // Whom a token is for is checked by whoever knows for whom it should be.
        validation.validate_aud = false;
        Ok(Self {
            encoding: EncodingKey::from_ec_der(key_pair.serialized_der()),
            decoding: DecodingKey::from_ec_der(point),
            key_id,
            validation,
            jwk,
        })
    }

    /// The signed token.
    pub fn sign(&self, claims: &Claims) -> Result<String, Error> {
        let header = Header { kid: Some(self.key_id.clone()), typ: None, ..Header::new(Algorithm::ES256) };
        jsonwebtoken::encode(&header, claims, &self.encoding).map_err(failed)
    }

    /// The claims of a token, its signature, issuer and times being right.
    pub fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let ours: Result<IssuerOnly, _> = jsonwebtoken::dangerous::insecure_decode_claims(token);
        if !ours.is_ok_and(|claims| claims.iss == ISSUER) {
            return Err(TokenError::NotOurs);
        }
        match jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation) {
            Ok(data) => Ok(data.claims),
            Err(_) => Err(TokenError::Invalid),
        }
    }

    /// The public key: `{"keys": [...]}`.
    pub fn jwks(&self) -> Value {
        json!({ "keys": [self.jwk] })
    }

    /// `/.well-known/openid-configuration` (OpenID Connect Discovery 1.0).
    pub fn discovery(&self) -> Value {
        json!({
            "issuer": ISSUER,
            "jwks_uri": format!("{ISSUER}/openid/v1/jwks"),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        })
    }
}

#[derive(Deserialize)]
struct IssuerOnly {
    iss: String,
}
