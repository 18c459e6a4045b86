//! Templates to LaTeX: `paper/templates/*.tera`, rendered with facts, numbers and published values.

use std::collections::BTreeMap;
use std::sync::Arc;

use hit_stage::{Context, Opened, Stage, StageError};
use serde::Serialize;
use tera::{Delimiters, Kwargs, State, Tera, TeraResult, Value};

use crate::error::Error;
use crate::facts::{Facts, source_word};
use crate::latex::{Format, escape};
use crate::numbers::NumberMap;
use crate::published::{LeafValue, Published};

/// The template that is rendered; it includes the others.
const MAIN: &str = "main.tex.tera";

/// Stage `tex`: output tree `paper` with `main.tex`, `numbers.tex`, `tables/*.tex` and `figures/*.pdf`, ready to be
/// compiled anywhere.
///
/// Inputs: `templates/<file>` for every template, `tables/<id>` (their `tex`), `figures/<id>` (their `pdf`), `numbers`
/// (`tex` of the numbers), `numbers_json` (`json`), `published`.
///
/// Templates use `<% %>`, `<< >>` and `<# #>`. Functions: `n(key)` a number of this campaign, `has(key)` whether there
/// is one, `p(key)` a published value, `src(key)` where it is printed. Variables: `facts`, `comparable`, `audio`,
/// `tables` and `figures` (ids that exist), `table_numbers` and `figure_numbers` (id and number of each, those of the paper
/// where it has one). What is printed is escaped for LaTeX.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Tex {
    /// Facts about the campaign.
    pub facts: Facts,
}

impl Stage for Tex {
    const KIND: &'static str = "tex";
    const CRATE: &'static str = env!("CARGO_PKG_NAME");

    fn outputs(&self) -> Vec<&'static str> {
        vec!["paper"]
    }

    fn run(&self, cx: &mut Context) -> Result<(), StageError> {
        let files = |prefix: &str| -> Vec<_> {
            let file = |(name, opened): (&str, &Opened)| match opened {
                Opened::File(file) => Some((name.to_owned(), file.clone())),
                Opened::Tree(_) => None,
            };
            cx.inputs_under(prefix).filter_map(file).collect()
        };
        let (templates, tables, figures) = (files("templates/"), files("tables/"), files("figures/"));
        let mut texts = BTreeMap::new();
        for (name, file) in templates {
            texts.insert(name, fs_err::read_to_string(&file.path)?);
        }
        let numbers = NumberMap::read(&cx.file("numbers_json")?.path)?;
        let published = Published::read(&cx.file("published")?.path)?;
        let ids = |files: &[(String, _)]| files.iter().map(|(id, _)| id.clone()).collect();
        let values = Values { facts: &self.facts, numbers, published, tables: ids(&tables), figures: ids(&figures) };
        fs_err::write(cx.output_in("paper", "main.tex")?, render(&texts, values)?)?;
        cx.link("paper", "numbers.tex", cx.file("numbers")?.file)?;
        for (id, file) in tables {
            cx.link("paper", &format!("tables/{id}.tex"), file.file)?;
        }
        for (id, file) in figures {
            cx.link("paper", &format!("figures/{id}.pdf"), file.file)?;
        }
        Ok(())
    }
}

/// What templates can print.
pub(crate) struct Values<'a> {
    pub(crate) facts: &'a Facts,
    pub(crate) numbers: NumberMap,
    pub(crate) published: Published,
    pub(crate) tables: Vec<String>,
    pub(crate) figures: Vec<String>,
}

/// Renders `main.tex.tera` of the templates given by file name.
///
/// # Errors
/// [`Error::Template`] naming template, line and cause.
pub(crate) fn render(templates: &BTreeMap<String, String>, values: Values) -> Result<String, Error> {
    let fail =
        |template: &str, error: &tera::Error| Error::Template { template: template.to_owned(), what: chain(error) };
    if !templates.contains_key(MAIN) {
        let there: Vec<_> = templates.keys().map(String::as_str).collect();
        let what = format!("there is no such template; there are {}", there.join(", "));
        return Err(Error::Template { template: MAIN.to_owned(), what });
    }
    let mut tera = Tera::new();
    tera.set_delimiters(delimiters()).map_err(|error| fail(MAIN, &error))?;
    tera.set_escape_fn(|text, out| out.write_all(escape(text).as_bytes()));
    tera.autoescape_on(vec![".tera"]);
    let mut context = tera::Context::new();
    context.insert("facts", values.facts);
    context.insert("comparable", &values.facts.comparable());
    context.insert("audio", source_word(values.facts.corpus.audio));
    context.insert("tables", &values.tables);
    context.insert("figures", &values.figures);
    context.insert("table_numbers", &numbers(crate::tables::numbers()));
    context.insert("figure_numbers", &numbers(crate::figures::numbers()));
    register(&mut tera, values.numbers, values.published);
    let all = templates.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    tera.add_raw_templates(all).map_err(|error| fail("templates", &error))?;
    tera.render(MAIN, &context).map_err(|error| fail(MAIN, &error))
}

/// A table or figure and its number, for a template that numbers them.
#[derive(Serialize)]
struct Numbered {
    id: &'static str,
    number: String,
}

fn numbers(numbers: BTreeMap<&'static str, String>) -> Vec<Numbered> {
    numbers.into_iter().map(|(id, number)| Numbered { id, number }).collect()
}

fn delimiters() -> Delimiters {
    Delimiters {
        block_start: "<%".into(),
        block_end: "%>".into(),
        variable_start: "<<".into(),
        variable_end: ">>".into(),
        comment_start: "<#".into(),
        comment_end: "#>".into(),
    }
}

fn register(tera: &mut Tera, numbers: NumberMap, published: Published) {
    let (numbers, published) = (Arc::new(numbers), Arc::new(published));
    let message = |error: &Error| tera::Error::message(error.to_string());
    let store = Arc::clone(&numbers);
    tera.register_function("n", move |args: Kwargs, _: &State| -> TeraResult<Value> {
        let number = store.get(args.must_get::<&str>("key")?).map_err(|error| message(&error))?;
        Ok(Value::safe_string(&number.tex))
    });
    tera.register_function("has", move |args: Kwargs, _: &State| -> TeraResult<bool> {
        Ok(numbers.has(args.must_get::<&str>("key")?))
    });
    let store = Arc::clone(&published);
    tera.register_function("p", move |args: Kwargs, _: &State| -> TeraResult<Value> {
        let key = args.must_get::<&str>("key")?;
        let leaf = store.get(key).map_err(|error| message(&error))?;
        let format = |value: &f64| {
            let format = Format::of(key.rsplit(['.', '_']).next().unwrap_or(key), &leaf.unit);
            // a rate of a millionth is not nothing
            let vanishes = *value != 0.0 && !format.plain(*value).contains(|c: char| matches!(c, '1'..='9'));
            if vanishes { Format::Shortest.tex(*value) } else { format.tex(*value) }
        };
        Ok(Value::safe_string(&match &leaf.value {
            LeafValue::Number(value) => format(value),
            LeafValue::Numbers(values) => values.iter().map(format).collect::<Vec<_>>().join(", "),
            LeafValue::Text(text) => escape(text),
            LeafValue::Flag(flag) => flag.to_string(),
            LeafValue::Missing => "--".to_owned(),
        }))
    });
    tera.register_function("src", move |args: Kwargs, _: &State| -> TeraResult<String> {
        let leaf = published.get(args.must_get::<&str>("key")?).map_err(|error| message(&error))?;
        Ok(leaf.source.clone())
    });
}

/// An error with all its causes, in one line of text each.
fn chain(error: &tera::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push('\n');
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    fn rendered(template: &str) -> Result<String, Error> {
        let templates = BTreeMap::from([(MAIN.to_owned(), template.to_owned())]);
        let facts = fixture::facts();
        render(&templates, fixture::values(&facts))
    }

    #[test]
    fn templates_print_numbers_published_values_and_facts() {
        let text = rendered(
            "<% for arm in facts.replication.arms %><< arm >>: << n(key=\"replication.\" ~ arm ~ \".s.mean\") >>; \
             <% endfor %><< p(key=\"table12_multiseed.d4a4.mean\") >> (<< src(key=\"table12_multiseed.d4a4.mean\") >>)",
        )
        .unwrap();
        assert!(text.starts_with("D0: "), "{text}");
        assert!(text.ends_with("84.0 (paper Table 12)"), "{text}");
    }

    #[test]
    fn facts_are_escaped_and_numbers_are_not() {
        let mut facts = fixture::facts();
        facts.description = "50 % of $x_1$".to_owned();
        let templates = BTreeMap::from([(
            MAIN.to_owned(),
            "<< facts.description >> << n(key=\"replication.d4a4.vs_D0.delta_s\") >>".to_owned(),
        )]);
        let text = render(&templates, fixture::values(&facts)).unwrap();
        assert!(text.starts_with(r"50 \% of \$x\_1\$ $+$"), "{text}");
    }

    #[test]
    fn a_missing_number_names_template_key_and_the_nearest() {
        let error = rendered("line\n<< n(key=\"replication.d4a4.s.maen\") >>").unwrap_err().to_string();
        for part in ["main.tex.tera", "replication.d4a4.s.maen", "replication.d4a4.s.mean"] {
            assert!(error.contains(part), "{part} in {error}");
        }
        let error = rendered("<< p(key=\"table12.none\") >>").unwrap_err().to_string();
        assert!(error.contains("table12.none"), "{error}");
    }

    #[test]
    fn undefined_variables_and_bad_syntax_are_errors() {
        assert!(rendered("<< facts.profil >>").is_err());
        assert!(rendered("<% if %>").is_err());
        let error = render(&BTreeMap::new(), fixture::values(&fixture::facts())).unwrap_err();
        assert!(error.to_string().contains("main.tex.tera"), "{error}");
    }

    #[test]
    fn a_guarded_number_may_be_missing() {
        assert_eq!(rendered("<% if has(key=\"no.such\") %>a<% else %>b<% endif %>").unwrap(), "b");
    }

    #[test]
    fn published_values_print_by_their_kind() {
        let cases = [
            ("<< p(key=\"table12_statistics.seed_list\") >>", "42.00, 123.00, 456.00, 789.00, 1337.00"),
            ("<< p(key=\"table12_statistics.grouped_bootstrap_ci\") >>", "--"),
            ("<< p(key=\"training_actual.frozen_audio_cnn\") >>", "true"),
            ("<< p(key=\"table12_statistics.d4a4_vs_D0_p\") >>", "$5.9\\times10^{-4}$"),
            ("<< p(key=\"params_exact.total_D0\") >>", "74\\,194\\,432"),
            ("<< p(key=\"table02_screening.d4a4cm.delta\") >>", "$-$7.8"),
            ("<< p(key=\"training_actual.lr_audio_layers_2_3\") >>", "$10^{-5}$"),
            ("<< p(key=\"table14_attractors.a00.log2\") >>", "0.00"),
        ];
        for (template, expected) in cases {
            assert_eq!(rendered(template).unwrap(), expected, "{template}");
        }
    }

    #[test]
    fn includes_are_other_templates_and_a_missing_one_is_named() {
        let facts = fixture::facts();
        let mut templates = BTreeMap::from([
            (MAIN.to_owned(), "<% include \"part.tera\" %>".to_owned()),
            ("part.tera".to_owned(), "<< facts.profile >> & << audio >>".to_owned()),
        ]);
        assert_eq!(render(&templates, fixture::values(&facts)).unwrap(), "fixture & synthetic");
        templates.remove("part.tera");
        let error = render(&templates, fixture::values(&facts)).unwrap_err().to_string();
        assert!(error.contains("part.tera"), "{error}");
    }

    #[test]
    fn an_error_in_an_included_template_names_that_template() {
        let templates = BTreeMap::from([
            (MAIN.to_owned(), "<% include \"part.tera\" %>".to_owned()),
            ("part.tera".to_owned(), "a\nb << n(key=\"nope\") >>".to_owned()),
        ]);
        let error = render(&templates, fixture::values(&fixture::facts())).unwrap_err().to_string();
        assert!(error.contains("part.tera") && error.contains("nope"), "{error}");
    }

    #[test]
    fn the_stage_needs_its_numbers() {
        let dir = tempfile::tempdir().unwrap();
        let mut cx = Context::new(dir.path().join("out"), dir.path().join("scratch"));
        let error = Tex { facts: fixture::facts() }.run(&mut cx).unwrap_err();
        assert!(matches!(error, StageError::NoInput { name, .. } if name == "numbers_json"));
    }
}
