//! Comments, docs and tests do not count; what only looks like them does.

use super::{differ, same};
use crate::tokens::source;

#[test]
fn comments_and_docs_do_not_count() {
    same(
        "pub fn f(x: f32) -> f32 { x * 2.0 }",
        "//! A module.\n#![doc = \"more\"]\n/* a /* nested */ comment */\n/// Doubles.\n#[doc(hidden)]\npub fn f(\n    x: f32, // input\n) -> f32 {\n    //! inner docs\n    // why\n    x * /* here */ 2.0\n}\n",
    );
    same(
        "struct S { a: u8, b: u8 }",
        "/** S */ struct S {\n/// a\na: u8,\n/// b\n#[doc = include_str!(\"b.md\")]\nb: u8 }",
    );
    same("enum E { A, B(u8) }", "enum E {\n/// first\nA,\n/// second\nB(/** inner */ u8) }");
}

#[test]
fn text_that_looks_like_a_comment_counts() {
    differ("const A: &str = \"a // b\";", "const A: &str = \"a // c\";");
    differ("const A: &str = \"/* a */\";", "const A: &str = \"\";");
    differ("const A: &str = r#\"/// \"doc\" \"#;", "const A: &str = r#\"/// \"dod\" \"#;");
    differ("const A: &[u8] = b\"// 1\";", "const A: &[u8] = b\"// 2\";");
    differ("const A: char = '/';", "const A: char = '*';");
    same("const A: &str = \"// a\"; // b", "const A: &str = \"// a\"; // c \" d");
}

#[test]
fn raw_strings_are_not_their_cooked_twins() {
    differ("const A: &str = r\"\\n\";", "const A: &str = \"\\n\";");
    differ("const A: &str = r\"#[cfg(test)]\";", "const A: &str = r\"\";");
    same("const A: &str = r##\"a\"# // b\"##;", "// x\nconst A: &str = r##\"a\"# // b\"##;");
}

#[test]
fn line_ends_are_read_as_rustc_reads_them() {
    same("const A: &str = \"a\nb\";\nfn f() {}\n", "\u{feff}const A: &str = \"a\r\nb\";\r\nfn f() {}\r\n");
    differ("const A: &str = \"a\nb\";", "const A: &str = \"a b\";");
}

#[test]
fn test_modules_and_functions_do_not_count() {
    let code = "pub fn f() -> u8 { 1 }";
    for test in [
        "#[cfg(test)] mod tests { use super::*; #[test] fn t() { assert_eq!(f(), 1); } }",
        "#[cfg(test)] mod tests;",
        "#[test] fn t() { f(); }",
        "#[test] #[should_panic(expected = \"x\")] fn t() { f(); }",
        "#[cfg(test)] use std::fmt;",
        "#[cfg(test)] impl u8Ext for u8 { fn g(&self) {} }",
        "#[cfg(test)] macro_rules! m { () => {} }",
        "#[cfg(all(test, feature = \"x\"))] fn helper() {}",
        "#[cfg(all(feature = \"x\", any(test, all(test, unix))))] fn helper() {}",
        "#[cfg(not(not(test)))] fn helper() {}",
        "#[cfg(not(any(not(test), unix)))] fn helper() {}",
        "#[cfg(doctest)] struct Readme;",
        "#[allow(dead_code)] #[cfg(test)] static X: u8 = 1;",
    ] {
        same(code, &format!("{code} {test}"));
        same(code, &format!("{test} {code}"));
        same(&format!("mod a {{ {code} }}"), &format!("mod a {{ {code} {test} }}"));
        same("fn g() { let x = 1; }", &format!("fn g() {{ {} let x = 1; }}", test.replace("mod tests;", "mod t {}")));
    }
}

#[test]
fn conditions_that_may_hold_outside_tests_count() {
    let code = "pub fn f() {}";
    for kept in [
        "#[cfg(not(test))] fn g() {}",
        "#[cfg(any(test, feature = \"x\"))] fn g() {}",
        "#[cfg(feature = \"test\")] fn g() {}",
        "#[cfg(not(all(test, unix)))] fn g() {}",
        "#[cfg(tests)] fn g() {}",
        "#[cfg_attr(unix, cfg(test))] fn g() {}",
        "#[tested] fn g() {}",
    ] {
        differ(code, &format!("{code} {kept}"));
        differ(&format!("{code} {kept}"), &format!("{code} {}", kept.replace("g()", "h()")));
    }
    // false in every build, so it is no code either
    same(code, &format!("{code} #[cfg(any())] fn g() {{}}"));
}

#[test]
fn tests_are_found_wherever_an_attribute_may_stand() {
    same("impl S { fn a() {} }", "impl S { fn a() {} #[cfg(test)] fn b() {} #[cfg(test)] const C: u8 = 1; }");
    same("trait T { fn a(); }", "trait T { fn a(); #[cfg(test)] fn b() {} #[cfg(test)] type X; }");
    same("struct S { a: u8 }", "struct S { a: u8, #[cfg(test)] b: u8 }");
    same("struct S(u8);", "struct S(#[cfg(test)] u16, u8);");
    same("enum E { A }", "enum E { A, #[cfg(test)] B { x: u8 } }");
    same("extern \"C\" { fn a(); }", "extern \"C\" { fn a(); #[cfg(test)] fn b(); }");
    same("fn f(a: u8) {}", "fn f(a: u8, #[cfg(test)] b: u8) {}");
    same("fn f<T>() {}", "fn f<T, #[cfg(test)] U>() {}");
    same("fn f() { a(1); }", "fn f() { #[cfg(test)] let x = 1; a(1); #[cfg(test)] { b(); } #[cfg(test)] c!(); }");
    same("fn f() { a(); }", "fn f() { a(); #[cfg(test)] x.y += 1; #[cfg(test)] b().c(); }");
    same("fn f() { m(|x| { a(x) }); }", "fn f() { m(|x| { #[cfg(test)] let y = x; a(x) }); }");
    same("fn f() { S { a: 1 }; }", "fn f() { S { a: 1, #[cfg(test)] b: 2 }; }");
    same("fn f() { let S { a } = s; }", "fn f() { let S { a, #[cfg(test)] b } = s; }");
    same(
        "fn f() { match x { 1 => a(), _ => b() } }",
        "fn f() { match x { 1 => a(), #[cfg(test)] 2 => c(), _ => b() } }",
    );
    same(
        "fn f() { g(1, [2], (3, 4)); }",
        "fn f() { g(1, #[cfg(test)] 9, [2, #[cfg(test)] 9], (3, #[cfg(test)] 9, 4)); }",
    );
    same(
        "mod a { mod b { fn f() {} } }",
        "mod a { mod b { fn f() {} #[cfg(test)] mod c { mod d {} } } #[cfg(test)] mod e {} }",
    );
    same("mod a {}", "mod a {} mod b { #![cfg(test)] fn f() {} }");
}

#[test]
fn a_file_may_be_a_test_as_a_whole() {
    let source = source("#![cfg(test)]\nfn f() {}\nmod helper;\n");
    assert!(source.test_only);
    assert_eq!(source.bytes, super::source("").bytes.iter().copied().chain(inner_cfg_test()).collect::<Vec<u8>>());
}

/// The attribute itself stays: it is the caller that leaves such a file out.
fn inner_cfg_test() -> Vec<u8> {
    super::source("#![cfg(test)]").bytes[b"file\0".len()..].to_vec()
}

#[test]
fn conditional_attributes_lose_their_docs_and_what_only_tests_have() {
    same("struct S;", "#[cfg_attr(test, derive(Debug))] struct S;");
    same("struct S;", "#[cfg_attr(all(test, unix), derive(Debug), allow(dead_code))] struct S;");
    same("struct S;", "#[cfg_attr(docsrs, doc(cfg(unix)))] struct S;");
    same("#[cfg_attr(unix, derive(Debug))] struct S;", "#[cfg_attr(unix, doc = \"S\", derive(Debug))] struct S;");
    differ("struct S;", "#[cfg_attr(unix, derive(Debug))] struct S;");
    differ("struct S;", "#[cfg_attr(not(test), derive(Debug))] struct S;");
    differ("#[cfg_attr(unix, derive(Debug))] struct S;", "#[cfg_attr(windows, derive(Debug))] struct S;");
}

#[test]
fn attributes_count() {
    differ("fn f() {}", "#[inline] fn f() {}");
    differ("#[derive(A)] struct S;", "#[derive(A, B)] struct S;");
    differ("#[serde(rename = \"a\")] struct S;", "#[serde(rename = \"b\")] struct S;");
    differ("fn f() {}", "#![recursion_limit = \"256\"] fn f() {}");
}

#[test]
fn macros_count_without_their_docs_and_comments() {
    same(
        "registry! { A4 => a4, D4 => d4 }",
        "registry! {\n    /// Octave bands.\n    A4 => a4, // first\n    #[doc = \"pitch\"]\n    D4 => d4\n}",
    );
    differ("registry! { A4 => a4 }", "registry! { A4 => a5 }");
    same(
        "macro_rules! m { ($x:expr) => { $x + 1 } }",
        "/// m\nmacro_rules! m {\n// one\n($x:expr) => { /* a */ $x + 1 } }",
    );
    differ("macro_rules! m { ($x:expr) => { $x + 1 } }", "macro_rules! m { ($x:expr) => { $x + 2 } }");
    differ("macro_rules! m { ($x:expr) => { $x } }", "macro_rules! m { ($x:tt) => { $x } }");
    differ("macro_rules! m { ($($x:expr),*) => { [$($x),*] } }", "macro_rules! m { ($($x:expr),*) => { [$($x);*] } }");
    differ("macro_rules! m { ($x:expr, $y:expr) => { $x } }", "macro_rules! m { ($x:expr, $y:expr) => { $y } }");
    differ("fn f() { log!(\"a {}\", x); }", "fn f() { log!(\"a {}\", y); }");
    differ("fn f() { m!(a); }", "fn f() { n!(a); }");
    // how operators are glued can matter to a macro
    differ("m! { a >> b }", "m! { a > > b }");
    differ("m! { a => b }", "m! { a = > b }");
    same("m! { x=-1 }", "m! { x = -1 }");
}

#[test]
fn nesting_and_boundaries_are_unambiguous() {
    differ("fn f() { a(b, c) }", "fn f() { a((b, c)) }");
    differ("m! { (a) b }", "m! { (a b) }");
    differ("m! { [a] }", "m! { (a) }");
    differ("m! { ab }", "m! { a b }");
    differ("m! { \"a\" \"b\" }", "m! { \"ab\" }");
    differ("m! { 'a }", "m! { a }");
    differ("m! { r#a }", "m! { a }");
}

#[test]
fn code_that_is_no_file_counts_token_by_token() {
    let (left, right) = (source("a + b // c"), source("a + b"));
    assert!(left.bytes.starts_with(b"tokens\0"));
    assert_eq!(left.bytes, right.bytes);
    differ("a + b", "a + c");
}

#[test]
fn text_that_is_not_rust_counts_as_it_stands() {
    assert!(source("a ) b").bytes.starts_with(b"text\0"));
    differ("a ) b", "a )  b");
}

#[test]
fn flat_tokens_are_the_code_alone() {
    let text =
        "//! Docs\nuse std::fs; /// f\nfn f() -> u8 { m!(#[doc = \"x\"] a) >= \"// b\" } // c\n#[test] fn t() {}";
    let expected = r#"use std :: fs ; fn f ( ) -> u8 { m ! ( a ) >= "// b" }"#;
    assert_eq!(crate::flat_tokens(text, false).expect("it parses").join(" "), expected);
    let with_tests = format!("{expected} # [ test ] fn t ( ) {{ }}");
    assert_eq!(crate::flat_tokens(text, true).expect("it parses").join(" "), with_tests);
    assert_eq!(crate::flat_tokens("fn f(", true), None);
}
