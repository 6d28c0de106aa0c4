//! Tokens of executors: who has one shows that it runs in a certain container of this node.
//!
//! JSON Web Tokens with Mesos' claims, signed with a key that never leaves the node and outlives our restarts.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rand::Rng as _;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

const KEY_BYTES: usize = 32;

/// What a token says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// The framework.
    pub(crate) fid: String,
    /// The executor.
    pub(crate) eid: String,
    /// The container.
    pub(crate) cid: String,
}

/// The node's key.
pub(crate) struct Tokens {
    sign: EncodingKey,
    verify: DecodingKey,
}

impl Tokens {
    /// Reads the key, or makes one.
    ///
    /// # Errors
    /// If the file cannot be read or written.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let key = match fs::read(path) {
            Ok(key) if key.len() == KEY_BYTES => key,
            Ok(_) => make(path)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => make(path)?,
            Err(error) => return Err(Error::file(path)(error)),
        };
        Ok(Self { sign: EncodingKey::from_secret(&key), verify: DecodingKey::from_secret(&key) })
    }

    /// A token; `None` where it could not be signed.
    pub(crate) fn issue(&self, claims: &Claims) -> Option<String> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.sign).ok()
    }

    /// What a token of this node says.
    pub(crate) fn read(&self, token: &str) -> Option<Claims> {
        let mut validation = Validation::new(Algorithm::HS256);
        // It is good for as long as its container lives.
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        jsonwebtoken::decode::<Claims>(token, &self.verify, &validation).ok().map(|found| found.claims)
    }
}

/// Makes a key; it gets its name when it is whole.
fn make(path: &Path) -> Result<Vec<u8>> {
    let mut key = vec![0; KEY_BYTES];
    rand::rng().fill_bytes(&mut key);
    let new = path.with_extension("new");
    let write = || {
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
        let mut file = fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&new)?;
        file.write_all(&key)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(Error::file(path))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_of_one_node_and_outlive_restarts() {
        let dir = tempfile::tempdir().unwrap();
        let open = |name: &str| Tokens::open(&dir.path().join(name).join("key")).unwrap();
        let claims = Claims { fid: "f".into(), eid: "e".into(), cid: "c".into() };
        let token = open("one").issue(&claims).unwrap();
        assert_eq!(open("one").read(&token), Some(claims));
        assert_eq!(open("other").read(&token), None);
        let (head, rest) = token.split_once('.').unwrap();
        let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", rest.split_once('.').unwrap().0);
        for forged in [unsigned, format!("{head}.{rest}x"), String::new()] {
            assert_eq!(open("one").read(&forged), None, "{forged}");
        }
    }
}
