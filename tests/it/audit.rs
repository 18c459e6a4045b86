//! `hitrepro audit` on our file, on another paper's, and on files that cannot be read.

use crate::project::{Project, stderr};

#[test]
fn the_published_numbers_are_held_against_each_other() {
    let project = Project::new();
    let findings = project.json(&["audit"]);
    let findings = findings.as_array().unwrap();
    let of = |verdict: &str| findings.iter().filter(|finding| finding["verdict"] == verdict).count();
    assert!(findings.len() > 100, "{}", findings.len());
    assert!(of("inconsistent") > 10 && of("consistent") > of("inconsistent"));
    for finding in findings {
        for key in ["id", "rule", "printed", "computed", "working", "source"] {
            assert!(finding[key].is_string(), "{finding}");
        }
    }
    let output = project.run(&["audit"]);
    assert_eq!(output.status.code(), Some(0), "what it finds is about the paper");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.starts_with("Inconsistent ("), "{text}");
}

#[test]
fn another_paper_can_be_audited() {
    let project = Project::new();
    let leaf =
        |name: &str, value: &str| format!("{name} = {{ value = {value}, unit = \"%\", source = \"Table 1\" }}\n");
    let published = format!("[t]\n{}{}{}", leaf("a", "50.1"), leaf("b", "40.0"), leaf("d", "9.0"));
    fs_err::write(project.path("other.toml"), published).unwrap();
    let rules = "[[rule]]\nid = \"difference\"\nrule = \"delta\"\nvalue = \"t.d\"\nof = \"t.a\"\nto = \"t.b\"\n";
    fs_err::write(project.path("rules.toml"), rules).unwrap();
    let findings = project.json(&["audit", "--published", "other.toml", "--rules", "rules.toml"]);
    assert_eq!(findings.as_array().unwrap().len(), 1);
    assert_eq!(findings[0]["verdict"], "inconsistent", "50.1 - 40.0 is not 9.0");
}

#[test]
fn files_that_cannot_be_understood_are_named() {
    let project = Project::new();
    let refused = project.run(&["audit", "--rules", "nowhere.toml"]);
    assert_ne!(refused.status.code(), Some(0));
    assert!(stderr(&refused).contains("nowhere.toml"), "{}", stderr(&refused));
    fs_err::write(project.path("rules.toml"), "[[rule]]\nid = \"x\"\nrule = \"delt\"\n").unwrap();
    let unknown = project.run(&["audit", "--rules", "rules.toml"]);
    assert_eq!(unknown.status.code(), Some(2), "{}", stderr(&unknown));
    assert!(stderr(&unknown).contains("delt"), "{}", stderr(&unknown));
}
