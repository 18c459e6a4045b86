//! Names of training runs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Error;

/// A training run: `d4a4@cosine30#42` is arm d4a4 under schedule cosine30 with seed 42.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct RunId {
    /// Arm id.
    pub arm: String,
    /// Schedule id.
    pub schedule: String,
    /// Training seed.
    pub seed: u64,
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}#{}", self.arm, self.schedule, self.seed)
    }
}

impl FromStr for RunId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let parts = text.split_once('@').and_then(|(arm, rest)| Some((arm, rest.split_once('#')?)));
        match parts {
            Some((arm, (schedule, seed))) if !arm.is_empty() && !schedule.is_empty() => {
                let seed = seed.parse().map_err(|_| Error::RunId(text.to_owned()))?;
                Ok(Self { arm: arm.to_owned(), schedule: schedule.to_owned(), seed })
            }
            _ => Err(Error::RunId(text.to_owned())),
        }
    }
}

impl From<RunId> for String {
    fn from(run: RunId) -> Self {
        run.to_string()
    }
}

impl TryFrom<String> for RunId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}
