//! Names of entries, checked: what is admitted stays below the target on every system.

use std::collections::BTreeSet;
use std::fmt;

use crate::work::FOLDER;

/// Longest name, bytes.
const LONGEST: usize = 1024;

/// Why an entry is not unpacked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unsafe {
    /// Its name starts at the root.
    Absolute,
    /// Its name goes up with `..`.
    Parent,
    /// Its name starts with a drive letter.
    Drive,
    /// Its name has a backslash, which separates folders elsewhere.
    Backslash,
    /// Its name has NUL or another control character.
    Control,
    /// Its name is not UTF-8.
    NotUtf8,
    /// Its name is empty.
    Empty,
    /// Its name is longer than 1,024 bytes.
    TooLong,
    /// It would write into the working folder of the download.
    Reserved,
    /// It is there twice.
    Twice,
    /// It is both a file and a folder.
    FileAndFolder,
    /// It shares bytes with another entry.
    Overlap,
    /// It is a link.
    Link,
    /// It is neither a file nor a folder, but a device, a pipe or something unknown.
    Special,
    /// It is stored with holes.
    Sparse,
    /// It is encrypted.
    Encrypted,
    /// It is compressed by a method other than deflate.
    Method(String),
}

impl fmt::Display for Unsafe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absolute => "has an absolute path",
            Self::Parent => "goes up with `..`",
            Self::Drive => "starts with a drive letter",
            Self::Backslash => "has a backslash in its name",
            Self::Control => "has a control character in its name",
            Self::NotUtf8 => "has a name that is not UTF-8",
            Self::Empty => "has no name",
            Self::TooLong => "has a name longer than 1024 bytes",
            Self::Reserved => "would write into the folder of the download itself",
            Self::Twice => "is there twice",
            Self::FileAndFolder => "is both a file and a folder",
            Self::Overlap => "shares bytes with another entry",
            Self::Link => "is a link",
            Self::Special => "is neither a file nor a folder",
            Self::Sparse => "is stored with holes, which is not supported",
            Self::Encrypted => "is encrypted",
            Self::Method(method) => return write!(f, "is compressed by {method}, only deflate is supported"),
        })
    }
}

/// A name in its plainest form: folders separated by one `/`, no `.`, no `..`. Empty for the target itself.
pub(super) fn plain(name: &str) -> Result<String, Unsafe> {
    if name.is_empty() {
        return Err(Unsafe::Empty);
    }
    if name.len() > LONGEST {
        return Err(Unsafe::TooLong);
    }
    if name.contains(char::is_control) {
        return Err(Unsafe::Control);
    }
    if name.contains('\\') {
        return Err(Unsafe::Backslash);
    }
    if name.starts_with('/') {
        return Err(Unsafe::Absolute);
    }
    let parts: Vec<&str> = name.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err(Unsafe::Parent);
    }
    if parts.first().is_some_and(|first| has_drive(first)) {
        return Err(Unsafe::Drive);
    }
    // Also where the file system does not tell upper from lower case.
    if parts.first().is_some_and(|first| first.eq_ignore_ascii_case(FOLDER)) {
        return Err(Unsafe::Reserved);
    }
    Ok(parts.join("/"))
}

fn has_drive(part: &str) -> bool {
    matches!(part.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

/// The names of an archive so far.
#[derive(Default)]
pub(super) struct Names {
    files: BTreeSet<String>,
    folders: BTreeSet<String>,
}

impl Names {
    /// Admits a file of that plain name.
    pub(super) fn file(&mut self, path: &str) -> Result<(), Unsafe> {
        if path.is_empty() {
            return Err(Unsafe::Empty);
        }
        if self.folders.contains(path) {
            return Err(Unsafe::FileAndFolder);
        }
        if let Some((folder, _)) = path.rsplit_once('/') {
            self.folder(folder)?;
        }
        if self.files.insert(path.to_owned()) { Ok(()) } else { Err(Unsafe::Twice) }
    }

    /// Admits a folder of that plain name; twice is once.
    pub(super) fn folder(&mut self, path: &str) -> Result<(), Unsafe> {
        let mut path = path;
        while !path.is_empty() && !self.folders.contains(path) {
            if self.files.contains(path) {
                return Err(Unsafe::FileAndFolder);
            }
            self.folders.insert(path.to_owned());
            path = path.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_made_plain() {
        for (name, expected) in
            [("a/b.mid", "a/b.mid"), ("./a//b/", "a/b"), ("./", ""), ("a b/ä…", "a b/ä…"), ("...", "...")]
        {
            assert_eq!(plain(name), Ok(expected.to_owned()), "{name}");
        }
    }

    #[test]
    fn names_that_may_lead_out_are_refused() {
        let cases = [
            ("", Unsafe::Empty),
            ("/etc/passwd", Unsafe::Absolute),
            ("../x", Unsafe::Parent),
            ("a/../../x", Unsafe::Parent),
            ("a/..", Unsafe::Parent),
            ("C:/x", Unsafe::Drive),
            ("c:x", Unsafe::Drive),
            ("..\\x", Unsafe::Backslash),
            ("a\0b", Unsafe::Control),
            ("a\x1b[2J", Unsafe::Control),
            (".hit-download/1.json", Unsafe::Reserved),
            ("./.HIT-download", Unsafe::Reserved),
        ];
        for (name, why) in cases {
            assert_eq!(plain(name), Err(why), "{name:?}");
        }
        assert_eq!(plain(&"a/".repeat(513)), Err(Unsafe::TooLong));
    }

    #[test]
    fn a_name_is_one_thing_once() {
        let mut names = Names::default();
        names.file("a/b").unwrap();
        names.folder("a").unwrap();
        names.folder("a").unwrap();
        names.file("a/c").unwrap();
        assert_eq!(names.file("a/b"), Err(Unsafe::Twice));
        assert_eq!(names.file("a"), Err(Unsafe::FileAndFolder));
        assert_eq!(names.folder("a/b"), Err(Unsafe::FileAndFolder));
        assert_eq!(names.file("a/b/c"), Err(Unsafe::FileAndFolder));
        assert_eq!(names.file(""), Err(Unsafe::Empty));
    }

    proptest! {
        #[test]
        fn what_is_admitted_is_below_the_target(name in "[./\\\\a:C\u{0}ä-]{0,12}|.{0,12}") {
            if let Ok(path) = plain(&name) {
                prop_assert!(Path::new(&path).components().all(|part| matches!(part, Component::Normal(_))));
                let again = if path.is_empty() { Ok(String::new()) } else { plain(&path) };
                // `./c:/x` is a drive only once it is plain: such a name must not come out.
                prop_assert_eq!(again, Ok(path.clone()));
            }
        }
    }
}
