//! What is in force: the typed configuration, and where each value came from.
//!
//! Four layers, later ones win: built-in defaults, a file (on top of what it includes), the
//! environment, the command line.
//! `default.toml` beside this crate explains every key; a test holds it equal to the defaults
//! here. Nothing is ignored: an unknown key in any layer is an error. Keys are named as written,
//! with dots (`book.orders_max`). Secrets are no keys; they come from the environment only.

pub mod layers;
pub mod show;
pub mod values;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use undertow_core::types::{Nanos, Text};
use undertow_strategies::flow::volatility::RegimeBounds;
use undertow_strategies::sentiment::WITHOUT_NEWS;

use values::{
    Bytes, Count, Demand, Idle, IfdProfile, Layout, Mode, Moment, NewsOf, OddLot, Pace,
    PairCorrelation, PowerOfTwo, Span, Succeeds, SymbolBucket, VwapAnchor,
};

/// The defaults as a user reads them: every key with its unit, default and reason.
pub const DEFAULT_TOML: &str = include_str!("../default.toml");

/// Keys of the configuration and of profiles that once meant something, and what does their work
/// now. A name on this list is refused for ever and never given to anything else: an old file
/// must not switch on what its writer has never heard of.
pub const RETIRED: &[(&str, &str)] =
    &[("book.levels_max", "book.pages_max, of sixteen levels each")];

/// What is told of a key that is retired; none of one that is not.
#[must_use]
pub fn retired(key: &str) -> Option<(String, String)> {
    let (_, heir) = RETIRED.iter().find(|(retired, _)| *retired == key)?;
    let cause = format!("the key `{key}` is retired and will never mean anything again");
    Some((cause, format!("leave it out; its work is done by {heir}")))
}

/// Symbols of which news are followed.
const NEWS_OF_MAX: usize = 1_000;

/// The whole configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Files whose keys stand below those of the file that names them.
    pub include: Vec<String>,
    /// What the program does with what it sees.
    pub mode: Mode,
    /// How the stages are cut into tiles.
    pub layout: Layout,
    /// Ids of the cores for the tiles, in the order of the topology; empty takes them as found.
    pub cores: Vec<usize>,
    /// What a tile does when it has nothing to do.
    pub idle: Idle,
    /// Messages that a link holds.
    pub link_depth: PowerOfTwo<64, 1_048_576>,
    /// Messages that a tile takes in one duty cycle.
    pub batch_max: Count<1, 4096>,
    /// Whether to run with tiles that could not be pinned.
    pub unpinned_ok: bool,
    /// Limits of the books.
    pub book: BookConfig,
    /// What the measures of flow look back on, and count as large.
    pub flow: FlowConfig,
    /// How institutional flow is detected in options.
    pub ifd: IfdConfig,
    /// What was found in recorded sessions.
    pub discovered: DiscoveredConfig,
    /// What slow sources tell runs that trade.
    pub context: ContextConfig,
    /// What is measured.
    pub latency: LatencyConfig,
    /// What is wanted of the host's memory.
    pub memory: MemoryConfig,
    /// How files are played.
    pub replay: ReplayConfig,
    /// What runs that trade leave to one another.
    pub trade: TradeConfig,
    /// Where reports go.
    pub report: ReportConfig,
}

/// Limits of the books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BookConfig {
    /// Instruments with a book at one time.
    pub instruments_max: Count<1, 65_535>,
    /// Orders resting in all books together.
    pub orders_max: Count<1, 268_435_456>,
    /// Orders resting in one book.
    pub book_orders_max: Count<1, 268_435_456>,
    /// Pages of sixteen neighbouring price levels in all books together.
    pub pages_max: Count<1, 67_108_864>,
    /// Cancels of unknown orders, within 4,096 records of one book, after which that instrument
    /// is no longer trusted.
    pub unknown_cancels_max: Count<0, 4_294_967_295>,
    /// Records of one event without LAST after which an instrument is no longer trusted.
    pub last_missing_records_max: Count<1, 4_294_967_295>,
    /// The same as a span of the feed's own time.
    pub last_missing_ns_max: Span,
}

/// What was found in recorded sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DiscoveredConfig {
    /// Bars of 5 s that returns are looked back over.
    pub lookback: Count<1, 30>,
    /// Volume of a VPIN bucket of single symbols.
    pub buckets: Vec<SymbolBucket>,
    /// Annualised volatility below which the market is calm, and above which it is volatile.
    pub volatility_bounds_bps: Vec<Count<0, 10_000_000>>,
    /// Correlations of returns.
    pub correlations: Vec<PairCorrelation>,
    /// When the last session ended in which this was found.
    pub as_of: Moment,
}

/// What slow sources tell runs that trade, in files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ContextConfig {
    /// Replies with news and their scores.
    pub news: Vec<String>,
    /// Whose news count for which product.
    pub news_of: Vec<NewsOf>,
    /// File of what earlier trading days earned; empty for none.
    pub results: String,
}

/// What the measures of flow look back on, and count as large.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FlowConfig {
    /// Outright futures and stocks that get every measure.
    pub measured_max: Count<0, 65_535>,
    /// Volume of a VPIN bucket.
    pub vpin_bucket: Count<1, 1_000_000_000>,
    /// Buckets that VPIN looks back on.
    pub vpin_buckets: Count<1, 4_096>,
    /// One-minute bars that give bulk classification its deviation.
    pub bulk_bars: Count<2, 4_096>,
    /// The fewest of them.
    pub bulk_bars_min: Count<2, 4_096>,
    /// Least time between two samples of the book's imbalance.
    pub imbalance_interval_ns: Span,
    /// Length of the intervals of order flow imbalance.
    pub ofi_interval_ns: Span,
    /// Trades that pattern toxicity looks back on.
    pub pattern_trades: Count<3, 65_536>,
    /// Which lots are odd.
    pub odd_lot: OddLot,
    /// Least size of a block, contracts.
    pub block_contracts: Count<1, 4_294_967_295>,
    /// Least size of a block, shares.
    pub block_shares: Count<1, 4_294_967_295>,
    /// A sweep takes place within this.
    pub sweep_window_ns: Span,
    /// Prices that a sweep of contracts takes.
    pub sweep_levels: Count<3, 64>,
    /// A sweep is larger than this, contracts.
    pub sweep_contracts: Count<0, 4_294_967_295>,
    /// A sweep is larger than this, shares.
    pub sweep_shares: Count<0, 4_294_967_295>,
    /// How long a sweep stands.
    pub sweep_hold_ns: Span,
    /// The next slice of an iceberg comes within this after the last was filled.
    pub refill_window_ns: Span,
    /// Refills by its owner that make an iceberg.
    pub iceberg_refills: Count<1, 1_000>,
    /// Least size of a slice.
    pub slice_size_min: Count<1, 4_294_967_295>,
    /// Width of a level of the volume profile, ticks.
    pub profile_ticks: Count<1, 100_000>,
    /// Least size of a large trade.
    pub large_trade: Count<1, 4_294_967_295>,
    /// Closed one-minute bars that volume is compared with.
    pub volume_bars: Count<1, 1_440>,
    /// What the average price of a session counts.
    pub vwap_anchor: VwapAnchor,
}

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LatencyConfig {
    /// One of how many messages has its latency recorded.
    pub sample_every: PowerOfTwo<1, 65_536>,
    /// A duty cycle longer than this is counted.
    pub duty_cycle_threshold_ns: Span,
}

/// What is wanted of the host's memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MemoryConfig {
    /// Whether memory is locked.
    pub lock: Demand,
    /// Whether the books lie on huge pages.
    pub huge_pages: Demand,
}

/// How files are played.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReplayConfig {
    /// Multiple of the market's own speed.
    pub pace: Pace,
}

/// How institutional flow is detected in options.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IfdConfig {
    /// Thresholds of pressure signals.
    pub profile: IfdProfile,
    /// File of the history of days before; empty for none.
    pub baselines: String,
    /// Options that are followed.
    pub options_max: Count<0, 1_048_576>,
}

impl Default for IfdConfig {
    fn default() -> Self {
        Self {
            profile: IfdProfile::Production,
            baselines: String::new(),
            options_max: Count::of::<16_384>(),
        }
    }
}

/// What runs that trade leave to one another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TradeConfig {
    /// Directory of the state; empty to keep none.
    pub state_dir: String,
    /// The store of claims that programs share; empty for none.
    pub claims: String,
    /// The program that this one takes over from.
    pub succeeds: Succeeds,
    /// Where a run that is paced as live takes orders of its operator; empty for `operator.sock` in
    /// the directory of reports.
    pub socket: String,
}

/// Where reports go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReportConfig {
    /// Directory of the latency report.
    pub dir: String,
    /// `doctor` fails when the disk of `dir` has less free than this.
    pub free_bytes_min: Bytes,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            include: Vec::new(),
            mode: Mode::Replay,
            layout: Layout::Auto,
            cores: Vec::new(),
            idle: Idle::Auto,
            link_depth: PowerOfTwo::of::<4096>(),
            batch_max: Count::of::<256>(),
            unpinned_ok: false,
            book: BookConfig::default(),
            flow: FlowConfig::default(),
            discovered: DiscoveredConfig::default(),
            context: ContextConfig::default(),
            latency: LatencyConfig::default(),
            memory: MemoryConfig::default(),
            replay: ReplayConfig::default(),
            trade: TradeConfig::default(),
            report: ReportConfig::default(),
            ifd: IfdConfig::default(),
        }
    }
}

impl Default for BookConfig {
    fn default() -> Self {
        Self {
            instruments_max: Count::of::<16_384>(),
            orders_max: Count::of::<524_288>(),
            book_orders_max: Count::of::<262_144>(),
            pages_max: Count::of::<65_536>(),
            unknown_cancels_max: Count::of::<16>(),
            last_missing_records_max: Count::of::<4_096>(),
            last_missing_ns_max: Span(Nanos(5_000_000_000)),
        }
    }
}

impl Default for FlowConfig {
    fn default() -> Self {
        const SECOND: u64 = 1_000_000_000;
        Self {
            measured_max: Count::of::<64>(),
            vpin_bucket: Count::of::<500>(),
            vpin_buckets: Count::of::<50>(),
            bulk_bars: Count::of::<390>(),
            bulk_bars_min: Count::of::<30>(),
            imbalance_interval_ns: Span(Nanos(SECOND)),
            ofi_interval_ns: Span(Nanos(10 * SECOND)),
            pattern_trades: Count::of::<100>(),
            odd_lot: OddLot::BelowRoundLot,
            block_contracts: Count::of::<200>(),
            block_shares: Count::of::<10_000>(),
            sweep_window_ns: Span(Nanos(SECOND)),
            sweep_levels: Count::of::<7>(),
            sweep_contracts: Count::of::<20>(),
            sweep_shares: Count::of::<1_000>(),
            sweep_hold_ns: Span(Nanos(10 * SECOND)),
            refill_window_ns: Span(Nanos(300_000_000)),
            iceberg_refills: Count::of::<3>(),
            slice_size_min: Count::of::<3>(),
            profile_ticks: Count::of::<20>(),
            large_trade: Count::of::<10>(),
            volume_bars: Count::of::<20>(),
            vwap_anchor: VwapAnchor::Session,
        }
    }
}

impl Default for DiscoveredConfig {
    fn default() -> Self {
        Self {
            lookback: Count::of::<10>(),
            buckets: Vec::new(),
            volatility_bounds_bps: Vec::new(),
            correlations: Vec::new(),
            as_of: Moment::default(),
        }
    }
}

impl DiscoveredConfig {
    /// Volume of a symbol's VPIN bucket; absent when it was not looked at.
    #[must_use]
    pub fn bucket(&self, symbol: &str) -> Option<u32> {
        let found = self.buckets.iter().find(|found| found.symbol == symbol);
        found.map(|found| found.volume)
    }

    /// Every symbol's bucket, as the flow stage takes them.
    #[must_use]
    pub fn vpin_buckets(&self) -> Vec<(Text<71>, u64)> {
        let bucket = |found: &SymbolBucket| {
            let symbol = Text::from_bytes(found.symbol.as_bytes());
            (symbol, u64::from(found.volume))
        };
        self.buckets.iter().map(bucket).collect()
    }

    /// Bounds of the volatility regime as fractions; absent when not known.
    #[must_use]
    pub fn regime_bounds(&self) -> Option<RegimeBounds> {
        let [low, high] = self.volatility_bounds_bps.as_slice() else {
            return None;
        };
        let [low, high] = [low, high].map(|bps| bps.get() as f64 / 10_000.0);
        Some(RegimeBounds { low, high })
    }

    /// The correlation of two symbols in thousandths, in either order; absent when not known.
    #[must_use]
    pub fn correlation(&self, a: &str, b: &str) -> Option<i16> {
        let pair = self.correlations.iter().find(|pair| pair.is_of(a, b));
        pair.map(|pair| pair.thousandths)
    }

    fn conflicts(&self, blame: &mut impl FnMut(&'static str, String, &str)) {
        if !matches!(self.volatility_bounds_bps.as_slice(), [] | [_, _]) {
            blame(
                "discovered.volatility_bounds_bps",
                "there are two bounds, or none when they are not known".into(),
                "write [LOW, HIGH], for instance [858, 1005]",
            );
        }
        if let [low, high] = self.volatility_bounds_bps.as_slice()
            && low.get() > high.get()
        {
            blame(
                "discovered.volatility_bounds_bps",
                format!("{} is above {}", low.get(), high.get()),
                "write the lower bound first",
            );
        }
        if !self.correlations.is_empty() && self.as_of.0.is_none() {
            blame(
                "discovered.correlations",
                "nobody can say how old these are".into(),
                "find them anew with `undertow discover`, or write discovered.as_of",
            );
        }
    }
}

impl Default for LatencyConfig {
    fn default() -> Self {
        Self {
            sample_every: PowerOfTwo::of::<16>(),
            duty_cycle_threshold_ns: Span(Nanos(50_000)),
        }
    }
}

impl Default for MemoryConfig {
    fn default() -> Self {
        Self {
            lock: Demand::Off,
            huge_pages: Demand::Try,
        }
    }
}

impl Default for ReplayConfig {
    fn default() -> Self {
        Self { pace: Pace::Max }
    }
}

impl Default for ReportConfig {
    fn default() -> Self {
        Self {
            dir: "undertow-out".into(),
            free_bytes_min: Bytes(256 << 20),
        }
    }
}

impl Config {
    /// A short hash of every value that can change what a run does or how long it takes, to
    /// tell such runs apart. Where the report goes is not among them.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        // Where something lies changes nothing, and of included files only their keys do.
        let is_place = |key: &str| key.starts_with("report.") || key.starts_with("trade.");
        let counts = |key: &str| !is_place(key) && key != "include";
        format!("{:08x}", self.digest(counts) >> 32)
    }

    /// A hash of every value on which decisions depend: not of layout, threads and times.
    #[must_use]
    pub fn meaning(&self) -> u64 {
        self.digest(is_decisive)
    }

    /// Every key that can change a decision, with its value as JSON.
    #[must_use]
    pub fn decisive(&self) -> BTreeMap<String, String> {
        let values = self.values().into_iter();
        values
            .filter(|(key, _)| is_decisive(key))
            .map(|(key, value)| (key, value.to_string()))
            .collect()
    }

    fn digest(&self, counts: impl Fn(&str) -> bool) -> u64 {
        let mut digest = crate::output::Digest::EMPTY;
        for (key, value) in self.values() {
            if counts(&key) {
                for byte in format!("{key}={value}\n").bytes() {
                    digest.add(u64::from(byte));
                }
            }
        }
        digest.value()
    }

    /// Every key with its value, by name: the top level first, then each section.
    #[must_use]
    pub fn values(&self) -> Vec<(String, Value)> {
        let mut values = Vec::new();
        leaves("", &tree(self), &mut values);
        values
    }

    /// Sets one key.
    ///
    /// # Errors
    /// What the key accepts, when `value` is not that. The configuration is then as before.
    ///
    /// # Panics
    /// When there is no such key: the caller looked it up in [`Config::values`].
    pub fn set(&mut self, key: &str, value: Value) -> Result<(), String> {
        let mut tree = tree(self);
        let pointer = format!("/{}", key.replace('.', "/"));
        *tree
            .pointer_mut(&pointer)
            .expect("the caller looked the key up") = value;
        *self = serde_json::from_value(tree).map_err(|error| error.to_string())?;
        Ok(())
    }

    /// What is right alone and wrong together, or wrong in a way that a type cannot say: the key
    /// to blame, the cause, and what to do.
    #[must_use]
    pub fn conflicts(&self) -> Vec<(&'static str, String, String)> {
        let mut conflicts = Vec::new();
        let mut blame = |key, cause: String, next: &str| {
            conflicts.push((key, cause, next.to_owned()));
        };
        let (batch, depth) = (self.batch_max.get(), self.link_depth.get());
        if batch > depth {
            blame(
                "batch_max",
                format!("a batch of {batch} is more than a link of {depth} holds"),
                "lower batch_max or raise link_depth",
            );
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = self.cores.iter().find(|core| !seen.insert(**core)) {
            blame(
                "cores",
                format!("core {twice} is named twice, but a core has one tile"),
                "name each core once",
            );
        }
        if self.book.last_missing_ns_max.0 < Nanos(1_000) {
            blame(
                "book.last_missing_ns_max",
                format!(
                    "{} is too short for any event",
                    self.book.last_missing_ns_max
                ),
                "use at least 1us",
            );
        }
        self.flow.conflicts(&mut blame);
        if self.latency.duty_cycle_threshold_ns.0 == Nanos(0) {
            blame(
                "latency.duty_cycle_threshold_ns",
                "every duty cycle is longer than 0".into(),
                "use at least 1ns",
            );
        }
        self.discovered.conflicts(&mut blame);
        self.context.conflicts(&mut blame);
        if self.report.dir.is_empty() {
            blame(
                "report.dir",
                "the directory has no name".into(),
                "name a directory, for instance \"undertow-out\"",
            );
        }
        conflicts
    }
}

impl ContextConfig {
    /// Every file that is read.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        let results = Some(self.results.as_str()).filter(|path| !path.is_empty());
        self.news.iter().map(String::as_str).chain(results)
    }

    fn conflicts(&self, blame: &mut impl FnMut(&'static str, String, &str)) {
        if !self.news.is_empty() && self.news_of.is_empty() {
            let cause = "there are news, and they count for no product".into();
            blame("context.news_of", cause, "write whose, like [\"NQ=NVDA\"]");
        }
        let fund = |of: &&NewsOf| WITHOUT_NEWS.contains(&of.symbol.as_str());
        if let Some(of) = self.news_of.iter().find(fund) {
            let cause = format!("{} is a fund, of which there are no news", of.symbol);
            blame("context.news_of", cause, "name what it holds");
        }
        if self.news_of.len() > NEWS_OF_MAX {
            let cause = format!("{} symbols are more than {NEWS_OF_MAX}", self.news_of.len());
            blame("context.news_of", cause, "name the heaviest");
        }
    }
}

impl FlowConfig {
    fn conflicts(&self, blame: &mut impl FnMut(&'static str, String, &str)) {
        if self.bulk_bars_min.get() > self.bulk_bars.get() {
            blame(
                "flow.bulk_bars_min",
                "more bars are wanted than are looked back on".into(),
                "lower flow.bulk_bars_min or raise flow.bulk_bars",
            );
        }
        let intervals = [
            ("flow.imbalance_interval_ns", self.imbalance_interval_ns),
            ("flow.ofi_interval_ns", self.ofi_interval_ns),
        ];
        for (key, interval) in intervals {
            if interval.0 == Nanos(0) {
                let cause = "an interval of no length never ends".into();
                blame(key, cause, "use at least 1ns");
            }
        }
    }
}

/// Sections and keys of the configuration that can change a decision. What lies in files is an
/// input, and not among them.
const DECISIVE: [&str; 5] = ["book.", "flow.", "discovered.", "ifd.", "context.news_of"];

fn is_decisive(key: &str) -> bool {
    DECISIVE.iter().any(|section| key.starts_with(section))
}

/// A configuration as a tree of JSON.
fn tree(config: &Config) -> Value {
    serde_json::to_value(config).expect("every kind of value has a place in JSON")
}

/// Collects the values of a tree under their dotted names, plain ones before sections.
fn leaves(prefix: &str, tree: &Value, out: &mut Vec<(String, Value)>) {
    let Value::Object(section) = tree else {
        return;
    };
    let name = |key: &str| match prefix {
        "" => key.to_owned(),
        _ => format!("{prefix}.{key}"),
    };
    for (key, value) in section.iter().filter(|(_, value)| !value.is_object()) {
        out.push((name(key), value.clone()));
    }
    for (key, value) in section.iter().filter(|(_, value)| value.is_object()) {
        leaves(&name(key), value, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_toml_is_the_built_in_defaults() {
        let parsed: Config = toml::from_str(DEFAULT_TOML).expect("valid");
        assert_eq!(parsed, Config::default());
    }

    #[test]
    fn default_toml_explains_every_key() {
        let mut section = String::new();
        let mut explained = Vec::new();
        let mut previous = "";
        for line in DEFAULT_TOML.lines() {
            if let Some(name) = line.strip_prefix('[') {
                section = format!("{}.", name.trim_end_matches(']'));
            } else if let Some((key, _)) = line.split_once(" = ")
                && !line.starts_with('#')
            {
                assert!(previous.starts_with("# "), "{key} has no comment above it");
                explained.push(format!("{section}{key}"));
            }
            previous = line;
        }
        let mut keys: Vec<String> = values_of_default().into_iter().map(|(k, _)| k).collect();
        keys.sort();
        explained.sort();
        assert_eq!(explained, keys);
    }

    #[test]
    fn every_key_can_be_set_to_its_own_value() {
        let mut config = Config::default();
        for (key, value) in values_of_default() {
            config.set(&key, value).expect(&key);
        }
        assert_eq!(config, Config::default());
    }

    #[test]
    fn refused_value_leaves_the_configuration_as_it_was() {
        let mut config = Config::default();
        let error = config
            .set("link_depth", 48.into())
            .expect_err("no power of two");
        assert_eq!(error, "must be a power of two from 64 to 1048576, is 48");
        assert_eq!(config, Config::default());
    }

    #[test]
    fn k15_what_can_change_a_decision_changes_the_meaning_and_where_things_lie_does_not() {
        let changed = |key: &str, value: Value| {
            let mut config = Config::default();
            config.set(key, value).expect("right");
            config.meaning() != Config::default().meaning()
        };
        for (key, value) in [
            ("book.unknown_cancels_max", 17.into()),
            ("flow.vpin_bucket", 501.into()),
            ("discovered.buckets", vec!["NQH6=75"].into()),
            ("ifd.profile", "testing".into()),
        ] {
            assert!(changed(key, value), "{key}");
        }
        for (key, value) in [
            ("layout", "split".into()),
            ("replay.pace", "8x".into()),
            ("trade.state_dir", "elsewhere".into()),
            ("report.dir", "elsewhere".into()),
        ] {
            assert!(!changed(key, value), "{key}");
        }
    }

    #[test]
    fn defaults_do_not_conflict() {
        assert_eq!(Config::default().conflicts(), []);
    }

    #[test]
    fn each_conflict_names_the_key_to_blame() {
        let cases: [(&str, Value); 13] = [
            ("batch_max", 4096.into()),
            ("cores", vec![1, 2, 1].into()),
            ("book.last_missing_ns_max", "10ns".into()),
            ("latency.duty_cycle_threshold_ns", 0.into()),
            ("report.dir", "".into()),
            ("flow.bulk_bars_min", 391.into()),
            ("flow.imbalance_interval_ns", 0.into()),
            ("flow.ofi_interval_ns", 0.into()),
            ("discovered.correlations", vec!["ESH6:NQH6=0.953"].into()),
            ("context.news_of", vec!["NQ=QQQ"].into()),
            ("context.news_of", vec!["NQ=NVDA"; 1_001].into()),
            ("discovered.volatility_bounds_bps", vec![858].into()),
            ("discovered.volatility_bounds_bps", vec![1005, 858].into()),
        ];
        for (key, value) in cases {
            let mut config = Config::default();
            config.set("link_depth", 64.into()).expect("in range");
            config.set("batch_max", 1.into()).expect("in range");
            config.set(key, value).expect("right alone");
            let blamed: Vec<&str> = config.conflicts().iter().map(|c| c.0).collect();
            assert_eq!(blamed, [key]);
        }
        let mut config = Config::default();
        let files = vec!["news.json"].into();
        config.set("context.news", files).expect("right alone");
        let blamed: Vec<&str> = config.conflicts().iter().map(|c| c.0).collect();
        assert_eq!(blamed, ["context.news_of"], "news of nobody");
    }

    fn values_of_default() -> Vec<(String, Value)> {
        Config::default().values()
    }
}
