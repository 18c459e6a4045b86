//! The page in a browser: a headless Chromium opens it with a script of questions and hands back the answers.
//!
//! Where there is no Chromium this says so on stderr and checks nothing; continuous integration has one.

mod fixture;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hit_page::{Results, Titled, Titles, html};
use serde_json::Value;

/// Records errors, refused requests and requests before anything else of the page runs.
const WATCH: &str = include_str!("browser/watch.js");
/// Asks the page and puts the answers into the document.
const ASK: &str = include_str!("browser/ask.js");

/// What is wider than a narrow display, as an attribute of the document. A table scrolls within its frame.
const NARROW: &str = "addEventListener('load', () => {
  const wide = [...document.querySelectorAll('main *')]
    .filter((one) => !one.closest('.scroll :not(.scroll)') && one.getBoundingClientRect().right > innerWidth + 1);
  const page = document.documentElement.scrollWidth > innerWidth ? ['the page'] : [];
  const names = [...page, ...wide.map((one) => `${one.tagName} ${one.id}`)];
  document.documentElement.dataset.narrow = `${innerWidth <= 500 ? 'narrow' : innerWidth}, ${document.querySelectorAll('.paper svg').length} figures: `
    + (names.length ? names.join(', ') : 'nothing is wider');
});";

/// The programs that are looked for, in `PATH` and where they are usually installed.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).chain(["/usr/bin".into(), "/snap/bin".into()]).collect();
    BROWSERS.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|file| file.is_file())
}

fn page(dir: &Path) -> String {
    fixture::write(dir);
    let titled =
        |id: &str, number: &str, title: &str| Titled { id: id.into(), number: number.into(), title: title.into() };
    let titles = Titles {
        heading: "Results".into(),
        setting: fixture::HOSTILE.into(),
        comparable: false,
        tables: vec![titled("screening", "2", "Screening")],
        figures: vec![titled("screening", "R1", "S of the arms")],
    };
    html(&Results::read(dir).unwrap(), &titles).unwrap()
}

/// Runs the browser on a file; `flags` come before it.
fn run(browser: &Path, dir: &Path, page: &str, flags: &[&str]) -> Output {
    let file = dir.join("report.html");
    fs_err::write(&file, page).unwrap();
    let profile = dir.join(format!("browser-{}", flags.len()));
    Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--enable-logging=stderr", "--window-size=1280,900", "--virtual-time-budget=20000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .args(flags)
        .arg(format!("file://{}", file.display()))
        .output()
        .unwrap()
}

/// The document as the browser has it at the end.
fn dom(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("</html>"), "the browser gave no document: {}", String::from_utf8_lossy(&output.stderr));
    text
}

/// Answers of the script in the page, by question.
fn answers(output: &Output) -> Value {
    let dom = dom(output);
    let start = "<pre id=\"answers\">";
    let at = dom.find(start).unwrap_or_else(|| panic!("no answers: {}", String::from_utf8_lossy(&output.stderr)));
    let text = dom[at + start.len()..].split("</pre>").next().unwrap();
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn the_page_does_what_it_says() {
    let Some(browser) = browser() else {
        eprintln!(
            "SKIPPED: no Chromium found, so the page was not opened in a browser; looked for {}",
            BROWSERS.join(", ")
        );
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let page = page(dir.path());
    let asked = page.replacen("<meta http-equiv", &format!("<script>{WATCH}</script><meta http-equiv"), 1).replacen(
        "</body>",
        &format!("<script>{ASK}</script></body>"),
        1,
    );

    let output = run(&browser, dir.path(), &asked, &[]);
    let answers = answers(&output);
    let failed: Vec<String> = answers["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["ok"] != true)
        .map(|check| format!("{}: {}", check["name"].as_str().unwrap_or("?"), check["found"]))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(answers["checks"].as_array().unwrap().len() >= 30, "all questions were asked");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(!log.contains("CONSOLE"), "the console is silent: {log}");

    // the page itself, with nothing added, in a browser whose system is dark
    let output = run(&browser, dir.path(), &page, &["--blink-settings=preferredColorScheme=0"]);
    let document = dom(&output);
    assert!(document.contains("data-theme=\"dark\""), "{}", &document[..200]);
    assert!(!String::from_utf8_lossy(&output.stderr).contains("CONSOLE"));
    assert!(document.contains("<title>Results</title>"), "no name changed the title");

    // on a narrow display: nothing but what scrolls by itself is wider than it
    let narrow = page.replacen("</body>", &format!("<script>{NARROW}</script></body>"), 1);
    let document = dom(&run(&browser, dir.path(), &narrow, &["--window-size=480,900", "--no-pings", "--mute-audio"]));
    let found = document.split("data-narrow=\"").nth(1).and_then(|rest| rest.split('"').next());
    assert_eq!(found, Some("narrow, 1 figures: nothing is wider"));

    // without script everything but the measurements is there
    let at = page.rfind("<script>").expect("the script is the last element");
    let end = page.rfind("</script>").expect("it is closed");
    let output =
        run(&browser, dir.path(), &format!("{}{}", &page[..at], &page[end..]), &["--mute-audio", "--no-pings"]);
    let document = dom(&output);
    assert!(!document.contains("class=\"scripted\""), "the script did not run");
    for words in ["Injecting D4 raises S", "Screening", "some processor", "measurements.csv"] {
        assert!(document.contains(words), "{words}");
    }
}

#[test]
fn a_large_campaign_stays_small_and_quick() {
    let Some(browser) = browser() else {
        eprintln!("SKIPPED: no Chromium found, so no large page was opened in a browser");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    fixture::write(dir.path());
    fs_err::remove_file(dir.path().join("pipeline.lock")).unwrap();
    let rows: Vec<hit_stats::Measurement> = (0..20_000)
        .map(|n| {
            fixture::row(
                "t06",
                &format!("arm{}", n % 28),
                Some(42),
                &format!("sampled/audio.{}", n / 28),
                "s",
                f64::from(n),
            )
        })
        .collect();
    fs_err::write(dir.path().join("measurements.csv"), hit_stats::Measurement::to_csv(&rows).unwrap()).unwrap();
    let page = html(&Results::read(dir.path()).unwrap(), &Titles::default()).unwrap();
    assert!(page.len() < 1_500_000, "{} bytes for 20,000 measurements", page.len());
    let document = dom(&run(&browser, dir.path(), &page, &[]));
    assert!(document.contains("1–50 of 20000"), "all are there");
    assert_eq!(document.matches("class=\"link\"").count(), 50, "a page of them is drawn");
}
