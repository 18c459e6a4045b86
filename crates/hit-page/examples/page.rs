//! The page of a results folder: `cargo run -p hit-page --example page -- results/smoke report.html`.

use hit_page::{Results, Titles, html};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let (Some(folder), Some(file)) = (words.next(), words.next()) else {
        return Err("a results folder and a file to write are expected".into());
    };
    let results = Results::read(folder.as_ref())?;
    let titles = Titles { heading: "Results".to_owned(), setting: folder, ..Titles::default() };
    fs_err::write(file, html(&results, &titles)?)?;
    Ok(())
}
