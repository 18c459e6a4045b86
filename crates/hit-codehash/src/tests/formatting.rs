//! What rustfmt changes does not count; what it would never change does.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::{differ, same};

#[test]
fn trailing_commas_do_not_count() {
    for (with, without) in [
        ("fn f(a: u8, b: u8,) {}", "fn f(a: u8, b: u8) {}"),
        ("fn f<T, U,>() where T: A + B, U: C, {}", "fn f<T, U>() where T: A + B, U: C {}"),
        ("struct S { a: u8, b: Vec<u8,>, }", "struct S { a: u8, b: Vec<u8> }"),
        ("struct S(u8, u16,);", "struct S(u8, u16);"),
        ("enum E { A, B { x: u8, }, }", "enum E { A, B { x: u8 } }"),
        ("const A: [u8; 2] = [1, 2,];", "const A: [u8; 2] = [1, 2];"),
        ("const A: (u8, u8,) = (1, 2,);", "const A: (u8, u8) = (1, 2);"),
        ("fn f() { g(1,); h.i(2, 3,); }", "fn f() { g(1); h.i(2, 3); }"),
        ("fn f() { let S { a, b, } = S { a: 1, b: 2, }; }", "fn f() { let S { a, b } = S { a: 1, b: 2 }; }"),
        (
            "fn f() { let (a, b,) = x; let [c, d,] = y; let T(e,) = z; }",
            "fn f() { let (a, b) = x; let [c, d] = y; let T(e) = z; }",
        ),
        (
            "fn f() { match x { 1 => a, 2 => { b } _ => { c(); }, } }",
            "fn f() { match x { 1 => a, 2 => b, _ => { c(); } } }",
        ),
        ("fn f() { let g = |a, b,| a; }", "fn f() { let g = |a, b| a; }"),
        ("type F = fn(u8, u8,) -> u8;", "type F = fn(u8, u8) -> u8;"),
        ("type F = Box<dyn Fn(u8,) -> u8,>;", "type F = Box<dyn Fn(u8) -> u8>;"),
        ("use a::{b, c,};", "use a::{b, c};"),
        ("#[derive(A, B,)] struct S;", "#[derive(A, B)] struct S;"),
        ("#[expect(x, reason = \"y\",)] struct S;", "#[expect(x, reason = \"y\")] struct S;"),
        ("fn f() { vec![1, 2,]; }", "fn f() { vec!(1, 2); }"),
        ("fn f() { assert!(g(1, 2,), \"x\"); }", "fn f() { assert!(g(1, 2), \"x\"); }"),
        ("macro_rules! m { ($x:expr) => { f($x, 1,) } }", "macro_rules! m { ($x:expr) => { f($x, 1) }; }"),
        ("macro_rules! m { () => { fn f(&self,) -> u8; } }", "macro_rules! m { () => { fn f(&self) -> u8; } }"),
    ] {
        same(with, without);
    }
}

#[test]
fn commas_with_a_meaning_count() {
    differ("const A: (u8,) = (1,);", "const A: (u8) = (1,);");
    differ("const A: (u8,) = (1,);", "const A: (u8,) = (1);");
    differ("fn f() { let (a,) = x; }", "fn f() { let (a) = x; }");
    differ("fn f() { g!(x,); }", "fn f() { g!(x); }");
    differ("fn f() { g!((x,)); }", "fn f() { g!((x)); }");
    differ("fn f() { g! { h(x,) } }", "fn f() { g! { h(x) } }");
    differ("fn f() { vec![(1,)]; }", "fn f() { vec![(1)]; }");
    differ("macro_rules! m { ($x:expr) => { ($x,) } }", "macro_rules! m { ($x:expr) => { ($x) } }");
    differ("macro_rules! m { ($x:expr,) => {} }", "macro_rules! m { ($x:expr) => {} }");
}

#[test]
fn other_choices_of_rustfmt_do_not_count() {
    for (left, right) in [
        ("fn f() { let g = |x| { x + 1 }; }", "fn f() { let g = |x| x + 1; }"),
        ("fn f() { let g = |x| { { h!(x) } }; }", "fn f() { let g = |x| h!(x); }"),
        (
            "fn f() { match x { A => { return 1; } B => return 2, } }",
            "fn f() { match x { A => return 1, B => { return 2 } } }",
        ),
        ("fn f() { loop { break } }", "fn f() { loop { break; } }"),
        ("fn f() { ;; a(); ; }", "fn f() { a(); }"),
        ("fn f() -> () {}", "fn f() {}"),
        ("fn f() { ((a + b)) * (((c))) }", "fn f() { (a + b) * (c) }"),
        ("fn f() { match x { | A | B => 1, | C => 2 } }", "fn f() { match x { A | B => 1, C => 2 } }"),
        ("use b; use a;", "use a; use b;"),
        ("use a::{c, b}; use a::{d};", "use a::d; use a::{b, c};"),
        ("use a::{b::{c}, {d, e}};", "use a::{b::c, d, e};"),
        ("mod b; mod a; fn f() {}", "mod a; mod b; fn f() {}"),
        ("extern crate b; extern crate a;", "extern crate a; extern crate b;"),
        ("fn f() { use b::B; use a::A; g() }", "fn f() { use a::A; use b::B; g() }"),
        ("#[derive(A)] #[derive(B)] struct S;", "#[derive(A, B)] struct S;"),
        ("extern fn f() {}", "extern \"C\" fn f() {}"),
        ("fn f<>() where {}", "fn f() {}"),
        ("pub(in crate) fn f() {}", "pub(crate) fn f() {}"),
        ("macro_rules! m { ($x:expr) => ( |y| { $x } ) }", "macro_rules! m [ ($x:expr) => { |y| $x }; ];"),
    ] {
        same(left, right);
    }
}

#[test]
fn what_resembles_those_choices_counts() {
    differ("fn f() { let g = |x| { x; }; }", "fn f() { let g = |x| x; }");
    differ("fn f() { match x { A => { 'a: { b } } } }", "fn f() { match x { A => b } }");
    differ("fn f() { match x { A => unsafe { b } } }", "fn f() { match x { A => b } }");
    differ("fn f() { g(); h() }", "fn f() { g(); h(); }");
    differ("fn f() { let x = { a }; }", "fn f() { let x = a; }");
    differ("fn f() { (a + b) * c }", "fn f() { a + b * c }");
    differ("#[macro_use] mod a; mod b;", "mod b; #[macro_use] mod a;");
    differ("use a::{self};", "use a;");
    differ("use a as b;", "use a;");
    differ("fn a() {} fn b() {}", "fn b() {} fn a() {}");
    differ("fn f() -> (()) {}", "fn f() -> u8 {}");
    differ("extern \"C\" fn f() {}", "extern \"system\" fn f() {}");
}

/// rustfmt's answer at a width, if rustfmt is installed.
fn rustfmt(text: &str, options: &str) -> Option<String> {
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--emit", "stdout", "--quiet", "--config", options])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take()?.write_all(text.as_bytes()).expect("rustfmt reads its input");
    let output = child.wait_with_output().expect("rustfmt ends");
    assert!(output.status.success(), "rustfmt failed at {options}");
    Some(String::from_utf8(output.stdout).expect("rustfmt writes UTF-8"))
}

#[test]
fn rustfmt_at_any_width_leaves_the_sources_of_this_crate_the_same() {
    let sources = [
        include_str!("../closure.rs"),
        include_str!("../files.rs"),
        include_str!("../layout.rs"),
        include_str!("../manifest.rs"),
        include_str!("../modules.rs"),
        include_str!("../strip.rs"),
        include_str!("../tokens.rs"),
        include_str!("blind.rs"),
        include_str!("edits.rs"),
        include_str!("workspace.rs"),
    ];
    let mut changed = 0;
    for options in ["max_width=50", "max_width=80,use_small_heuristics=Off", "max_width=250,use_small_heuristics=Max"] {
        for text in sources {
            let Some(formatted) = rustfmt(text, options) else {
                eprintln!("rustfmt is not installed: formatting is tested on the examples alone");
                return;
            };
            changed += usize::from(formatted != text);
            same(text, &formatted);
        }
    }
    assert!(changed > sources.len(), "rustfmt changed {changed} texts only, so little was tested");
}
