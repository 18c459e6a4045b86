//! Measurements to tables, figures, numbers, LaTeX and PDF.
//!
//! Every stage here is pure: a function of files (measurements, published values, templates) and of [`Facts`] about
//! the campaign. `verify` re-runs all of them and compares bytes.
//!
//! | stage | inputs | outputs |
//! |---|---|---|
//! | [`Table`] `table/<id>`, one for each of [`tables::TABLES`] | those that its definition lists, see [`Input`] | `tex`, `csv` |
//! | [`Figure`] `figure/<id>`, one for each of [`figures::FIGURES`] | the same | `svg`, `pdf` |
//! | [`Numbers`] `numbers` | those of [`Numbers::INPUTS`] | `tex`, `json` |
//! | [`Tex`] `tex` | `templates/<file>`, `tables/<id>` (`tex` of each table), `figures/<id>` (`pdf` of each figure), `numbers` (its `tex`), `numbers_json` (its `json`), `published` | tree `paper` |
//! | [`Pdf`] `pdf`, if [`latex::find_engine`] finds one | `tree` (the tree `paper`) | `pdf` |

mod compare;
mod error;
mod facts;
pub mod figures;
mod frame;
pub mod latex;
mod numbers;
mod pdf;
mod published;
mod scan;
mod setup;
mod sheet;
mod sources;
mod style;
pub mod tables;
mod tex;

pub use compare::{Compare, Entry, Field, PartOf, StandIn};
pub use error::Error;
pub use facts::{
    ArmFacts, ConfirmationFacts, ConfirmedFacts, CorpusFacts, DescriptorFacts, ExperimentFacts, Facts, RetrievalFacts,
};
pub use figures::Figure;
pub use frame::{Frame, Measured, Select};
pub use numbers::{Number, NumberMap, Numbers};
pub use pdf::Pdf;
pub use published::{Leaf, LeafValue, Published};
pub use scan::{TypedNumber, typed_numbers};
pub use setup::{
    AttractorFacts, AudioFacts, ConvFacts, LayersFacts, MidiFacts, ModelFacts, ScheduleFacts, SpectrumFacts,
    TrainingFacts,
};
pub use sheet::{Align, Cell, Column, Sheet, SheetRow};
pub use sources::{Input, Sources};
pub use tables::Table;
pub use tex::Tex;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod paper_tests;
