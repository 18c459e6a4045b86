//! Addresses and where redirects lead.

use proptest::prelude::*;

use crate::url::Address;

fn joined(base: &str, location: &str) -> String {
    Address::parse(base).unwrap().join(location).unwrap().to_string()
}

#[test]
fn relative_locations_are_resolved_as_the_standard_says() {
    // RFC 3986, section 5.4
    let base = "http://a/b/c/d;p?q";
    let cases = [
        ("g", "http://a/b/c/g"),
        ("./g", "http://a/b/c/g"),
        ("g/", "http://a/b/c/g/"),
        ("/g", "http://a/g"),
        ("//g", "http://g/"),
        ("?y", "http://a/b/c/d;p?y"),
        ("g?y", "http://a/b/c/g?y"),
        ("g?y#s", "http://a/b/c/g?y"),
        ("", "http://a/b/c/d;p?q"),
        (".", "http://a/b/c/"),
        ("..", "http://a/b/"),
        ("../g", "http://a/b/g"),
        ("../../g", "http://a/g"),
        ("../../../g", "http://a/g"),
        ("/./g", "http://a/g"),
        ("/../g", "http://a/g"),
        ("g.", "http://a/b/c/g."),
        ("..g", "http://a/b/c/..g"),
        ("./../g", "http://a/b/g"),
        ("g;x=1/../y", "http://a/b/c/y"),
        ("g?y/../x", "http://a/b/c/g?y/../x"),
        ("https://h:8/x", "https://h:8/x"),
    ];
    for (location, expected) in cases {
        assert_eq!(joined(base, location), expected, "{location}");
    }
    assert_eq!(joined("http://a", "b"), "http://a/b");
    assert_eq!(joined("http://a?q", "b"), "http://a/b");
}

#[test]
fn https_is_not_left() {
    let base = Address::parse("https://a/b").unwrap();
    assert!(base.join("http://a/b").unwrap_err().contains("https"));
    assert_eq!(base.join("//c/d").unwrap().to_string(), "https://c/d");
    assert_eq!(base.join("HTTPS://c/d").unwrap().to_string(), "https://c/d");
}

#[test]
fn what_is_no_address_is_refused() {
    let wrong = [
        "",
        "a",
        "/a",
        "ftp://a/b",
        "file:///a",
        "http://",
        "http:///a",
        "http://a b",
        "http://ä/",
        "http://u:p@a/",
        "http://:80/",
        "http://a\\b",
        "http:a",
        "javascript:x://",
    ];
    for text in wrong {
        assert!(Address::parse(text).is_err(), "{text}");
    }
    let base = Address::parse("http://a/").unwrap();
    for text in ["mailto:x@y", "ftp://a/b", "http://u@h/", "a\r\nX: y", "x y"] {
        assert!(base.join(text).is_err(), "{text}");
    }
}

#[test]
fn this_machine_is_known() {
    for text in ["http://127.0.0.1:80/", "http://localhost/", "https://[::1]:9/x", "http://127.3.2.1"] {
        assert!(Address::parse(text).unwrap().is_loopback(), "{text}");
    }
    for text in ["http://example.org/127.", "http://127.0.0.1.example/", "http://localhost.example/", "http://[::2]/"] {
        assert!(!Address::parse(text).unwrap().is_loopback(), "{text}");
    }
}

proptest! {
    #[test]
    fn locations_never_panic_and_lead_to_addresses(location in "[a-z:/.?#%@\\\\ ]{0,20}|.{0,20}") {
        let base = Address::parse("https://a/b/c?d").unwrap();
        if let Ok(to) = base.join(&location) {
            let text = to.to_string();
            prop_assert!(text.starts_with("https://"), "{}", text);
            prop_assert!(!text.contains("/../") || text.contains('?'), "{}", text);
            prop_assert_eq!(Address::parse(&text).unwrap(), to);
        }
    }
}
