//! What the campaign says of the paper's claims, and what arithmetic says of its numbers.

use std::collections::BTreeMap;

use hit_audit::AuditPaper;
use hit_claims::{Judge, Setting};
use hit_engine::Node;
use hit_report::Facts;

use super::Wiring;
use super::corpus::EXAMINE;
use crate::config::Profile;

/// The stage that judges the claims.
pub(super) const CLAIMS: &str = "claims";
/// The stage that audits the published numbers.
pub(super) const AUDIT: &str = "audit";
/// Cut-offs of R@k whose chance levels claims may name.
const KS: [usize; 4] = [1, 5, 10, 20];

impl Wiring<'_> {
    /// The claims over the measurements, and the audit, which reads nothing of the campaign.
    pub(super) fn claims(&mut self, facts: &Facts) {
        let comparable = facts.comparable();
        let setting = Setting { comparable, published_sizes: self.published_sizes(), label: setting(facts) };
        let node = Node::new(CLAIMS, Judge { known: known(facts), setting })
            .external("claims", self.paper("claims.toml"), None)
            .external("published", self.paper("published.toml"), None)
            .input("measurements", "measurements", "measurements")
            .input("observations", EXAMINE, "observations");
        self.add(exported(node, CLAIMS));
        let node = Node::new(AUDIT, AuditPaper {}).external("published", self.paper("published.toml"), None).external(
            "audit",
            self.paper("audit.toml"),
            None,
        );
        self.add(exported(node, AUDIT));
    }

    /// Whether models, queries and pools are those of a profile with the published protocol, whatever the corpus is.
    fn published_sizes(&self) -> bool {
        let sizes = |profile: &Profile| (profile.model.clone(), profile.retrieval.clone());
        let published = self.config.profiles.values().filter(|profile| profile.published_protocol);
        published.map(sizes).any(|published| published == sizes(self.profile))
    }
}

fn exported(node: Node, name: &str) -> Node {
    let node = node.group("report").pure();
    node.export("json", format!("{name}.json")).export("csv", format!("{name}.csv"))
}

/// What a campaign is, in one line: stands with every verdict.
fn setting(facts: &Facts) -> String {
    let audio = serde_json::to_value(facts.corpus.audio).ok();
    let audio = audio.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
    let recipe = facts.corpus.recipe.as_ref().map_or_else(String::new, |recipe| format!(" ({recipe})"));
    format!("profile {}, {}, {audio} audio{recipe}", facts.profile, facts.corpus.label)
}

/// Numbers that follow from the configuration, by the names that claims have for them.
fn known(facts: &Facts) -> BTreeMap<String, f64> {
    let mut known = BTreeMap::from([
        ("pool_size".to_owned(), facts.retrieval.pool_size as f64),
        ("n_queries".to_owned(), facts.retrieval.n_queries as f64),
    ]);
    known.extend(KS.map(|k| (format!("chance.r{k}"), facts.chance(k))));
    for arm in &facts.arms {
        let own = [
            ("parameters", arm.parameters),
            ("trainable", arm.trainable),
            ("audio_tokens", arm.audio_tokens),
            ("flops", arm.flops),
        ];
        known.extend(own.map(|(what, value)| (format!("{}.{what}", arm.id), value as f64)));
        known.extend(arm.parts.iter().map(|(part, n)| (format!("{}.part.{part}", arm.id), *n as f64)));
    }
    known
}
