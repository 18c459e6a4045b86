//! Files that nobody meant well: no text makes the audit panic.

use proptest::prelude::*;

use super::{audit, audit_text, published};

#[test]
fn numbers_at_the_edge_of_f64() {
    let leaves = [("t.a", "1e308"), ("t.b", "-1e308"), ("t.c", "5e-324"), ("t.d", "1e-320"), ("t.n", "1000000000")];
    for rule in [
        "rule = \"statement\"\nthat = \"t.a * t.a - t.b * t.b > t.c / t.d\"",
        "rule = \"statement\"\nthat = \"sd(t.a, t.b) > floor(t.a) + log2(t.b)\"",
        "rule = \"grid\"\nvalue = \"t.?\"\nn = 500\nwhole = 100",
        "rule = \"grid\"\nvalue = \"t.?\"\nn = 1e9\nwhole = 1e-300",
        "rule = \"sd\"\nmean = \"t.a\"\nsd = \"t.a\"\nn = 500\nk = 5\nwhole = 100",
        "rule = \"sd\"\nmean = \"t.c\"\nsd = \"t.n\"\nn = \"t.n\"\nk = 1000\nwhole = 1",
        "rule = \"sd\"\nmean = \"t.c\"\nsd = \"t.b\"\nn = 5\nk = 9\nwhole = 1e-9",
        "rule = \"welch\"\na = { mean = \"t.a\", sd = \"t.b\" }\nb = { mean = \"t.b\", sd = \"t.a\" }\nn = 5\nlevel = 0.5",
        "rule = \"welch\"\na = { mean = \"t.a\", sd = \"t.c\" }\nb = { mean = \"t.b\", sd = \"t.c\" }\nn = 1\nlevel = 0.5",
        "rule = \"ratio\"\nvalue = \"t.c\"\nof = \"t.a\"\nto = \"t.c\"\nabout = 1e308",
        "rule = \"order\"\nby = \"t.*\"\nrank = \"t.*\"",
        "rule = \"order\"\nby = \"t.*\"\nlike = \"t.*\"",
    ] {
        let _ = audit(&leaves, rule);
    }
}

#[test]
fn nesting_without_end_is_refused() {
    let deep = format!("t.a = {{ value = {}1{}, source = \"s\" }}", "[".repeat(20_000), "]".repeat(20_000));
    assert!(audit_text(&deep, "").is_err());
    let keys = format!("{}x = {{ value = 1, source = \"s\" }}", "a.".repeat(20_000));
    let _ = audit_text(&keys, "");
}

proptest! {
    #[test]
    fn any_published_text(text in "[a-z=\\[\\]{}.,\"0-9 \n-]{0,120}") {
        let _ = audit_text(&text, "");
    }

    #[test]
    fn any_audit_text(text in "[a-z=\\[\\]{}.,\"0-9 \n*-]{0,120}") {
        let _ = audit_text(&published(&[("t.a", "1.0")]), &text);
    }

    #[test]
    fn any_values_in_any_rule(
        kind in prop::sample::select(vec!["grid", "mean-grid", "sd", "resolved", "equal", "delta", "order", "member", "statement", "sum"]),
        a in "-?[0-9]{1,4}(\\.[0-9]{1,3})?(e-?[0-9]{1,2})?",
        n in prop::sample::select(vec!["0", "1", "3", "500", "-7", "0.5", "1e300", "\"t.a\"", "\"t.n\""]),
        text in "[t*?.an{}\\[\\]0,+ <-]{0,12}",
    ) {
        let text = text.replace('"', "");
        let rule = format!(
            "rule = \"{kind}\"\nvalue = \"t.a\"\nmean = \"t.a\"\nsd = \"t.n\"\nn = {n}\nk = {n}\nwhole = 100\nof = \"{text}\"\nto = \"{text}\"\nis = \"{text}\"\nthat = \"{text}\"\nby = \"t.*\"\nrank = \"{text}\"\na = \"{text}\"\nb = \"t.a\""
        );
        // a rule refuses fields that it does not know, so keep those of its kind
        let known: &[&str] = match kind {
            "grid" => &["value", "n", "whole"],
            "mean-grid" => &["value", "n", "whole", "k"],
            "sd" => &["mean", "sd", "n", "k", "whole"],
            "resolved" => &["a", "b", "n", "whole"],
            "equal" => &["value", "is"],
            "delta" => &["value", "of", "to"],
            "order" => &["by", "rank"],
            "member" | "sum" => &["value", "of"],
            _ => &["that"],
        };
        let keep = |line: &&str| line.starts_with("rule") || known.contains(&line.split(' ').next().unwrap_or_default());
        let rule: Vec<&str> = rule.lines().filter(keep).collect();
        let leaf = format!("t.a = {{ value = {a}, source = \"s\" }}\nt.n = {{ value = 3.5, source = \"s\" }}");
        let _ = audit_text(&leaf, &format!("[[rule]]\nid = \"r\"\n{}", rule.join("\n")));
    }
}
