//! From the text of a source file to the bytes that its digest is taken of.
//!
//! The text is parsed, tests and docs are removed ([`crate::strip`]), the layout choices of rustfmt
//! are undone ([`crate::layout`]) and the tokens that remain are written down unambiguously. A file
//! that `syn` cannot parse counts with its tokens as they stand, and one that is not even tokens
//! with its bytes: such a digest is more sensitive than needed, never less.

use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, Group, Punct, Spacing, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::visit_mut::VisitMut as _;

use crate::layout::Layout;
use crate::modules::{self, ModDecl};
use crate::strip::{self, Strip};

/// What a source file says, freed of what does not count.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Source {
    /// Encoded tokens, or the text where it does not parse.
    pub(crate) bytes: Vec<u8>,
    /// `mod name;` declarations, tests included.
    pub(crate) declarations: Vec<ModDecl>,
    /// Folders of inline modules that exist in tests only, as names below the folder of this module.
    pub(crate) test_folders: Vec<PathBuf>,
    /// The file opens with `#![cfg(test)]` or an equivalent.
    pub(crate) test_only: bool,
    /// Files named by `include!`, `include_str!` and `include_bytes!` outside tests and docs.
    pub(crate) includes: Vec<Include>,
}

/// One `include!`, `include_str!` or `include_bytes!`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Include {
    /// `include!`: the file is code. Otherwise it is data.
    pub(crate) code: bool,
    /// What is included.
    pub(crate) target: Target,
}

/// The argument of an include macro, as far as it can be known without expanding macros.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// A path relative to the file that includes it.
    BesideFile(String),
    /// A path relative to the crate's folder (`env!("CARGO_MANIFEST_DIR")`).
    InCrate(String),
    /// A path whose end is a macro's metavariable: any file of a folder.
    Folder(Box<Target>),
    /// A file that the build script makes (`env!("OUT_DIR")`).
    Generated,
    /// Anything else, as written.
    Unknown(String),
}

/// Reads the text of a Rust source file.
///
/// Line ends are read as rustc reads them: `\r\n` is `\n`, also in string literals.
pub(crate) fn source(text: &str) -> Source {
    let text = as_rustc_reads(text);
    let Ok(mut file) = syn::parse_file(&text) else {
        return unparsed(&text);
    };
    let test_only = strip::test_only(&file.attrs);
    let (declarations, test_folders) = modules::declarations(&file.items);
    Strip.visit_file_mut(&mut file);
    Layout.visit_file_mut(&mut file);
    file.shebang = None;
    let mut encoder = Encoder { bytes: b"file\0".to_vec(), includes: Vec::new() };
    encoder.stream(file.to_token_stream());
    Source { bytes: encoder.bytes, declarations, test_folders, test_only, includes: encoder.includes }
}

fn as_rustc_reads(text: &str) -> String {
    text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n")
}

/// The tokens of a source file without comments and docs, one by one; groups are opened and closed.
pub(crate) fn flat(text: &str, with_tests: bool) -> Option<Vec<String>> {
    let mut file = syn::parse_file(&as_rustc_reads(text)).ok()?;
    if !with_tests {
        Strip.visit_file_mut(&mut file);
    }
    file.shebang = None;
    let mut tokens = Vec::new();
    flatten(file.into_token_stream(), &mut tokens);
    Some(tokens)
}

fn flatten(stream: TokenStream, tokens: &mut Vec<String>) {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let mut at = 0;
    while at < trees.len() {
        let skip = doc_attribute(&trees[at..]);
        match &trees[at] {
            _ if skip > 0 => {}
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                tokens.push(open.to_owned());
                flatten(group.stream(), tokens);
                tokens.push(close.to_owned());
            }
            TokenTree::Punct(punct) => {
                let glue = trees[..at]
                    .last()
                    .is_some_and(|previous| matches!(previous, TokenTree::Punct(previous) if glued(previous, punct)));
                match tokens.last_mut() {
                    Some(last) if glue => last.push(punct.as_char()),
                    _ => tokens.push(punct.as_char().to_string()),
                }
            }
            leaf => tokens.push(leaf.to_string()),
        }
        at += skip.max(1);
    }
}

/// A fragment for `include!`, or a file beyond `syn`'s grammar: its tokens, else its text.
fn unparsed(text: &str) -> Source {
    let Ok(stream) = text.parse::<TokenStream>() else {
        return Source { bytes: [b"text\0", text.as_bytes()].concat(), ..Source::default() };
    };
    let mut encoder = Encoder { bytes: b"tokens\0".to_vec(), includes: Vec::new() };
    encoder.stream(stream);
    Source { bytes: encoder.bytes, includes: encoder.includes, ..Source::default() }
}

/// Tokens without layout as text: equal strings are equal code. Used as a key for sorting.
pub(crate) fn text_of(node: &impl quote::ToTokens) -> String {
    node.to_token_stream().to_string()
}

/// Writes tokens so that different token trees give different bytes.
struct Encoder {
    bytes: Vec<u8>,
    includes: Vec<Include>,
}

impl Encoder {
    fn stream(&mut self, stream: TokenStream) {
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        let mut at = 0;
        while at < trees.len() {
            let skip = doc_attribute(&trees[at..]);
            if skip > 0 {
                at += skip;
                continue;
            }
            self.include(&trees[at..]);
            self.tree(&trees[at], trees.get(at + 1));
            at += 1;
        }
    }

    fn tree(&mut self, tree: &TokenTree, next: Option<&TokenTree>) {
        match tree {
            TokenTree::Group(group) => self.group(group),
            TokenTree::Ident(ident) => self.leaf(b'i', &ident.to_string()),
            TokenTree::Literal(literal) => self.leaf(b'l', &literal.to_string()),
            TokenTree::Punct(punct) => {
                let joint = matches!(next, Some(TokenTree::Punct(next)) if glued(punct, next));
                self.leaf(if joint { b'j' } else { b'p' }, punct.as_char().encode_utf8(&mut [0; 4]));
            }
        }
    }

    fn group(&mut self, group: &Group) {
        let delimiter = match group.delimiter() {
            Delimiter::Parenthesis => b'(',
            Delimiter::Bracket => b'[',
            Delimiter::Brace => b'{',
            Delimiter::None => return self.stream(group.stream()),
        };
        self.bytes.push(delimiter);
        self.stream(group.stream());
        self.bytes.push(b')');
    }

    fn leaf(&mut self, kind: u8, text: &str) {
        self.bytes.push(kind);
        self.bytes.extend((text.len() as u64).to_le_bytes());
        self.bytes.extend(text.as_bytes());
    }

    /// Notes the file that an include macro starting here names.
    fn include(&mut self, trees: &[TokenTree]) {
        let [TokenTree::Ident(name), TokenTree::Punct(bang), TokenTree::Group(argument), ..] = trees else { return };
        let code = name == "include";
        if bang.as_char() != '!' || !(code || name == "include_str" || name == "include_bytes") {
            return;
        }
        self.includes.push(Include { code, target: target(&argument.stream()) });
    }
}

/// Number of tokens of the `#[doc ..]` or `#![doc ..]` that `trees` start with; 0 if they do not.
///
/// `syn` hands attributes to [`Strip`]; this finds the ones inside the token streams of macros.
fn doc_attribute(trees: &[TokenTree]) -> usize {
    let is = |tree: &TokenTree, c: char| matches!(tree, TokenTree::Punct(punct) if punct.as_char() == c);
    let is_doc = |tree: &TokenTree| match tree {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Bracket => {
            matches!(group.stream().into_iter().next(), Some(TokenTree::Ident(ident)) if ident == "doc")
        }
        _ => false,
    };
    match trees {
        [hash, attribute, ..] if is(hash, '#') && is_doc(attribute) => 2,
        [hash, bang, attribute, ..] if is(hash, '#') && is(bang, '!') && is_doc(attribute) => 3,
        _ => 0,
    }
}

/// Whether two neighbouring characters are one operator: the only case in which space between them matters.
fn glued(first: &Punct, second: &Punct) -> bool {
    const PAIRS: [&str; 22] = [
        "&&", "||", "<<", ">>", "+=", "-=", "*=", "/=", "%=", "^=", "&=", "|=", "==", "!=", ">=", "<=", "->", "=>",
        "::", "..", ".=", "<-",
    ];
    first.spacing() == Spacing::Joint && PAIRS.iter().any(|pair| pair.chars().eq([first.as_char(), second.as_char()]))
}

/// Reads the argument of an include macro.
fn target(argument: &TokenStream) -> Target {
    let unknown = || Target::Unknown(argument.to_string());
    let mut parts = Vec::new();
    if !path_parts(argument.clone(), &mut parts) {
        return unknown();
    }
    let folder = matches!(parts.last(), Some(Part::Variable));
    while matches!(parts.last(), Some(Part::Variable)) {
        parts.pop();
    }
    let in_crate = matches!(parts.first(), Some(Part::CrateDir));
    if matches!(parts.first(), Some(Part::OutDir)) {
        return Target::Generated;
    }
    let mut path = String::new();
    for part in &parts[usize::from(in_crate)..] {
        match part {
            Part::Text(text) => path.push_str(text),
            _ => return unknown(),
        }
    }
    if folder {
        match path.rfind('/') {
            Some(end) => path.truncate(end),
            // a bare metavariable: nothing is known of the path
            None => return unknown(),
        }
    }
    let path = path.trim_start_matches(if in_crate { "/" } else { "" }).to_owned();
    let target = if in_crate { Target::InCrate(path) } else { Target::BesideFile(path) };
    if folder { Target::Folder(Box::new(target)) } else { target }
}

/// A piece of the path given to an include macro.
enum Part {
    Text(String),
    CrateDir,
    OutDir,
    Variable,
}

/// Splits an include's argument; false if it holds something that only the compiler can know.
fn path_parts(argument: TokenStream, parts: &mut Vec<Part>) -> bool {
    let trees: Vec<TokenTree> = argument.into_iter().collect();
    match trees.as_slice() {
        [TokenTree::Literal(literal)] | [TokenTree::Literal(literal), TokenTree::Punct(_)] => {
            let Ok(text) = syn::parse2::<syn::LitStr>(TokenTree::from(literal.clone()).into()) else { return false };
            parts.push(Part::Text(text.value()));
            true
        }
        [TokenTree::Ident(name), TokenTree::Punct(bang), TokenTree::Group(group)] if bang.as_char() == '!' => {
            if name == "concat" {
                return split_commas(group.stream()).into_iter().all(|part| path_parts(part, parts));
            }
            let variable = group.stream().to_string();
            match (name.to_string().as_str(), variable.trim_matches(['"', ',', ' '])) {
                ("env", "CARGO_MANIFEST_DIR") => parts.push(Part::CrateDir),
                ("env", "OUT_DIR") => parts.push(Part::OutDir),
                _ => return false,
            }
            true
        }
        [TokenTree::Punct(dollar), TokenTree::Ident(_)] if dollar.as_char() == '$' => {
            parts.push(Part::Variable);
            true
        }
        [TokenTree::Ident(name)] if Layout::is_metavariable(name) => {
            parts.push(Part::Variable);
            true
        }
        _ => false,
    }
}

/// Splits at the commas of the top level; a trailing comma adds no part.
fn split_commas(stream: TokenStream) -> Vec<TokenStream> {
    let mut parts = vec![TokenStream::new()];
    for tree in stream {
        match &tree {
            TokenTree::Punct(punct) if punct.as_char() == ',' => parts.push(TokenStream::new()),
            _ => parts.last_mut().expect("never empty").extend([tree]),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

impl Target {
    /// Where the file or folder is, for a `file` of the crate in `crate_dir`; `None` if that is not known.
    pub(crate) fn path(&self, file: &Path, crate_dir: &Path) -> Option<PathBuf> {
        match self {
            Target::BesideFile(path) => Some(file.parent()?.join(path)),
            Target::InCrate(path) => Some(crate_dir.join(path)),
            Target::Folder(folder) => folder.path(file, crate_dir),
            Target::Generated | Target::Unknown(_) => None,
        }
    }
}
