//! Where a run comes from: everything outside it that can change what it decides.
//!
//! Two runs with equal provenance decide alike, whatever the layout and the machine. It lies as
//! [`FILE`] beside what the run decided, for `parity` to tell why two runs differ.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Its file in a run's directory.
pub const FILE: &str = "provenance.json";

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version and digest of the program.
    pub build: String,
    /// What orders could reach.
    pub mode: String,
    /// How the run was laid out; changes nothing that is decided.
    pub layout: String,
    /// Every key of the configuration that can change a decision.
    pub config: BTreeMap<String, String>,
    /// The profile's name; changes nothing by itself.
    pub profile: String,
    /// Every key of the profile.
    pub limits: BTreeMap<String, String>,
    /// Digest of the state that it went on from, 16 hex digits.
    pub state: Option<String>,
    /// What was read, in order.
    pub inputs: Vec<Origin>,
}

/// Which program decides, and by which configuration: one over everything that programs share
/// (K15). A second build, or the same one by other rules, would trade against the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Version and digest of the program.
    pub build: String,
    /// Digest of every key of configuration and profile that can change a decision.
    pub config: u64,
}

/// A [`Program`] in sixteen hex digits, for people to copy: `0011-2233-4455-6677`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramId(pub u64);

impl Program {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> ProgramId {
        let words = self.build.bytes().chain(self.config.to_le_bytes());
        ProgramId(words.fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
        }))
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "build {}, configuration {:016x}",
            self.build, self.config
        )
    }
}

impl fmt::Display for ProgramId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = [48, 32, 16, 0].map(|at| self.0 >> at & 0xFFFF);
        write!(f, "{a:04x}-{b:04x}-{c:04x}-{d:04x}")
    }
}

impl FromStr for ProgramId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.replace('-', "");
        let id = u64::from_str_radix(&digits, 16).ok().map(Self);
        id.filter(|id| id.to_string() == text)
            .ok_or_else(|| format!("must be an id like 0011-2233-4455-6677, is {text:?}"))
    }
}

/// One input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// Its name; changes nothing by itself.
    pub name: String,
    /// Digest of its content, 16 hex digits; none if it was not read to its end.
    pub content: Option<String>,
}

/// Why two runs decide differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Another program.
    Build,
    /// Other parameters, weights, thresholds or limits.
    Config,
    /// Another market was seen.
    Data,
    /// The same things at another time.
    Latency,
    /// Another place in the queue: other fills of the same orders.
    Queue,
    /// The operator ordered something else. Nothing that a run comes from tells it.
    Operator,
}

impl Cause {
    /// Every one.
    pub const ALL: [Self; 6] = [
        Self::Build,
        Self::Config,
        Self::Data,
        Self::Latency,
        Self::Queue,
        Self::Operator,
    ];

    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Build => "build",
            Self::Config => "config",
            Self::Data => "data",
            Self::Latency => "latency",
            Self::Queue => "queue",
            Self::Operator => "operator",
        }
    }
}

/// One thing in which two provenances differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Apart {
    /// What.
    pub what: String,
    /// In the first.
    pub a: String,
    /// In the second.
    pub b: String,
    /// What it can cause.
    #[serde(skip)]
    pub causes: &'static [Cause],
}

/// Keys of a profile that are about the paper venue, and what they change.
const VENUE: [(&str, &[Cause]); 2] = [
    ("venue.seed", &[Cause::Latency, Cause::Queue]),
    ("venue.impact", &[Cause::Queue]),
];

impl Provenance {
    /// Everything that can change a decision and differs, the general before the particular.
    #[must_use]
    pub fn apart(&self, other: &Self) -> Vec<Apart> {
        let mut all = Vec::new();
        let mut note = |what: &str, a: &str, b: &str, causes| {
            if a != b {
                all.push(Apart {
                    what: what.to_owned(),
                    a: a.to_owned(),
                    b: b.to_owned(),
                    causes,
                });
            }
        };
        note("build", &self.build, &other.build, &[Cause::Build]);
        // Another venue answers at other times, and has other queues.
        let venue = &[Cause::Config, Cause::Data, Cause::Latency, Cause::Queue];
        note("mode", &self.mode, &other.mode, venue);
        for (key, a, b) in joined(&self.config, &other.config) {
            note(&format!("config {key}"), a, b, &[Cause::Config]);
        }
        for (key, a, b) in joined(&self.limits, &other.limits) {
            let venue = VENUE.iter().find(|(known, _)| *known == key);
            let causes = venue.map_or(&[Cause::Config][..], |(_, causes)| causes);
            note(&format!("profile {key}"), a, b, causes);
        }
        let state = |state: &Option<String>| state.clone().unwrap_or_else(|| "none".to_owned());
        let (a, b) = (state(&self.state), state(&other.state));
        note("state", &a, &b, &[Cause::Config]);
        for at in 0..self.inputs.len().max(other.inputs.len()) {
            let of = |inputs: &[Origin]| {
                inputs.get(at).map_or_else(
                    || "absent".to_owned(),
                    |input| {
                        let content = input.content.clone();
                        content.unwrap_or_else(|| "not read to its end".to_owned())
                    },
                )
            };
            let (a, b) = (of(&self.inputs), of(&other.inputs));
            note(&format!("input {}", at + 1), &a, &b, &[Cause::Data]);
        }
        all
    }
}

/// Keys of both, each with its two values; what is absent is a dash.
fn joined<'m>(
    a: &'m BTreeMap<String, String>,
    b: &'m BTreeMap<String, String>,
) -> impl Iterator<Item = (&'m str, &'m str, &'m str)> {
    let only_b = b.keys().filter(|key| !a.contains_key(*key));
    let value =
        |map: &'m BTreeMap<String, String>, key: &str| map.get(key).map_or("-", String::as_str);
    a.keys()
        .chain(only_b)
        .map(move |key| (key.as_str(), value(a, key), value(b, key)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn some() -> Provenance {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        Provenance {
            build: "1".to_owned(),
            mode: "backtest".to_owned(),
            layout: "fused".to_owned(),
            config: BTreeMap::from([pair("flow.vpin_bucket", "500")]),
            profile: "paper".to_owned(),
            limits: BTreeMap::from([pair("venue.seed", "1"), pair("risk.orders_max", "20")]),
            state: None,
            inputs: vec![Origin {
                name: "a.dbn".to_owned(),
                content: Some("77".to_owned()),
            }],
        }
    }

    #[test]
    fn k15_programs_of_other_builds_or_configurations_have_other_ids() {
        let program = |build: &str, config| Program {
            build: build.to_owned(),
            config,
        };
        let one = program("0.1.0 aa", 7);
        assert_eq!(one.id(), program("0.1.0 aa", 7).id());
        assert_ne!(one.id(), program("0.1.0 ab", 7).id());
        assert_ne!(one.id(), program("0.1.0 aa", 8).id());
        let text = ProgramId(0x0011_2233_4455_6677).to_string();
        assert_eq!(text, "0011-2233-4455-6677");
        assert_eq!(text.parse(), Ok(ProgramId(0x0011_2233_4455_6677)));
        for wrong in [
            "",
            "0011223344556677",
            "0011-2233-4455",
            "0011-2233-4455-667g",
        ] {
            assert!(wrong.parse::<ProgramId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn layout_and_names_are_no_difference() {
        let mut other = some();
        other.layout = "split".to_owned();
        other.profile = "copy.toml".to_owned();
        other.inputs[0].name = "b.dbn".to_owned();
        assert_eq!(some().apart(&other), []);
    }

    #[test]
    fn no_difference_of_where_runs_come_from_can_tell_of_an_operator() {
        let other = Provenance {
            build: "2".to_owned(),
            mode: "paper".to_owned(),
            state: Some("77".to_owned()),
            ..Provenance::default()
        };
        let apart = some().apart(&other);
        let told: BTreeSet<_> = apart.iter().flat_map(|apart| apart.causes).collect();
        let rest = Cause::ALL.iter().filter(|cause| !told.contains(cause));
        assert_eq!(rest.collect::<Vec<_>>(), [&Cause::Operator]);
        let names: BTreeSet<_> = Cause::ALL.map(Cause::name).into();
        assert_eq!(names.len(), Cause::ALL.len(), "no name is another's");
    }

    #[test]
    fn each_difference_is_named_with_what_it_can_cause() {
        let told = |change: fn(&mut Provenance)| {
            let mut other = some();
            change(&mut other);
            let apart = some().apart(&other);
            assert_eq!(apart.len(), 1, "{apart:?}");
            (apart[0].what.clone(), apart[0].causes.to_vec())
        };
        let (what, causes) = told(|it| it.build.push('1'));
        assert_eq!((what.as_str(), causes), ("build", vec![Cause::Build]));
        let (what, causes) = told(|it| {
            it.config.clear();
        });
        assert_eq!(what, "config flow.vpin_bucket");
        assert_eq!(causes, [Cause::Config]);
        let (what, causes) = told(|it| {
            it.limits.insert("venue.seed".to_owned(), "2".to_owned());
        });
        assert_eq!(what, "profile venue.seed");
        assert_eq!(causes, [Cause::Latency, Cause::Queue]);
        let (what, causes) = told(|it| {
            it.limits
                .insert("risk.orders_max".to_owned(), "9".to_owned());
        });
        assert_eq!(what, "profile risk.orders_max");
        assert_eq!(causes, [Cause::Config]);
        let (what, causes) = told(|it| it.inputs[0].content = None);
        assert_eq!((what.as_str(), causes), ("input 1", vec![Cause::Data]));
        let (what, causes) = told(|it| it.mode = "live".to_owned());
        assert_eq!(what, "mode");
        assert!(!causes.contains(&Cause::Build));
    }
}
