//! Lists of digests: as tools write them, as people damage them.

use proptest::prelude::*;

use super::*;

const MD5_OF_ABC: &str = "900150983cd24fb0d6963f7d28e17f72";
const SHA256_OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn files(text: &str) -> Vec<(String, String)> {
    let (sums, bad) = parse("MD5SUMS", text);
    assert_eq!(bad, Vec::<String>::new());
    sums.into_iter().map(|sum| (sum.file, sum.digest)).collect()
}

#[test]
fn the_built_in_list_is_sorted_complete_and_well_formed() {
    let (sums, bad) = parse("maestro", MAESTRO_MIDI);
    assert_eq!((sums.len(), bad.len()), (1099, 0));
    assert!(sums.iter().is_sorted_by(|a, b| a.file < b.file));
    assert!(sums.iter().all(|sum| sum.digest.len() == 32 && sum.file.contains(".mid")));
    let years: std::collections::BTreeSet<&str> = sums.iter().map(|sum| &sum.file[..5]).collect();
    assert_eq!(years.len(), 10);
}

#[test]
fn the_built_in_list_is_for_its_table_and_its_files() {
    let first = MAESTRO_MIDI.lines().next().unwrap().split_once("  ").unwrap().1;
    assert_eq!(built_in("maestro-v3.0.0.csv", [first, "2004/mine.midi"].into_iter()).len(), 1);
    assert_eq!(built_in("maestro-v3.0.0.json", [first].into_iter()).len(), 1);
    assert_eq!(built_in("maestro-v2.0.0.csv", [first].into_iter()).len(), 0);
}

#[test]
fn lists_of_all_tools_are_read() {
    let upper = MD5_OF_ABC.to_uppercase();
    let text = format!(
        "\u{FEFF}# made by hand\n\n{MD5_OF_ABC}  a b.wav\r\n{SHA256_OF_ABC} *y/b.wav\n{upper}  ./c.wav\n\
         MD5 (d (1).wav) = {MD5_OF_ABC}\nSHA256 (e.wav) = {SHA256_OF_ABC}\n"
    );
    let expected = [
        ("a b.wav", MD5_OF_ABC),
        ("y/b.wav", SHA256_OF_ABC),
        ("c.wav", MD5_OF_ABC),
        ("d (1).wav", MD5_OF_ABC),
        ("e.wav", SHA256_OF_ABC),
    ];
    assert_eq!(files(&text), expected.map(|(file, digest)| (file.to_owned(), digest.to_owned())));
}

#[test]
fn lines_that_cannot_be_used_are_named() {
    let text =
        format!("{MD5_OF_ABC}\nabc  a.wav\n{MD5_OF_ABC}  ../a.wav\n{MD5_OF_ABC}  /etc/a\n{}  b.wav\n", "g".repeat(32));
    let (sums, bad) = parse("MD5SUMS", &text);
    assert_eq!(sums, []);
    let starts: Vec<&str> = bad.iter().map(|what| &what[..7]).collect();
    assert_eq!(starts, ["line 1:", "line 2:", "line 3:", "line 4:", "line 5:"]);
    assert!(bad[2].contains("`../a.wav` is not a path below the folder"), "{}", bad[2]);
}

#[test]
fn files_are_verified_by_either_digest() {
    let dir = tempfile::tempdir().unwrap();
    fs_err::write(dir.path().join("a"), "abc").unwrap();
    let verify = |file: &str, digest: &str| {
        let sum = Sum { file: file.to_owned(), digest: digest.to_owned(), source: "here".to_owned() };
        verify(dir.path(), &sum).map(|finding| (finding.kind, finding.what))
    };
    assert_eq!(verify("a", MD5_OF_ABC), None);
    assert_eq!(verify("a", SHA256_OF_ABC), None);
    let (kind, what) = verify("a", &"0".repeat(32)).unwrap();
    assert_eq!(kind, Kind::DigestDiffers);
    assert_eq!(what, format!("its MD5 is {MD5_OF_ABC}, not {} as here says", "0".repeat(32)));
    assert_eq!(verify("a", &"0".repeat(64)).unwrap().0, Kind::DigestDiffers);
    assert_eq!(verify("b", MD5_OF_ABC).unwrap().0, Kind::DigestMissing);
    fs_err::create_dir(dir.path().join("c")).unwrap();
    assert_eq!(verify("c", MD5_OF_ABC).unwrap().0, Kind::DigestMissing);
}

#[test]
fn a_large_file_is_read_in_pieces() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("zeros");
    fs_err::write(&path, vec![0u8; 1_000_000]).unwrap();
    // `head -c 1000000 /dev/zero | md5sum`
    assert_eq!(digest(&path, true).unwrap(), "879f4bba57ed37c9ec5e5aedf9864698");
}

#[test]
fn lists_are_found_by_name_and_bad_lines_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let good = format!("{MD5_OF_ABC}  a.wav\n");
    for name in ["MD5SUMS", "sha256sums.txt", "mine.MD5", "mine.sha256"] {
        fs_err::write(dir.path().join(name), &good).unwrap();
    }
    fs_err::write(dir.path().join("notes.txt"), &good).unwrap();
    fs_err::create_dir(dir.path().join("folder.md5")).unwrap();
    fs_err::write(dir.path().join("z.md5"), "nonsense\n".repeat(MAX_BAD + 4)).unwrap();
    let (sums, findings) = lists(dir.path()).unwrap();
    assert_eq!(
        sums.iter().map(|sum| sum.source.as_str()).collect::<Vec<_>>(),
        ["MD5SUMS, line 1", "mine.MD5, line 1", "mine.sha256, line 1", "sha256sums.txt, line 1",]
    );
    assert_eq!(findings.len(), MAX_BAD + 1);
    assert!(findings[MAX_BAD].what.starts_with("4 more"), "{}", findings[MAX_BAD].what);
    assert!(findings.iter().all(|finding| finding.file.as_deref() == Some("z.md5")));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_or_leave_the_folder(text in "(?s).{0,200}", name in "[a-z./\\\\]{1,12}") {
        let (sums, _) = parse("x", &format!("{MD5_OF_ABC}  {name}\n{text}"));
        for sum in sums {
            prop_assert!(!sum.file.starts_with('/') && !sum.file.split('/').any(|part| part == ".."), "{}", sum.file);
        }
    }

    #[test]
    fn a_name_without_odd_characters_comes_back(name in "[a-zA-Z0-9 _()-]{1,20}(/[a-z0-9]{1,5}){0,3}") {
        prop_assume!(!name.starts_with([' ', '*']) && !name.ends_with(' '));
        prop_assert_eq!(files(&format!("{MD5_OF_ABC}  {name}\n")), [(name.clone(), MD5_OF_ABC.to_owned())]);
    }
}
