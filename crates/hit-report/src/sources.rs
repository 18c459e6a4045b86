//! What tables, figures and numbers are made from, read as far as each says that it needs it.

use std::collections::BTreeMap;

use hit_audit::Finding;
use hit_claims::Verdict;
use hit_schema::{CosineBin, HistoryRow, Observation, Projected, RunId, SplitIndex};
use hit_stage::{Context, Digest, Opened, StageError};

use crate::compare::Compare;
use crate::error::Error;
use crate::facts::Facts;
use crate::frame::{Frame, Measured, Select};
use crate::published::Published;

/// An input of a table or figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// File `measurements`: the merged measurements, CSV.
    Measurements,
    /// File `published`: published values, TOML.
    Published,
    /// File `compare`: which measurement stands beside which published value, TOML.
    Compare,
    /// Files `index/<split>`: the performances of each split, JSON.
    Indices,
    /// Files `<run>/history`: the course of each training, CSV.
    Histories,
    /// Files `<run>/projection`: the windows of a tested model in the plane, CSV of [`Projected`].
    Projections,
    /// Files `<run>/cosines`: histograms of the cosines of a tested model, CSV of [`CosineBin`].
    Cosines,
    /// File `observations`: what the descriptors were seen to do, CSV of [`Observation`].
    Observations,
    /// File `claims`: how the claims of the paper came out, JSON of [`hit_claims::Verdict`]s.
    Claims,
    /// File `audit`: what arithmetic says of the published numbers, JSON of [`hit_audit::Finding`]s.
    Audit,
    /// File `lineage`: stage, key and outputs of everything upstream, one stage a line.
    Lineage,
}

impl Input {
    /// Its name, or the pattern of its names.
    pub fn name(self) -> &'static str {
        match self {
            Self::Measurements => "measurements",
            Self::Published => "published",
            Self::Compare => "compare",
            Self::Indices => "index/<split>",
            Self::Histories => "<run>/history",
            Self::Projections => "<run>/projection",
            Self::Cosines => "<run>/cosines",
            Self::Observations => "observations",
            Self::Claims => "claims",
            Self::Audit => "audit",
            Self::Lineage => "lineage",
        }
    }
}

/// The inputs of one table, figure or the numbers.
#[derive(Clone, Debug)]
pub struct Sources {
    /// Facts about the campaign.
    pub facts: Facts,
    id: String,
    measurements: Option<Frame>,
    published: Option<Published>,
    compare: Option<Compare>,
    indices: Option<BTreeMap<String, SplitIndex>>,
    histories: Option<BTreeMap<RunId, Vec<HistoryRow>>>,
    projections: Option<BTreeMap<RunId, Vec<Projected>>>,
    cosines: Option<BTreeMap<RunId, Vec<CosineBin>>>,
    observations: Option<Vec<Observation>>,
    claims: Option<Vec<Verdict>>,
    audit: Option<Vec<Finding>>,
    lineage: Option<String>,
}

impl Sources {
    /// No inputs: every accessor fails until one is set.
    pub fn empty(id: &str, facts: Facts) -> Self {
        Self {
            facts,
            id: id.to_owned(),
            measurements: None,
            published: None,
            compare: None,
            indices: None,
            histories: None,
            projections: None,
            cosines: None,
            observations: None,
            claims: None,
            audit: None,
            lineage: None,
        }
    }

    /// Reads the inputs listed, from the context of a stage.
    ///
    /// # Errors
    /// [`StageError::NoInput`] if one was not given; otherwise what is wrong with it.
    pub fn read(id: &str, facts: &Facts, inputs: &[Input], cx: &Context) -> Result<Self, StageError> {
        let mut sources = Self::empty(id, facts.clone());
        for input in inputs {
            match input {
                Input::Measurements => sources.measurements = Some(Frame::read(&cx.file("measurements")?.path)?),
                Input::Published => sources.published = Some(Published::read(&cx.file("published")?.path)?),
                Input::Compare => sources.compare = Some(Compare::read(&cx.file("compare")?.path)?),
                Input::Indices => sources.indices = Some(read_indices(cx)?),
                Input::Histories => sources.histories = Some(read_runs(cx, "/history", HistoryRow::read)?),
                Input::Projections => sources.projections = Some(read_runs(cx, "/projection", Projected::read)?),
                Input::Cosines => sources.cosines = Some(read_runs(cx, "/cosines", CosineBin::read)?),
                Input::Observations => {
                    sources.observations = Some(Observation::read(&cx.file("observations")?.path)?);
                }
                Input::Claims => {
                    sources.claims = Some(Verdict::read(&cx.file("claims")?.path).map_err(StageError::failed)?);
                }
                Input::Audit => sources.audit = Some(read_audit(&cx.file("audit")?.path)?),
                Input::Lineage => sources.lineage = Some(fs_err::read_to_string(&cx.file("lineage")?.path)?),
            }
        }
        Ok(sources.resolved()?)
    }

    /// With the list of what stands beside what fitted to the measurements, where both are read.
    fn resolved(mut self) -> Result<Self, Error> {
        self.compare = match (self.compare, &self.measurements) {
            (Some(compare), Some(frame)) => Some(compare.resolved(frame)?),
            (compare, _) => compare,
        };
        Ok(self)
    }

    /// The measurements.
    ///
    /// # Errors
    /// [`Error::Undeclared`].
    pub fn frame(&self) -> Result<&Frame, Error> {
        self.declared(Input::Measurements, self.measurements.as_ref())
    }

    /// The published values.
    ///
    /// # Errors
    /// [`Error::Undeclared`].
    pub fn published(&self) -> Result<&Published, Error> {
        self.declared(Input::Published, self.published.as_ref())
    }

    /// What stands beside what.
    ///
    /// # Errors
    /// [`Error::Undeclared`].
    pub fn compare(&self) -> Result<&Compare, Error> {
        self.declared(Input::Compare, self.compare.as_ref())
    }

    /// The splits by name.
    ///
    /// # Errors
    /// [`Error::Undeclared`].
    pub fn indices(&self) -> Result<&BTreeMap<String, SplitIndex>, Error> {
        self.declared(Input::Indices, self.indices.as_ref())
    }

    /// Training histories by run.
    ///
    /// # Errors
    /// [`Error::Undeclared`].
    pub fn histories(&self) -> Result<&BTreeMap<RunId, Vec<HistoryRow>>, Error> {
        self.declared(Input::Histories, self.histories.as_ref())
    }

    /// The windows of tested models in the plane, by run; of none if the campaign does not project any.
    ///
    /// # Errors
    /// [`Error::Undeclared`].
    pub fn projections(&self) -> Result<&BTreeMap<RunId, Vec<Projected>>, Error> {
        self.declared(Input::Projections, self.projections.as_ref())
    }

    /// Histograms of the cosines of tested models, by run.
    ///
    /// # Errors
    /// [`Error::Undeclared`].
    pub fn cosines(&self) -> Result<&BTreeMap<RunId, Vec<CosineBin>>, Error> {
        self.declared(Input::Cosines, self.cosines.as_ref())
    }

    /// What the descriptors were seen to do, by descriptor and metric.
    ///
    /// # Errors
    /// [`Error::Undeclared`].
    pub fn observations(&self) -> Result<&[Observation], Error> {
        self.declared(Input::Observations, self.observations.as_deref())
    }

    /// Digest of the lineage: it stands for the whole campaign.
    ///
    /// # Errors
    /// [`Error::Undeclared`].
    pub fn lineage(&self) -> Result<Digest, Error> {
        Ok(Digest::of(self.lineage_text()?.as_bytes()))
    }

    /// The lineage itself.
    ///
    /// # Errors
    /// [`Error::Undeclared`].
    pub fn lineage_text(&self) -> Result<&str, Error> {
        self.declared(Input::Lineage, self.lineage.as_deref())
    }

    /// How the claims came out, in the order of the ledger.
    ///
    /// # Errors
    /// [`Error::Undeclared`].
    pub fn claims(&self) -> Result<&[Verdict], Error> {
        self.declared(Input::Claims, self.claims.as_deref())
    }

    /// What arithmetic says of the published numbers.
    ///
    /// # Errors
    /// [`Error::Undeclared`].
    pub fn audit(&self) -> Result<&[Finding], Error> {
        self.declared(Input::Audit, self.audit.as_deref())
    }

    /// The chance level that S is put beside, percent, and what it is of: measured for S where the retrieval wrote it
    /// (spec 9.5), else that of R@10, which S does not exceed.
    ///
    /// # Errors
    /// [`Error::Undeclared`].
    pub fn chance(&self) -> Result<(f64, &'static str), Error> {
        let measured = self.frame()?.filter(&Select::default().metric("chance_s"))?.measured()?;
        Ok(measured.first().map_or((self.facts.chance(10), "R@10"), |chance| (chance.value, "S")))
    }

    /// The published number that `compare.toml` puts beside this measurement, if there is one.
    ///
    /// # Errors
    /// [`Error::Undeclared`], [`Error::NotPublished`].
    pub fn published_beside(&self, select: &Select) -> Result<Option<Measured>, Error> {
        let entry = self.compare()?.compare.iter().find(|entry| entry.measurement.as_ref() == Some(select));
        let Some(entry) = entry else { return Ok(None) };
        let leaf = self.published()?.get(&entry.published)?;
        Ok(leaf.number().map(|value| Measured { value, unit: leaf.unit.clone(), interval: None }))
    }

    fn declared<'a, T: ?Sized>(&self, input: Input, value: Option<&'a T>) -> Result<&'a T, Error> {
        value.ok_or_else(|| Error::Undeclared { id: self.id.clone(), input: input.name() })
    }

    /// Sets inputs by hand, for tests.
    #[cfg(test)]
    pub(crate) fn with(
        mut self,
        measurements: Frame,
        published: Published,
        compare: Compare,
        indices: Vec<SplitIndex>,
        histories: BTreeMap<RunId, Vec<HistoryRow>>,
    ) -> Self {
        self.measurements = Some(measurements);
        self.published = Some(published);
        self.compare = Some(compare);
        self.indices = Some(indices.into_iter().map(|index| (index.split.clone(), index)).collect());
        self.histories = Some(histories);
        self.lineage = Some("fixture".to_owned());
        self.claims = Some(crate::fixture::verdicts());
        self.audit = Some(crate::fixture::findings());
        self = self.with_runs(BTreeMap::new(), BTreeMap::new());
        self.with_observations(Vec::new()).resolved().unwrap()
    }

    /// The same with other observations.
    #[cfg(test)]
    pub(crate) fn with_observations(mut self, observations: Vec<Observation>) -> Self {
        self.observations = Some(observations);
        self
    }
}

#[cfg(test)]
impl Sources {
    /// The same with another lineage.
    pub(crate) fn with_lineage(mut self, lineage: &str) -> Self {
        self.lineage = Some(lineage.to_owned());
        self
    }

    /// The same with other verdicts.
    pub(crate) fn with_claims(mut self, claims: Vec<Verdict>) -> Self {
        self.claims = Some(claims);
        self
    }

    /// The same with these windows in the plane and these histograms, for tests.
    pub(crate) fn with_runs(
        mut self,
        projections: BTreeMap<RunId, Vec<Projected>>,
        cosines: BTreeMap<RunId, Vec<CosineBin>>,
    ) -> Self {
        self.projections = Some(projections);
        self.cosines = Some(cosines);
        self
    }
}

fn read_audit(path: &std::path::Path) -> Result<Vec<Finding>, Error> {
    let text = fs_err::read_to_string(path)?;
    serde_json::from_str(&text).map_err(|error| Error::Toml { path: path.to_owned(), what: error.to_string() })
}

fn read_indices(cx: &Context) -> Result<BTreeMap<String, SplitIndex>, StageError> {
    let mut indices = BTreeMap::new();
    for (split, opened) in cx.inputs_under("index/") {
        if let Opened::File(file) = opened {
            indices.insert(split.to_owned(), SplitIndex::read(&file.path)?);
        }
    }
    if indices.is_empty() {
        return Err(StageError::NoInput { name: Input::Indices.name().to_owned(), expected: "file" });
    }
    Ok(indices)
}

/// The files `<run><suffix>` by run.
fn read_runs<T>(
    cx: &Context,
    suffix: &str,
    read: fn(&std::path::Path) -> Result<Vec<T>, hit_schema::Error>,
) -> Result<BTreeMap<RunId, Vec<T>>, StageError> {
    let mut runs = BTreeMap::new();
    for (name, opened) in &cx.inputs {
        if let (Some(run), Opened::File(file)) = (name.strip_suffix(suffix), opened) {
            runs.insert(run.parse()?, read(&file.path)?);
        }
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn what_is_not_declared_cannot_be_read() {
        let sources = Sources::empty("x", fixture::facts());
        let error = sources.frame().unwrap_err();
        assert_eq!(error.to_string(), "x reads `measurements` and does not list it among its inputs");
        assert!(sources.lineage().is_err() && sources.indices().is_err() && sources.histories().is_err());
        assert!(fixture::sources().frame().is_ok());
    }

    #[test]
    fn an_input_that_was_not_given_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let cx = Context::new(dir.path().join("out"), dir.path().join("scratch"));
        let error = Sources::read("x", &fixture::facts(), &[Input::Published], &cx).unwrap_err();
        assert!(matches!(error, StageError::NoInput { name, .. } if name == "published"));
        let error = Sources::read("x", &fixture::facts(), &[Input::Indices], &cx).unwrap_err();
        assert!(matches!(error, StageError::NoInput { .. }));
    }

    /// A context with files of these names and texts.
    fn context(root: &std::path::Path, files: &[(&str, &str)]) -> Context {
        let mut cx = Context::new(root.join("out"), root.join("scratch"));
        for (idx, (name, text)) in files.iter().enumerate() {
            let path = root.join(format!("input{idx}"));
            fs_err::write(&path, text).unwrap();
            let file = hit_stage::FileRef { digest: Digest::of(text.as_bytes()), size: text.len() as u64 };
            cx.inputs.insert((*name).to_owned(), Opened::File(hit_stage::OpenFile { path, file }));
        }
        cx
    }

    #[test]
    fn a_damaged_input_is_named_with_what_is_wrong() {
        let cases = [
            (Input::Measurements, "measurements", "stage,arm\nx,y\n", "columns"),
            (Input::Measurements, "measurements", "", "columns"),
            (Input::Published, "published", "[a]\nb = { value = 1, unit = \"\" }", "no source"),
            (Input::Compare, "compare", "compare = 3", "compare"),
            (Input::Indices, "index/train", "{\"split\":\"train\"", "split index"),
            (Input::Observations, "observations", "metric,value\nx,1\n", "descriptor"),
            (Input::Observations, "observations", "descriptor,metric,value,unit,n\na4,x,NaN,,1\n", "not a finite"),
            (Input::Histories, "D0@cosine#42/history", "epoch,loss\n1,x\n", "history"),
            (Input::Histories, "D0-cosine/history", "", "`D0-cosine` is not a run"),
            (Input::Projections, "D0@cosine#42/projection", "method,window\ntsne,1\n", "projection"),
            (Input::Cosines, "D0@cosine#42/cosines", "low,high,matched,random\n0,1,-2,3\n", "cosines"),
            (Input::Cosines, "D0@cosine/cosines", "", "`D0@cosine` is not a run"),
        ];
        for (input, name, text, expected) in cases {
            let dir = tempfile::tempdir().unwrap();
            let cx = context(dir.path(), &[(name, text)]);
            let error = Sources::read("x", &fixture::facts(), &[input], &cx).unwrap_err().to_string();
            assert!(error.contains(expected), "{name}: {error}");
        }
    }

    #[test]
    fn splits_and_runs_are_found_by_the_names_of_inputs() {
        let dir = tempfile::tempdir().unwrap();
        let indices = fixture::indices();
        let (train, test) = (indices[0].to_json(), indices[2].to_json());
        let histories = fixture::histories();
        let (run, rows) = histories.first_key_value().unwrap();
        let (history_name, history) = (format!("{run}/history"), HistoryRow::to_csv(rows));
        let observations = Observation::to_csv(&fixture::observations());
        let files = [
            ("index/train", train.as_str()),
            ("index/test", test.as_str()),
            (history_name.as_str(), history.as_str()),
            ("lineage", "a\n"),
            ("observations", observations.as_str()),
        ];
        let cx = context(dir.path(), &files);
        let inputs = [Input::Indices, Input::Histories, Input::Lineage, Input::Observations];
        let sources = Sources::read("x", &fixture::facts(), &inputs, &cx).unwrap();
        assert_eq!(sources.indices().unwrap().keys().collect::<Vec<_>>(), ["test", "train"]);
        assert_eq!(sources.histories().unwrap(), &BTreeMap::from([(run.clone(), rows.clone())]));
        assert_eq!(sources.lineage().unwrap(), Digest::of(b"a\n"), "the digest of the file, not of its name");
        assert_eq!(sources.observations().unwrap(), fixture::observations());
        assert!(sources.frame().is_err());
    }

    /// Files of one kind are not taken for those of another, and a campaign without any has none.
    #[test]
    fn projections_and_histograms_are_read_by_run() {
        let dir = tempfile::tempdir().unwrap();
        let (projections, cosines) = (fixture::projections(), fixture::cosines());
        let (run, points) = projections.iter().next().unwrap();
        let (names, points) = ([format!("{run}/projection"), format!("{run}/cosines")], Projected::to_csv(points));
        let bins = CosineBin::to_csv(&cosines[run]);
        let cx = context(dir.path(), &[(&names[0], &points), (&names[1], &bins)]);
        let sources = Sources::read("x", &fixture::facts(), &[Input::Projections, Input::Cosines], &cx).unwrap();
        assert_eq!(sources.projections().unwrap().keys().collect::<Vec<_>>(), [run]);
        assert_eq!(sources.projections().unwrap()[run], projections[run]);
        assert_eq!(sources.cosines().unwrap(), &BTreeMap::from([(run.clone(), cosines[run].clone())]));
        let empty = Context::new(dir.path().join("out"), dir.path().join("scratch"));
        let sources = Sources::read("x", &fixture::facts(), &[Input::Projections], &empty).unwrap();
        assert!(sources.projections().unwrap().is_empty() && sources.cosines().is_err());
    }

    #[test]
    fn a_measurement_stands_beside_the_published_value_that_the_list_names() {
        let sources = fixture::sources();
        let beside = |select: Select| sources.published_beside(&select).unwrap().map(|published| published.value);
        let of = |stage: &str, arm: &str| Select::stage(stage).arm(arm).condition("selected").metric("s");
        assert_eq!(beside(of("screening", "d4a4")), Some(69.8));
        assert_eq!(beside(of("families", "t3-wt")), Some(67.6));
        assert_eq!(beside(of("screening", "d4-a4r")), None, "not an arm of Table 2");
        assert_eq!(beside(of("screening", "d4a4").seed(42)), None, "the selector is compared as it stands");
    }

    #[test]
    fn the_chance_of_s_is_measured_if_it_can_be() {
        assert_eq!(fixture::sources().chance().unwrap(), (14.2, "S"));
        let rows: Vec<_> = fixture::measurements().into_iter().filter(|row| row.metric != "chance_s").collect();
        let mut sources = fixture::sources();
        sources.measurements = Some(Frame::new(&rows).unwrap());
        assert_eq!(sources.chance().unwrap(), (15.625, "R@10"), "ten of a pool of 64");
    }
}
