//! What to download: the table `[downloads.<name>]` of `pipeline.toml`.

use hit_stage::Digest;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::url::Address;

/// An archive that someone else publishes, named by what it contains.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Download {
    /// Where the archive is: `http://` or `https://`.
    pub url: String,
    /// SHA-256 of the archive, 64 hexadecimal digits.
    pub sha256: String,
    /// Size of the archive, bytes. A server that offers another size is refused at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// The folder that the archive unpacks to, below the target.
    pub folder: String,
}

impl Download {
    /// Checks every field.
    ///
    /// # Errors
    /// [`Error::Invalid`] names the first field that is wrong.
    pub fn check(&self) -> Result<(), Error> {
        self.address()?;
        self.digest()?;
        if self.size_bytes == Some(0) {
            return Err(invalid("size_bytes", "0", "an archive has at least one byte"));
        }
        plain_name(&self.folder).map_err(|why| invalid("folder", &self.folder, why))
    }

    pub(crate) fn address(&self) -> Result<Address, Error> {
        Address::parse(&self.url).map_err(|why| invalid("url", &self.url, why))
    }

    pub(crate) fn digest(&self) -> Result<Digest, Error> {
        let digest = self.sha256.to_ascii_lowercase().parse();
        digest.map_err(|_| invalid("sha256", &self.sha256, "64 hexadecimal digits are expected"))
    }
}

fn invalid(field: &'static str, value: &str, why: &'static str) -> Error {
    Error::Invalid { field, value: value.to_owned(), why }
}

/// One component of a path that is neither hidden nor special anywhere.
fn plain_name(name: &str) -> Result<(), &'static str> {
    let special = |c: char| c.is_control() || matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|');
    match name {
        "" => Err("the name of a folder is expected"),
        _ if name.starts_with('.') => Err("a folder that starts with a dot is hidden or leaves the target"),
        _ if name.contains(special) => Err("a plain name of one folder is expected, without separators"),
        _ if name.len() > 200 => Err("the name is longer than 200 bytes"),
        _ => Ok(()),
    }
}
