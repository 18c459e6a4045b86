//! Just enough of URLs to follow redirects: scheme, authority, path (RFC 3986, section 5).

use std::fmt;
use std::net::Ipv4Addr;

/// An `http` or `https` address without a fragment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Address {
    secure: bool,
    authority: String,
    /// Path and query; starts with `/`.
    path: String,
}

impl Address {
    /// Parses an absolute address.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (scheme, rest) = text.split_once("://").ok_or("an http:// or https:// address is expected")?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err("only http and https are known"),
        };
        check_characters(rest)?;
        let rest = without_fragment(rest);
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        check_authority(authority)?;
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Ok(Self { secure, authority: authority.to_owned(), path })
    }

    /// Where a redirect from here to `location` leads.
    pub(crate) fn join(&self, location: &str) -> Result<Self, &'static str> {
        check_characters(location)?;
        let location = without_fragment(location);
        let to = if has_scheme(location) {
            Self::parse(location)?
        } else if let Some(rest) = location.strip_prefix("//") {
            Self::parse(&format!("{}://{rest}", self.scheme()))?
        } else {
            Self { path: self.resolve(location), ..self.clone() }
        };
        if self.secure && !to.secure {
            return Err("it would leave https for http, where anyone on the way can read and change what is sent");
        }
        Ok(to)
    }

    /// Whether this machine itself is meant: no proxy is asked then.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = if self.authority.starts_with('[') {
            self.authority.split_inclusive(']').next().unwrap_or_default()
        } else {
            self.authority.split(':').next().unwrap_or_default()
        };
        let is_own = |ip: Ipv4Addr| ip.is_loopback();
        host == "localhost" || host == "[::1]" || host.parse().is_ok_and(is_own)
    }

    fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    fn resolve(&self, location: &str) -> String {
        let own_path = self.path.split('?').next().unwrap_or_default();
        match location.chars().next() {
            None => self.path.clone(),
            Some('?') => format!("{own_path}{location}"),
            Some('/') => without_dots(location),
            Some(_) => {
                let folder = &own_path[..=own_path.rfind('/').unwrap_or(0)];
                without_dots(&format!("{folder}{location}"))
            }
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme(), self.authority, self.path)
    }
}

fn check_characters(text: &str) -> Result<(), &'static str> {
    if text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        Ok(())
    } else {
        Err("blanks, backslashes and letters outside of ASCII must be written as %XX")
    }
}

fn check_authority(authority: &str) -> Result<(), &'static str> {
    if authority.is_empty() || authority.starts_with(':') {
        Err("the name of a host is expected after ://")
    } else if authority.contains('@') {
        Err("user names and passwords do not belong into an address that is published")
    } else {
        Ok(())
    }
}

fn without_fragment(text: &str) -> &str {
    text.split('#').next().unwrap_or_default()
}

fn has_scheme(text: &str) -> bool {
    let end = text.find([':', '/', '?']).unwrap_or(text.len());
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    text[end..].starts_with(':')
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text[..end].bytes().all(letters)
}

/// The path with `.` and `..` resolved; the query stays as it is.
fn without_dots(path: &str) -> String {
    let (path, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    let mut kept: Vec<&str> = Vec::new();
    let mut parts = path.split('/').skip(1).peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        match part {
            "." | ".." => {
                if part == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    format!("/{}{query}", kept.join("/"))
}
