//! What the tables of tests of trained models have in common: the models and conditions that were measured, in a fixed
//! order (spec 10).

use crate::error::Error;
use crate::facts::Facts;
use crate::frame::{Frame, Measured, Select};
use crate::latex::Format;
use crate::published::Leaf;
use crate::sheet::{Cell, Sheet};
use crate::sources::Sources;

/// The condition of unchanged inputs.
pub(crate) const NORMAL: &str = "normal";

/// The measurements of one test.
pub(crate) struct Battery<'a> {
    facts: &'a Facts,
    frame: Frame,
    /// Models that were tested: arms in the order of the configuration, then by schedule and seed.
    pub(crate) models: Vec<Model>,
}

/// A trained model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Model {
    /// Arm.
    pub(crate) arm: String,
    /// Schedule.
    pub(crate) schedule: String,
    /// Training seed.
    pub(crate) seed: Option<u64>,
}

/// A condition `<kind>.<what>`: `zero.a4`, `transpose.-6`, `offset.3.a4`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    /// As in the measurements.
    pub(crate) name: String,
    /// What was done.
    pub(crate) kind: String,
    /// To what, or by how much; empty if the name has no dot.
    pub(crate) what: String,
}

impl Condition {
    pub(crate) fn new(name: &str) -> Self {
        let (kind, what) = name.split_once('.').unwrap_or((name, ""));
        Self { name: name.to_owned(), kind: kind.to_owned(), what: what.to_owned() }
    }

    /// By how much, if that is a number.
    pub(crate) fn number(&self) -> Option<f64> {
        self.what.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// Which value of the rows of which descriptor: `(3, "a4")`.
    pub(crate) fn dim(&self) -> Option<(u32, &str)> {
        let (dim, descriptor) = self.what.split_once('.')?;
        Some((dim.parse().ok()?, descriptor)).filter(|(_, descriptor)| !descriptor.is_empty())
    }

    /// The number as it is written, with a true minus.
    pub(crate) fn amount(&self) -> String {
        self.what.replace('-', "−")
    }
}

impl<'a> Battery<'a> {
    /// The measurements of a test, which may be none.
    ///
    /// # Errors
    /// [`Error::UnknownArm`], [`Error::Undeclared`], [`Error::Frame`].
    pub(crate) fn read(sources: &'a Sources, stage: &str) -> Result<Self, Error> {
        let facts = &sources.facts;
        let frame = sources.frame()?.filter(&Select::stage(stage))?;
        let mut models = Vec::new();
        let runs = frame.words("arm")?.into_iter().zip(frame.words("schedule")?).zip(frame.seeds()?);
        for ((arm, schedule), seed) in runs.filter(|((arm, _), _)| !arm.is_empty()) {
            if facts.arm(&arm).is_none() {
                return Err(Error::UnknownArm(arm));
            }
            let model = Model { arm, schedule, seed };
            if !models.contains(&model) {
                models.push(model);
            }
        }
        models.sort_by(|a, b| {
            let key = |model: &Model| (facts.arm_idx(&model.arm), model.schedule.clone(), model.seed);
            key(a).cmp(&key(b))
        });
        Ok(Self { facts, frame, models })
    }

    /// A value of a model under a condition.
    ///
    /// # Errors
    /// [`Error::Ambiguous`].
    pub(crate) fn one(&self, model: &Model, condition: &str, metric: &str) -> Result<Option<Measured>, Error> {
        self.of(model)?.one(&Select::default().condition(condition).metric(metric))
    }

    /// Value and interval as cells.
    ///
    /// # Errors
    /// [`Error::Ambiguous`].
    pub(crate) fn pair(&self, model: &Model, condition: &str, metric: &str) -> Result<[Cell; 2], Error> {
        let measured = self.one(model, condition, metric)?;
        Ok([Cell::measured(measured.as_ref(), metric), Cell::interval(measured.as_ref(), metric)])
    }

    /// The conditions of a model, or of all models, that have this metric, each once and in the order of the
    /// measurements. Rows of retrieval itself (`selected`, `epoch=005`, `zero.a4/selected`) are none.
    ///
    /// # Errors
    /// [`Error::Frame`].
    pub(crate) fn conditions(&self, model: Option<&Model>, metric: &str) -> Result<Vec<Condition>, Error> {
        let rows = model.map_or_else(|| Ok(self.frame.clone()), |model| self.of(model))?;
        let names = rows.filter(&Select::default().metric(metric))?.distinct("condition")?;
        let of_retrieval = |name: &str| {
            name.is_empty()
                || name.contains('/')
                || name.starts_with("epoch=")
                || ["selected", "best", "last"].contains(&name)
        };
        Ok(names.iter().filter(|name| !of_retrieval(name)).map(|name| Condition::new(name)).collect())
    }

    /// A model in words: its arm, its schedule if the test has several of an arm, its seed if the test has several.
    pub(crate) fn label(&self, model: &Model) -> String {
        let mut label = model.arm.clone();
        if self.facts.arm(&model.arm).is_some_and(|arm| arm.extra) {
            label.push_str(" (not among the arms of the paper)");
        }
        if !model.schedule.is_empty() {
            label = format!("{label}, {}", model.schedule);
        }
        let several = self.models.iter().any(|other| other.seed != model.seed);
        match model.seed.filter(|_| several) {
            Some(seed) => format!("{label}, seed {seed}"),
            None => label,
        }
    }

    fn of(&self, model: &Model) -> Result<Frame, Error> {
        let mut select = Select::default().arm(&model.arm).schedule(&model.schedule);
        select.seed = model.seed;
        self.frame.filter(&select)
    }
}

/// A published number as a cell, or a dash.
pub(crate) fn published(sources: &Sources, path: &str, format: Format) -> Result<Cell, Error> {
    let number = sources.published()?.find(path).and_then(Leaf::number);
    Ok(number.map_or(Cell::Missing, |value| Cell::Number(value, format)))
}

/// A table without rows says so in one.
pub(crate) fn finished(mut sheet: Sheet) -> Sheet {
    if sheet.rows.is_empty() {
        let rest = sheet.columns.len().saturating_sub(1);
        sheet.row(std::iter::once(Cell::text("not run")).chain(vec![Cell::Missing; rest]).collect());
        sheet.note("This campaign does not run this test.");
    }
    sheet
}

/// The remark that names conditions which a table has no place for, if there are any.
pub(crate) fn note_others(sheet: &mut Sheet, mut others: Vec<String>) {
    others.sort_unstable();
    others.dedup();
    if !others.is_empty() {
        sheet.note(format!("Measured and without a place in this table: {}.", others.join(", ")));
    }
}
