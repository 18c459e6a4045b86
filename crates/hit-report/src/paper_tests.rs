//! The templates of the project with a made-up campaign: rendered, checked, set.

use std::collections::BTreeMap;
use std::path::Path;

use hit_stage::{Context, Digest, FileRef, OpenFile, OpenTree, Opened, Stage};

use crate::facts::Facts;
use crate::{Figure, Numbers, Pdf, Table, Tex, figures, fixture, latex, tables, tex};

const TEMPLATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../paper/templates");

fn templates() -> BTreeMap<String, String> {
    let read = |entry: std::io::Result<fs_err::DirEntry>| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), fs_err::read_to_string(entry.path()).unwrap())
    };
    fs_err::read_dir(TEMPLATES).unwrap().map(read).collect()
}

fn main_tex(facts: &Facts) -> String {
    tex::render(&templates(), fixture::values(facts)).unwrap()
}

fn comparable() -> Facts {
    let mut facts = fixture::facts();
    facts.published_protocol = true;
    facts.corpus.audio = hit_schema::AudioSource::Recorded;
    facts
}

#[test]
fn every_table_and_figure_is_in_the_paper_with_caption_and_label() {
    let main = main_tex(&fixture::facts());
    for def in tables::TABLES {
        assert!(main.contains(&format!("\\input{{tables/{}.tex}}", def.id)), "table {}", def.id);
        assert_eq!(main.matches(&format!("\\label{{tab:{}}}", def.id)).count(), 1, "table {}", def.id);
    }
    for def in figures::FIGURES {
        assert!(main.contains(&format!("{{figures/{}.pdf}}", def.id)), "figure {}", def.id);
        assert_eq!(main.matches(&format!("\\label{{fig:{}}}", def.id)).count(), 1, "figure {}", def.id);
    }
}

/// A table or figure that no sentence speaks of is found by nobody.
#[test]
fn every_table_and_figure_is_referred_to() {
    let main = main_tex(&fixture::facts());
    let tables = tables::TABLES.iter().map(|def| format!("tab:{}", def.id));
    let silent: Vec<_> = tables
        .chain(figures::FIGURES.iter().map(|def| format!("fig:{}", def.id)))
        .filter(|label| !main.contains(&format!("\\ref{{{label}}}")))
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
}

/// Every number is set where its table or figure is: just before its label, by the id of its label.
#[test]
fn tables_and_figures_have_the_numbers_of_the_paper() {
    let main = main_tex(&fixture::facts());
    for (kind, command, numbers) in
        [("tab", "tablenumber", tables::numbers()), ("fig", "figurenumber", figures::numbers())]
    {
        for (id, number) in numbers {
            let defined = format!("\\csname numberof@{kind}@{id}\\endcsname{{{number}}}");
            assert_eq!(main.matches(&defined).count(), 1, "{defined}");
            let set = format!("\\{command}{{{id}}}");
            assert_eq!(main.matches(&set).count(), 1, "{set}");
            let (before, after) = main.split_once(&set).unwrap();
            let file = if kind == "tab" { format!("tables/{id}.tex") } else { format!("figures/{id}.pdf") };
            let next = ["\\input{tables/", "\\includegraphics"].iter().filter_map(|it| after.find(it)).min().unwrap();
            assert!(after[next..].split('}').next().unwrap().ends_with(&file), "{file} follows {set}");
            assert!(before.contains("\\begin{document}"));
        }
    }
}

#[test]
fn what_is_not_comparable_says_so_in_the_banner_and_in_every_comparing_caption() {
    let main = main_tex(&fixture::facts());
    assert!(main.contains("Not the published experiment"));
    let captions: Vec<&str> =
        main.lines().filter(|line| line.contains("\\caveat}") && !line.starts_with("\\newcommand{\\caveat}")).collect();
    let expected = "parameters, architecture, screening, families, confirmation, variants, claims, appendix";
    assert_eq!(captions.len(), 8, "{expected}: {captions:?}");
    assert!(main.contains("Not comparable with the published values"));
    let main = main_tex(&comparable());
    assert!(!main.contains("Not the published experiment") && !main.contains("Not comparable"));
}

/// What the report says of the descriptors comes with the numbers that show it, or not at all.
#[test]
fn findings_are_stated_where_they_were_measured() {
    let told = |observations: Vec<hit_schema::Observation>| {
        let campaign = fixture::Campaign { observations, ..fixture::small() };
        let mut values = fixture::values(&campaign.facts);
        values.numbers = crate::NumberMap::collect(&campaign.sources()).unwrap();
        tex::render(&templates(), values).unwrap()
    };
    let all = told(fixture::large().observations);
    assert!(all.contains("results of these arms say nothing about A4") && all.contains("$5.400\\times10^{-9}$"));
    let none = told(Vec::new());
    for word in
        ["results of these arms say nothing about A4", "chroma without it", "leakage of one", "leaps of more than"]
    {
        assert!(all.contains(word) && !none.contains(word), "{word}");
    }
}

/// The variant that is the published quantity is spoken of as what it is, whether it was computed or not.
#[test]
fn prose_says_which_variant_stands_beside_table_12() {
    let told = |campaign: &fixture::Campaign| {
        let mut values = fixture::values(&campaign.facts);
        values.numbers = crate::NumberMap::collect(&campaign.sources()).unwrap();
        tex::render(&templates(), values).unwrap()
    };
    let mut campaign = fixture::small();
    let main = told(&campaign);
    for words in ["the same quantity is 64.6", "with which claims are tested", "whose 4 runs reach from 53.5 to 56.2"] {
        assert!(main.contains(words), "{words}");
    }
    let with = "\\arm{d4a4} less \\arm{D0}: $+$12.9\\,pp as published ($p$~=~$5.0\\times10^{-4}$), $+$12.5\\,pp with fixed queries";
    assert!(main.contains(with));
    campaign.rows.retain(|row| row.stage != "replication_as_published");
    campaign.facts.replication_as_published = false;
    let main = told(&campaign);
    assert!(main.contains("claims are tested with fixed queries") && !main.contains("the same quantity is"));
    assert!(main.contains("\\arm{d4a4} less \\arm{D0}: $+$12.5\\,pp with fixed queries"));
    campaign.rows.retain(|row| row.stage != "confirmation");
    let main = told(&campaign);
    assert!(
        main.contains("\\subsection{Long runs}") && !main.contains("runs reach from"),
        "no number without a measurement"
    );
}

#[test]
fn the_abstract_does_not_praise_a_baseline_that_wins() {
    let facts = fixture::facts();
    let mut values = fixture::values(&facts);
    let mut json: BTreeMap<String, serde_json::Value> = serde_json::from_str(&values.numbers.json()).unwrap();
    json.get_mut("replication.first").unwrap()["tex"] = "D0".into();
    values.numbers = serde_json::from_value(serde_json::to_value(json).unwrap()).unwrap();
    let main = tex::render(&templates(), values).unwrap();
    assert!(main.contains("No arm with a descriptor has a higher mean than the baseline"));
}

#[test]
fn a_campaign_of_one_seed_or_without_experiments_renders() {
    let mut facts = fixture::facts();
    facts.screening = None;
    assert!(!main_tex(&facts).contains("\\subsection{Screening}"));
    facts.families = None;
    assert!(!main_tex(&facts).contains("\\subsection{Architecture families}"));
    facts.confirmation = None;
    assert!(!main_tex(&facts).contains("\\subsection{Long runs}"));
    facts.replication = None;
    assert!(!main_tex(&facts).contains("\\subsection{Replication"));
}

/// A file below `root` as an input.
fn input(root: &Path, name: &str, bytes: &[u8]) -> Opened {
    let path = root.join("inputs").join(name);
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(&path, bytes).unwrap();
    Opened::File(OpenFile { path, file: FileRef { digest: Digest::of(bytes), size: bytes.len() as u64 } })
}

/// The paper's claims as this campaign has them come out.
fn judged(campaign: &fixture::Campaign) -> Vec<hit_claims::Verdict> {
    let paper = Path::new(TEMPLATES).join("..");
    let ledger = hit_claims::Ledger::read(&paper.join("claims.toml")).unwrap();
    let published = hit_claims::Published::read(&paper.join("published.toml")).unwrap();
    let setting = hit_claims::Setting { comparable: false, published_sizes: false, label: "made up".to_owned() };
    ledger.judge(&campaign.rows, &campaign.observations, &published, &BTreeMap::new(), &setting).unwrap()
}

/// The audit of the published numbers.
fn audited() -> Vec<hit_audit::Finding> {
    let paper = Path::new(TEMPLATES).join("..");
    hit_audit::Audit::read(&paper.join("published.toml"), &paper.join("audit.toml")).unwrap()
}

/// Runs every stage from measurements to the tree of LaTeX, as the graph would.
fn tree(root: &Path, campaign: &fixture::Campaign) -> OpenTree {
    let facts = campaign.facts.clone();
    let paper = |name: &str| fs_err::read(Path::new(TEMPLATES).join("..").join(name)).unwrap();
    let mut sources = BTreeMap::from([
        ("measurements".to_owned(), hit_stats::Measurement::to_csv(&campaign.rows).unwrap().into_bytes()),
        ("published".to_owned(), paper("published.toml")),
        ("compare".to_owned(), paper("compare.toml")),
        ("lineage".to_owned(), b"train/x key output=digest\n".to_vec()),
        ("claims".to_owned(), hit_claims::Verdict::to_json(&judged(campaign)).into_bytes()),
        ("audit".to_owned(), hit_stage::canonical_json(&audited()).into_bytes()),
        ("observations".to_owned(), hit_schema::Observation::to_csv(&campaign.observations).into_bytes()),
    ]);
    for (run, points) in &campaign.projections {
        sources.insert(format!("{run}/projection"), hit_schema::Projected::to_csv(points).into_bytes());
    }
    for (run, bins) in &campaign.cosines {
        sources.insert(format!("{run}/cosines"), hit_schema::CosineBin::to_csv(bins).into_bytes());
    }
    for index in fixture::indices() {
        sources.insert(format!("index/{}", index.split), index.to_json().into_bytes());
    }
    for (run, rows) in fixture::histories() {
        sources.insert(format!("{run}/history"), hit_schema::HistoryRow::to_csv(&rows).into_bytes());
    }
    let run = |name: &str, stage: &dyn Fn(&mut Context)| {
        let mut cx = Context::new(root.join(name), root.join("scratch"));
        cx.inputs = sources.iter().map(|(name, bytes)| (name.clone(), input(root, name, bytes))).collect();
        stage(&mut cx);
    };
    let mut cx = Context::new(root.join("tex"), root.join("scratch"));
    for def in tables::TABLES {
        run(def.id, &|cx| Table { id: def.id.to_owned(), facts: facts.clone() }.run(cx).unwrap());
        let tex = fs_err::read(root.join(def.id).join("tex")).unwrap();
        cx.inputs.insert(format!("tables/{}", def.id), input(root, &format!("tables/{}", def.id), &tex));
    }
    for def in figures::FIGURES {
        let name = format!("figure-{}", def.id);
        run(&name, &|cx| Figure { id: def.id.to_owned(), facts: facts.clone() }.run(cx).unwrap());
        let pdf = fs_err::read(root.join(&name).join("pdf")).unwrap();
        cx.inputs.insert(format!("figures/{}", def.id), input(root, &format!("figures/{}", def.id), &pdf));
    }
    run("numbers", &|cx| Numbers { facts: facts.clone() }.run(cx).unwrap());
    for (name, output) in [("numbers", "tex"), ("numbers_json", "json")] {
        let bytes = fs_err::read(root.join("numbers").join(output)).unwrap();
        cx.inputs.insert(name.to_owned(), input(root, name, &bytes));
    }
    cx.inputs.insert("published".to_owned(), input(root, "published", &sources["published"]));
    for (name, text) in templates() {
        cx.inputs.insert(format!("templates/{name}"), input(root, &format!("templates/{name}"), text.as_bytes()));
    }
    Tex { facts }.run(&mut cx).unwrap();
    linked_tree(&cx, root)
}

/// The output tree of [`Tex`] with its links resolved, as the store would give it to the next stage.
fn linked_tree(cx: &Context, root: &Path) -> OpenTree {
    let inputs: Vec<&OpenFile> = cx
        .inputs
        .values()
        .filter_map(|opened| match opened {
            Opened::File(file) => Some(file),
            Opened::Tree(_) => None,
        })
        .collect();
    let mut tree = BTreeMap::new();
    for ((_, name), file) in &cx.linked {
        tree.insert(name.clone(), (*inputs.iter().find(|input| input.file == *file).unwrap()).clone());
    }
    let main = fs_err::read(root.join("tex/paper/main.tex")).unwrap();
    let Opened::File(main) = input(root, "main.tex", &main) else { unreachable!() };
    tree.insert("main.tex".to_owned(), main);
    OpenTree(tree)
}

/// Sets the document; fails on an undefined reference and on anything that sticks out of the page.
fn pdf(engine: &latex::Engine, tree: &OpenTree, root: &Path) -> Vec<u8> {
    let mut cx = Context::new(root.join("pdf"), root.join("pdf-scratch"));
    cx.inputs.insert("tree".to_owned(), Opened::Tree(tree.clone()));
    Pdf::new(engine).run(&mut cx).unwrap_or_else(|error| panic!("{error}"));
    let log = fs_err::read_to_string(root.join("pdf-scratch/main.log")).unwrap_or_default();
    let bad = ["LaTeX Warning: Reference", "There were undefined references", "Overfull \\hbox", "Float too large"];
    let lines: Vec<&str> = log.lines().collect();
    let found = (0..lines.len()).filter(|at| bad.iter().any(|bad| lines[*at].contains(bad)));
    let found: Vec<&str> = found.flat_map(|at| lines[at..].iter().take(3).copied()).collect();
    let pdf = fs_err::read(root.join("pdf/pdf")).unwrap();
    assert!(found.is_empty(), "{}", found.join("\n"));
    pdf
}

#[test]
fn from_measurements_to_a_pdf_of_the_same_bytes() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let trees = [tree(first.path(), &fixture::small()), tree(second.path(), &fixture::small())];
    let digests = |tree: &OpenTree| tree.0.iter().map(|(name, file)| (name.clone(), file.file)).collect::<Vec<_>>();
    assert_eq!(digests(&trees[0]), digests(&trees[1]));
    let Some(engine) = latex::find_engine() else {
        eprintln!("skipped: {}", latex::ADVICE);
        return;
    };
    let pdfs = [pdf(&engine, &trees[0], first.path()), pdf(&engine, &trees[1], second.path())];
    assert!(pdfs[0] == pdfs[1], "two runs in two folders give two PDFs");
}

/// As many arms and words as the campaigns of `pipeline.toml` have: every table still fits on its page.
#[test]
fn a_campaign_of_all_arms_fits_on_its_pages() {
    let dir = tempfile::tempdir().unwrap();
    let tree = tree(dir.path(), &fixture::large());
    match latex::find_engine() {
        Some(engine) => drop(pdf(&engine, &tree, dir.path())),
        None => eprintln!("skipped: {}", latex::ADVICE),
    }
}
