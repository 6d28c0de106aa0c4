//! What all servers of a cluster must have alike: its authorities, the key of ServiceAccount tokens, the token that lets
//! nodes in. Everything else in the folder each server issues for itself.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Pki, ServingNames, files};
use crate::Error;

/// The files, by their names below `pki/`.
const FILES: [&str; 6] = ["ca.crt", "ca.key", "front-proxy-ca.crt", "front-proxy-ca.key", "sa.key", "join-token"];
/// Where a new cluster's are made before all servers agree on whose they are.
const DRAFT: &str = "pki-draft";

/// Those files' contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedPki(BTreeMap<String, String>);

impl SharedPki {
    /// Those in `<data_dir>/pki/`.
    ///
    /// # Errors
    /// Where one is missing, besides what files may fail with.
    pub fn of(data_dir: &Path) -> Result<Self, Error> {
        Self::read(&data_dir.join("pki"))
    }

    /// Those in `<data_dir>/pki/`, or new ones where that has none yet.
    pub fn propose(data_dir: &Path, names: &ServingNames) -> Result<Self, Error> {
        if data_dir.join("pki").join(FILES[1]).exists() {
            return Self::read(&data_dir.join("pki"));
        }
        let draft = data_dir.join(DRAFT);
        Pki::open(&draft, names)?;
        let proposed = Self::read(&draft.join("pki"))?;
        std::fs::remove_dir_all(&draft).map_err(Error::file(&draft))?;
        Ok(proposed)
    }

    /// As text that another server's [`SharedPki::parse`] reads.
    pub fn render(&self) -> Vec<u8> {
        // A map of texts has a form.
        serde_json::to_vec(&self.0).unwrap_or_default()
    }

    /// Reads what [`SharedPki::render`] wrote.
    pub fn parse(text: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(text)
            .map(Self)
            .map_err(|error| Error::Certificate(format!("shared by servers: {error}")))
    }

    /// Puts them into `<data_dir>/pki/`.
    ///
    /// # Errors
    /// Where the folder belongs to another cluster, besides what files may fail with.
    pub fn adopt(&self, data_dir: &Path) -> Result<(), Error> {
        let folder = data_dir.join("pki");
        files::create_folder(&folder)?;
        for (name, content) in &self.0 {
            let path = folder.join(name);
            match files::read(&path)? {
                Some(there) if there == *content => {}
                Some(_) => {
                    let text =
                        format!("{} is of another cluster than etcd's: another --data-dir is needed", path.display());
                    return Err(Error::Certificate(text));
                }
                None => files::write_private(&path, content.as_bytes())?,
            }
        }
        Ok(())
    }

    pub(super) fn read(folder: &Path) -> Result<Self, Error> {
        let mut contents = BTreeMap::new();
        for name in FILES {
            let path = folder.join(name);
            let content = files::read(&path)?;
            let content = content.ok_or_else(|| Error::Certificate(format!("{} is missing", path.display())))?;
            contents.insert(name.to_owned(), content);
        }
        Ok(Self(contents))
    }
}
