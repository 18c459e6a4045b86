//! The table that names a download.

use crate::{Download, Error};

fn good() -> Download {
    Download {
        url: "https://example.org/corpus-v1.zip".into(),
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".into(),
        size_bytes: Some(3),
        folder: "corpus-v1.0.0".into(),
    }
}

fn fault(download: &Download) -> &'static str {
    match download.check() {
        Err(Error::Invalid { field, .. }) => field,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_field_is_checked() {
    good().check().unwrap();
    let upper = Download { sha256: good().sha256.to_uppercase(), ..good() };
    upper.check().unwrap();
    assert_eq!(upper.digest().unwrap(), good().digest().unwrap());
    for url in ["", "example.org/a.zip", "ftp://example.org/a", "https://user:word@example.org/a", "https://"] {
        assert_eq!(fault(&Download { url: url.into(), ..good() }), "url", "{url}");
    }
    for sha256 in ["", "ba78", &"g".repeat(64), &"0".repeat(65), &"é".repeat(32)] {
        assert_eq!(fault(&Download { sha256: sha256.into(), ..good() }), "sha256", "{sha256}");
    }
    for folder in ["", ".", "..", "a/b", "/a", "a\\b", "C:", ".git", "a\0", "x".repeat(201).as_str()] {
        assert_eq!(fault(&Download { folder: folder.into(), ..good() }), "folder", "{folder}");
    }
    assert_eq!(fault(&Download { size_bytes: Some(0), ..good() }), "size_bytes");
}

#[test]
fn errors_say_field_value_and_what_is_expected() {
    let error = Download { sha256: "ba78".into(), ..good() }.check().unwrap_err();
    assert_eq!(error.to_string(), "sha256 = \"ba78\": 64 hexadecimal digits are expected");
}

#[test]
fn the_table_is_read_strictly() {
    let text = serde_json::to_string(&good()).unwrap();
    assert_eq!(serde_json::from_str::<Download>(&text).unwrap(), good());
    let unknown = text.replace("size_bytes", "size");
    assert!(serde_json::from_str::<Download>(&unknown).unwrap_err().to_string().contains("size"));
    let short = r#"{"url": "u", "sha256": "s", "folder": "f"}"#;
    assert_eq!(serde_json::from_str::<Download>(short).unwrap().size_bytes, None);
    assert!(serde_json::from_str::<Download>(r#"{"url": "u", "folder": "f"}"#).is_err());
    let schema = serde_json::to_value(schemars::schema_for!(Download)).unwrap();
    assert_eq!(schema["required"], serde_json::json!(["url", "sha256", "folder"]));
    assert_eq!(schema["additionalProperties"], false);
}
