//! What stages hand to each other: one file, or a tree of named files, both known by digest.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, Hasher};

/// One stored file: digest of its bytes and their number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FileRef {
    /// SHA-256 of the content.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
}

/// The value of one output of a stage.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Artifact {
    /// One file.
    File(FileRef),
    /// Files by name; names are relative, with `/` between parts.
    Tree(BTreeMap<String, FileRef>),
}

impl Artifact {
    /// Content digest: of the bytes of a file, or of the sorted listing of a tree.
    pub fn digest(&self) -> Digest {
        match self {
            Self::File(file) => file.digest,
            Self::Tree(files) => {
                let mut hasher = Hasher::default();
                hasher.update(b"hitrepro tree 1\0");
                for (name, file) in files {
                    hasher.update(format!("{name}\0{}\0{}\n", file.digest, file.size).as_bytes());
                }
                hasher.finish()
            }
        }
    }

    /// The files it consists of.
    pub fn files(&self) -> Vec<FileRef> {
        match self {
            Self::File(file) => vec![*file],
            Self::Tree(files) => files.values().copied().collect(),
        }
    }

    /// Bytes in all.
    pub fn size(&self) -> u64 {
        self.files().iter().map(|file| file.size).sum()
    }
}

/// A file ready to be read, its bytes already checked against its digest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenFile {
    /// Where it lies.
    pub path: PathBuf,
    /// What it is.
    pub file: FileRef,
}

/// The files of a tree, ready to be read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OpenTree(pub BTreeMap<String, OpenFile>);

impl OpenTree {
    /// Path of the file of that name.
    pub fn path(&self, name: &str) -> Option<&Path> {
        self.0.get(name).map(|file| file.path.as_path())
    }
}

/// An input of a running stage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Opened {
    /// One file.
    File(OpenFile),
    /// A tree of files.
    Tree(OpenTree),
}

/// Whether `name` may name a file in a tree: relative, `/`-separated, each part of `[A-Za-z0-9._#@+-]`, none `.` or `..`.
pub fn check_name(name: &str) -> bool {
    let fine = |c: char| c.is_ascii_alphanumeric() || "._#@+-".contains(c);
    !name.is_empty() && name.split('/').all(|part| !matches!(part, "" | "." | "..") && part.chars().all(fine))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &[u8]) -> FileRef {
        FileRef { digest: Digest::of(content), size: content.len() as u64 }
    }

    #[test]
    fn a_tree_is_known_by_names_and_contents() {
        let tree = |name: &str, content: &[u8]| Artifact::Tree(BTreeMap::from([(name.to_owned(), file(content))]));
        assert_eq!(tree("a", b"x").digest(), tree("a", b"x").digest());
        assert_ne!(tree("a", b"x").digest(), tree("b", b"x").digest());
        assert_ne!(tree("a", b"x").digest(), tree("a", b"y").digest());
        assert_ne!(tree("a", b"x").digest(), Artifact::File(file(b"x")).digest());
        assert_eq!(tree("a", b"xyz").size(), 3);
    }

    #[test]
    fn names_stay_inside() {
        for good in ["a", "audio/2004/x-1.flac", "train/d4a4@cosine#42"] {
            assert!(check_name(good), "{good}");
        }
        for bad in ["", "/a", "a/", "../a", "a/../b", "a//b", "a b", "a\0b", "."] {
            assert!(!check_name(bad), "{bad:?}");
        }
    }
}
