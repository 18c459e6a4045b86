//! Any edit of a token that counts changes the digest; no edit of one that does not does.

use proc_macro2::{Group, Ident, Literal, Punct, TokenStream, TokenTree};
use proptest::prelude::*;

use crate::tokens::source;

/// Code with most of the constructs of the language and nothing that does not count.
const CODE: &str = r###"
use std::collections::BTreeMap;
pub(crate) const N: usize = 4_096;
static NAMES: [&str; 2] = ["a // b", r##"c "#d"# "##];
#[derive(Debug, Clone)]
pub struct Band<'a, T: Copy + 'a> where T: Into<f64> { pub low_hz: f32, high_hz: T, name: &'a str }
enum Kind { One, Two(u8, i16), Three { x: f64 } }
impl<'a, T: Copy + Into<f64>> Band<'a, T> {
    pub fn width(&self, scale: f32, kinds: &mut Vec<Kind>) -> Option<f64> {
        let mut sum = 0.0_f64;
        for (index, kind) in kinds.iter().enumerate().rev() {
            sum += match kind {
                Kind::One if index > 3 => 1.5e-3,
                Kind::Two(a, b) => f64::from(*a) - f64::from(*b) / 2.0,
                Kind::Three { x } => x.powi(2) % 7.0,
                _ => continue,
            };
        }
        while sum >= 10.0 && !kinds.is_empty() { kinds.pop()?; sum *= 0.5; }
        let add = move |x: f64, y: f64| -> f64 { x + y * -1.0 };
        if let Some(first) = kinds.first() { println!("{first:?} {}", add(sum, 2.0)); } else { return None; }
        assert!(matches!(kinds[0], Kind::One | Kind::Two(..)), "no {}", self.name);
        Some(add(sum, self.high_hz.into()) * f64::from(scale))
    }
}
macro_rules! table { ($name:ident: $($value:expr),*) => { pub const $name: [u32; 3] = [$($value << 1),*]; }; }
table!(TABLE: 1, 2, 0xff);
registry! { A4 => a4(8), D4 => d4(12) }
pub trait Stage { type Params; fn run(&self, params: &Self::Params) -> Result<(), Box<dyn std::error::Error>>; }
"###;

/// Number of leaves of a token tree.
fn count(stream: &TokenStream) -> usize {
    let leaves = |tree| match tree {
        TokenTree::Group(group) => count(&group.stream()),
        _ => 1,
    };
    stream.clone().into_iter().map(leaves).sum()
}

/// Applies `edit` to leaf number `at`.
fn edited(stream: TokenStream, at: &mut usize, edit: &dyn Fn(TokenTree) -> Vec<TokenTree>) -> TokenStream {
    let mut trees = Vec::new();
    for tree in stream {
        match tree {
            TokenTree::Group(group) => {
                let inner = edited(group.stream(), at, edit);
                trees.push(TokenTree::Group(Group::new(group.delimiter(), inner)));
            }
            leaf if *at == 0 => {
                trees.extend(edit(leaf));
                *at = usize::MAX;
            }
            leaf => {
                *at = at.wrapping_sub(1);
                trees.push(leaf);
            }
        }
    }
    trees.into_iter().collect()
}

fn edit(at: usize, edit: &dyn Fn(TokenTree) -> Vec<TokenTree>) -> String {
    edited(CODE.parse().expect("the code is tokens"), &mut at.clone(), edit).to_string()
}

/// Another token of the same sort.
fn other(tree: TokenTree) -> TokenTree {
    match tree {
        TokenTree::Ident(ident) => TokenTree::Ident(Ident::new(&format!("{ident}_"), ident.span())),
        TokenTree::Literal(literal) if literal.to_string() == "7" => Literal::u8_unsuffixed(8).into(),
        TokenTree::Literal(_) => Literal::u8_unsuffixed(7).into(),
        TokenTree::Punct(punct) => {
            let other = if punct.as_char() == '+' { '-' } else { '+' };
            Punct::new(other, punct.spacing()).into()
        }
        group @ TokenTree::Group(_) => group,
    }
}

fn leaves() -> usize {
    count(&CODE.parse().expect("the code is tokens"))
}

#[test]
fn tokens_printed_anew_are_the_same_code() {
    assert!(source(CODE).bytes.starts_with(b"file\0"));
    let printed: TokenStream = CODE.parse().expect("the code is tokens");
    super::same(CODE, &printed.to_string());
}

/// Asserts that `edit` of any one token that passes `filter` changes the digest.
fn all_differ(filter: impl Fn(&TokenTree) -> bool, change: impl Fn(TokenTree) -> Vec<TokenTree>) {
    let before = source(CODE).bytes;
    let mut tried = 0;
    for at in 0..leaves() {
        let hit = std::cell::Cell::new(false);
        let text = edit(at, &|leaf| {
            hit.set(filter(&leaf));
            if hit.get() { change(leaf) } else { vec![leaf] }
        });
        assert!(!hit.get() || source(&text).bytes != before, "the digest is the same:\n{text}");
        tried += usize::from(hit.get());
    }
    assert!(tried > 200, "{tried} edits are few");
}

#[test]
fn replacing_any_one_token_changes_the_digest() {
    all_differ(|_| true, |leaf| vec![other(leaf)]);
}

#[test]
fn removing_or_doubling_any_word_or_number_changes_the_digest() {
    let counts = |leaf: &TokenTree| !matches!(leaf, TokenTree::Punct(_));
    all_differ(counts, |_| vec![]);
    all_differ(counts, |leaf| vec![leaf.clone(), leaf]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn two_edits_are_told_apart(a in 0..leaves(), b in 0..leaves()) {
        prop_assume!(a != b);
        let (left, right) = (edit(a, &|leaf| vec![other(leaf)]), edit(b, &|leaf| vec![other(leaf)]));
        prop_assert_ne!(source(&left).bytes, source(&right).bytes);
    }

    #[test]
    fn a_number_is_told_from_any_other(a in any::<f64>(), b in any::<f64>()) {
        prop_assume!(a.is_finite() && b.is_finite() && a.to_bits() != b.to_bits());
        let with = |value: f64| source(&format!("const X: f64 = {value:?};")).bytes;
        prop_assert_ne!(with(a), with(b));
    }

    #[test]
    fn a_string_is_told_from_any_other(a in ".*", b in ".*") {
        prop_assume!(a != b);
        let with = |value: &str| source(&format!("const X: &str = {value:?};")).bytes;
        prop_assert_ne!(with(&a), with(&b));
    }

    #[test]
    fn comments_between_any_tokens_do_not_count(text in "[a-z \"'#{(]*", at in 0..leaves()) {
        // lines of the code end between tokens
        let lines: Vec<&str> = CODE.lines().collect();
        let line = at % lines.len();
        let commented: Vec<String> = lines
            .iter()
            .enumerate()
            .map(|(number, code)| if number == line { format!("{code} // {text}") } else { (*code).to_owned() })
            .collect();
        prop_assert_eq!(source(&commented.join("\n")).bytes, source(CODE).bytes);
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in "[ -~\n]{0,200}") {
        let once = source(&text);
        prop_assert_eq!(once, source(&text));
    }
}
