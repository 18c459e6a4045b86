//! The stage says what the library says, of files that it was given.

use hit_stage::{Context, Digest, FileRef, OpenFile, Opened, Stage};

use crate::{Audit, AuditPaper, Finding, csv};

const PUBLISHED: &str = r#"t.a.share = { value = 69.8, unit = "%", source = "Table 1" }
t.b.share = { value = 69.9, unit = "%", source = "Table 1" }"#;
const AUDIT: &str = "[[rule]]\nid = \"shares\"\nrule = \"grid\"\nvalue = \"t.*.share\"\nn = 500\nwhole = 100";

fn context(dir: &std::path::Path, published: &str, audit: &str) -> Context {
    let mut cx = Context::new(dir.join("out"), dir.join("scratch"));
    for (name, text) in [("published", published), ("audit", audit)] {
        let path = dir.join(name);
        fs_err::write(&path, text).unwrap();
        let file = FileRef { digest: Digest::of(text.as_bytes()), size: text.len() as u64 };
        cx.inputs.insert(name.to_owned(), Opened::File(OpenFile { path, file }));
    }
    cx
}

#[test]
fn findings_are_written_twice_and_read_back() {
    let dir = tempfile::tempdir().unwrap();
    AuditPaper {}.run(&mut context(dir.path(), PUBLISHED, AUDIT)).unwrap();
    let expected = Audit::of(("published.toml", PUBLISHED), ("audit.toml", AUDIT)).unwrap().findings().unwrap();
    let read = |name: &str| fs_err::read_to_string(dir.path().join("out").join(name)).unwrap();
    assert_eq!(serde_json::from_str::<Vec<Finding>>(&read("json")).unwrap(), expected);
    assert_eq!(read("csv"), csv(&expected));
    assert_eq!(expected.len(), 2);
}

#[test]
fn a_fault_names_the_file_of_the_project() {
    let dir = tempfile::tempdir().unwrap();
    let error = AuditPaper {}.run(&mut context(dir.path(), PUBLISHED, "rule = 3")).unwrap_err().to_string();
    assert!(error.contains("audit.toml"), "{error}");
    let error = AuditPaper {}.run(&mut context(dir.path(), "t = [", AUDIT)).unwrap_err().to_string();
    assert!(error.contains("published.toml"), "{error}");
}
