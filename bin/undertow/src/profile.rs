//! A profile: what is traded, by which rules, within which limits. Read from TOML.
//!
//! Every limit must be written, for none has a default. A key that nobody reads is refused with
//! the nearest name that somebody does, and every error names its line. Amounts are exact: money
//! is read as decimal dollars, prices as decimal points, shares as percentages, times with a unit.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use toml::de::{DeTable, DeValue};
use undertow_core::contract::TickRule;
use undertow_core::money::Money;
use undertow_core::risk::{Capacity, LimitChange, LimitError, Limits, Unit};
use undertow_core::types::{Price, Text};
use undertow_core::venue::{Fees, Impact, Latency, PaperVenue, Setup};
use undertow_strategies::decide::rules::{RuleSet, Strategy, Unset};
use undertow_strategies::trade::settings::Product;

use crate::config;
use crate::config::layers::{line_at, toml};
use crate::exit::{Code, Failure, Failures};
use crate::output::Digest;

/// The profiles that come with the program.
pub const BUILT_IN: [(&str, &str); 1] = [("paper", include_str!("../profiles/paper.toml"))];

/// What a profile says.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Its name, or its file.
    pub name: String,
    /// The account's number.
    pub account: u64,
    /// Equity at the start.
    pub equity: Money,
    /// Buying power, in millionths of free funds.
    pub buying_power_ppm: i64,
    /// Initial margin of one future.
    pub future_margin: Money,
    /// Interest of a year.
    pub rate: f64,
    /// Fee of a contract and side.
    pub fee: Money,
    /// Whether what we take from the paper venue is gone for us.
    pub has_impact: bool,
    /// Seed of the paper venue's latencies.
    pub seed: u64,
    /// How long messages to and from the paper venue take.
    pub latency: Latency,
    /// The limits.
    pub limits: Limits,
    /// Room for contracts and orders.
    pub capacity: Capacity,
    /// Positions that are looked after at once.
    pub holdings_max: usize,
    /// Claims that are remembered at a time.
    pub claims_max: usize,
    /// Options that are listed.
    pub options_max: usize,
    /// What is traded.
    pub products: Vec<Product>,
    /// Every key as written, by its path.
    pub keys: BTreeMap<String, String>,
}

impl Profile {
    /// The profile of this name, or in this file.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its line.
    pub fn load(name: &str) -> Result<Self, Failures> {
        if let Some((_, text)) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
            return Self::read(name, text);
        }
        let text = std::fs::read_to_string(Path::new(name)).map_err(|error| {
            let known = BUILT_IN.map(|(name, _)| name).join(", ");
            let next = format!("give a file, or one of the built-in profiles: {known}");
            Failures(vec![
                Failure::new(Code::CONFIG_UNREADABLE, error.to_string(), next).at(name),
            ])
        })?;
        Self::read(name, &text)
    }

    /// A hash of every key and value: two runs under one profile have the same, whatever it is
    /// called and however it is laid out.
    #[must_use]
    pub fn meaning(&self) -> u64 {
        let mut digest = Digest::EMPTY;
        for (key, value) in &self.keys {
            digest.add_bytes(format!("{key}={value}\n").as_bytes());
        }
        digest.value()
    }

    /// The paper venue that it describes.
    ///
    /// # Errors
    /// Room for orders that the venue does not have.
    pub fn venue(&self) -> Result<PaperVenue, Failure> {
        let mut setup = Setup::new(self.latency, self.seed);
        setup.fees = Fees::flat(self.fee);
        setup.impact = if self.has_impact {
            Impact::On
        } else {
            Impact::Off
        };
        setup.contracts_max = self.capacity.contracts_max;
        PaperVenue::new(&setup).map_err(|error| {
            let next = "lower capacity.contracts_max";
            Failure::new(Code::CONFIG_VALUE, format!("{error:?}"), next).at(self.name.clone())
        })
    }

    fn read(name: &str, text: &str) -> Result<Self, Failures> {
        let root = toml(Path::new(name), text, "mend this line");
        let root = root.map_err(|failure| Failures(vec![failure]))?;
        let reader = Reader {
            name,
            text,
            failures: RefCell::default(),
            known: RefCell::default(),
        };
        let profile = reader.profile(root.get_ref());
        reader.refuse_unread("", root.get_ref());
        let failures = reader.failures.into_inner();
        match profile {
            Some(profile) if failures.is_empty() => Ok(profile),
            _ => Err(Failures(failures)),
        }
    }
}

/// Reads one file and keeps every error.
struct Reader<'t> {
    name: &'t str,
    text: &'t str,
    failures: RefCell<Vec<Failure>>,
    /// Keys that somebody asked for, as `table.key`.
    known: RefCell<BTreeSet<String>>,
}

type Table<'t> = DeTable<'t>;

impl Reader<'_> {
    fn profile(&self, root: &Table<'_>) -> Option<Profile> {
        let account = self.table(root, "account");
        let venue = self.table(root, "venue");
        let room = self.table(root, "capacity");
        let limits = self.limits(root);
        let products = self.products(root);
        let capacity = room.and_then(|table| self.capacity(table));
        let (account, venue, room) = (account?, venue?, room?);
        // Each is read, also after one that is wrong: everything is told at once, and what was not
        // asked for is nobody's.
        let dollars = |table, key, path: &str| self.value(table, key, path, dollars).map(Money);
        let id = self.value(account, "id", "account", whole);
        let equity = dollars(account, "equity", "account");
        let buying_power_ppm = self.value(account, "buying_power", "account", ppm);
        let future_margin = dollars(account, "future_margin", "account");
        let rate = self.value(account, "rate", "account", ppm);
        let fee = dollars(venue, "fee", "venue");
        let has_impact = self.value(venue, "impact", "venue", truth);
        let seed = self.value(venue, "seed", "venue", whole);
        let latency = self.latency(venue);
        let holdings_max = self.value(room, "holdings_max", "capacity", whole);
        let claims_max = self.value(room, "claims_max", "capacity", whole);
        let options_max = self.value(room, "options_max", "capacity", whole);
        Some(Profile {
            name: self.name.to_owned(),
            account: id?,
            equity: equity?,
            buying_power_ppm: buying_power_ppm?,
            future_margin: future_margin?,
            rate: rate? as f64 / 1e6,
            fee: fee?,
            has_impact: has_impact?,
            seed: seed?,
            latency: latency?,
            limits: limits?,
            capacity: capacity?,
            holdings_max: holdings_max?,
            claims_max: claims_max?,
            options_max: options_max?,
            products: products?,
            keys: keys(root),
        })
    }

    fn latency(&self, venue: &Table<'_>) -> Option<Latency> {
        let way = |key| self.value(venue, key, "venue", quantiles);
        let (out_ns, back_ns) = (way("latency_out"), way("latency_back"));
        let latency = Latency {
            out_ns: out_ns?,
            back_ns: back_ns?,
        };
        let Err(error) = latency.check() else {
            return Some(latency);
        };
        let at = venue.get("latency_out").map(|value| value.span().start);
        let next = "write times above 0 that do not descend, a minute at most";
        self.refuse(at, Code::CONFIG_VALUE, format!("venue: {error}"), next);
        None
    }

    fn limits(&self, root: &Table<'_>) -> Option<Limits> {
        let table = self.table(root, "risk")?;
        let before = self.failures.borrow().len();
        let limits = Limits::read(|name| {
            let field = Limits::FIELDS.iter().find(|field| field.name == name)?;
            if !table.contains_key(name) {
                self.note_known("risk", name);
                return None;
            }
            let read: fn(&DeValue<'_>) -> Result<i64, String> = match field.unit {
                Unit::Money => dollars,
                Unit::Ppm => ppm,
                Unit::Ns => span,
                _ => whole,
            };
            self.value(table, name, "risk", read)
        });
        match limits {
            Ok(limits) => Some(limits),
            Err(error) => {
                // A value that could not be read was told already.
                if self.failures.borrow().len() == before {
                    self.refuse_limit(table, &error);
                }
                for field in Limits::FIELDS {
                    self.note_known("risk", field.name);
                }
                None
            }
        }
    }

    fn refuse_limit(&self, table: &Table<'_>, error: &LimitError) {
        let named = match error {
            LimitError::Missing(_) => None,
            LimitError::TooSmall { name, .. }
            | LimitError::Contradiction { name, .. }
            | LimitError::Raised { name, .. } => table.get_key_value(*name),
        };
        let at = named.map(|(key, _)| key.span().start);
        let next = "see the built-in profile `paper` for one that holds together";
        self.refuse(at, Code::CONFIG_VALUE, format!("risk: {error}"), next);
    }

    fn capacity(&self, table: &Table<'_>) -> Option<Capacity> {
        let count = |key| self.value::<u32>(table, key, "capacity", whole);
        let [contracts, underlyings, strategies, orders, executions] = [
            "contracts_max",
            "underlyings_max",
            "strategies_max",
            "orders_max",
            "executions_max",
        ]
        .map(count);
        let capacity = Capacity {
            contracts_max: contracts?,
            underlyings_max: underlyings?,
            strategies_max: strategies?,
            orders_max: orders?,
            executions_max: executions?,
        };
        if let Err(error) = capacity.check() {
            let next = "choose one in its range";
            self.refuse(None, Code::CONFIG_VALUE, format!("capacity: {error}"), next);
            return None;
        }
        Some(capacity)
    }

    fn products(&self, root: &Table<'_>) -> Option<Vec<Product>> {
        self.note_known("", "product");
        let Some(DeValue::Array(tables)) = root.get("product").map(|value| value.get_ref()) else {
            let next = "add a [[product]] with its asset and strategies";
            self.refuse(None, Code::CONFIG_VALUE, "it trades nothing".into(), next);
            return None;
        };
        let mut products = Vec::new();
        for value in tables.iter() {
            let DeValue::Table(table) = value.get_ref() else {
                let at = Some(value.span().start);
                let next = "write it as [[product]]";
                self.refuse(at, Code::CONFIG_VALUE, "a product is a table".into(), next);
                return None;
            };
            products.push(self.product(table)?);
            self.refuse_unread("product", table);
        }
        Some(products)
    }

    fn product(&self, table: &Table<'_>) -> Option<Product> {
        let asset = self.value(table, "asset", "product", |value| {
            let text = text(value)?;
            let fits = !text.is_empty() && text.len() <= 11;
            fits.then(|| Text::from_bytes(text.as_bytes()))
                .ok_or_else(|| "must be 1 to 11 letters".to_owned())
        });
        let tick = self.value(table, "level_tick", "product", points);
        let range_min = self.value(table, "range_min", "product", points);
        let option_tick = self.option_tick(table);
        let names = self.value(table, "strategies", "product", strategies);
        let rules = names.iter().flatten().map(|strategy| {
            let mut set = RuleSet::of(*strategy);
            set.levels.tick = Price(tick.unwrap_or_default());
            set.levels.range_min = Price(range_min.unwrap_or_default());
            self.tuned(table, set)
        });
        let rules: Vec<Option<RuleSet>> = rules.collect();
        names.and(tick).and(range_min)?;
        Some(Product {
            asset: asset?,
            option_tick: option_tick?,
            rules: rules.into_iter().collect::<Option<_>>()?,
        })
    }

    /// The tick of a product's options, if it has one of its own; none if it is refused.
    fn option_tick(&self, product: &Table<'_>) -> Option<Option<TickRule>> {
        self.note_known("product", "option_tick");
        let Some(DeValue::Table(steps)) = product.get("option_tick").map(|it| it.get_ref()) else {
            return Some(None);
        };
        let step = |key| self.value(steps, key, "product.option_tick", points);
        let [upto, small, large] = ["upto", "small", "large"].map(step);
        Some(Some(TickRule::TwoStep {
            upto: Price(upto?),
            small: Price(small?),
            large: Price(large?),
        }))
    }

    /// A rule set with what `[product.rules.NAME]` says of it.
    fn tuned(&self, product: &Table<'_>, mut rules: RuleSet) -> Option<RuleSet> {
        self.note_known("product", "rules");
        let name = rules.rule.strategy().name();
        let Some(DeValue::Table(all)) = product.get("rules").map(|value| value.get_ref()) else {
            return Some(rules);
        };
        let Some((key, DeValue::Table(own))) = all
            .get_key_value(name)
            .map(|(key, value)| (key, value.get_ref()))
        else {
            return Some(rules);
        };
        for (parameter, value) in own.iter() {
            let at = Some(parameter.span().start);
            let number = written(value.get_ref()).and_then(|text| {
                let number: Option<f64> = text.parse().ok();
                number.ok_or_else(|| format!("must be a number, is {text:?}"))
            });
            let number = match number {
                Ok(number) => number,
                Err(why) => {
                    let cause = format!("{name}.{} {why}", parameter.get_ref());
                    self.refuse(at, Code::CONFIG_VALUE, cause, "write a number");
                    return None;
                }
            };
            let set = rules.set(parameter.get_ref(), number);
            if set == Err(Unset::NotWhole) {
                let cause = format!(
                    "{name}.{} counts whole things, and is {number}",
                    parameter.get_ref()
                );
                self.refuse(
                    at,
                    Code::CONFIG_VALUE,
                    cause,
                    "write a whole number in its range",
                );
                return None;
            }
            if set == Err(Unset::Unknown) {
                let near = rules
                    .names()
                    .min_by_key(|known| strsim::damerau_levenshtein(known, parameter.get_ref()));
                let cause = format!("{name} has no number `{}`", parameter.get_ref());
                let next = format!("did you mean `{}`?", near.unwrap_or_default());
                self.refuse(at, Code::CONFIG_UNKNOWN_KEY, cause, &next);
                return None;
            }
        }
        if let Err(invalid) = rules.check() {
            let at = Some(key.span().start);
            let cause = format!("{name}: {invalid}");
            self.refuse(at, Code::CONFIG_VALUE, cause, "correct the values");
            return None;
        }
        Some(rules)
    }

    fn table<'v>(&self, parent: &'v Table<'_>, key: &str) -> Option<&'v Table<'v>> {
        self.note_known("", key);
        if let Some(DeValue::Table(table)) = parent.get(key).map(|value| value.get_ref()) {
            return Some(table);
        }
        let next = "see the built-in profile `paper` for all of them";
        self.refuse(
            None,
            Code::CONFIG_VALUE,
            format!("the table [{key}] is missing"),
            next,
        );
        None
    }

    fn value<T>(
        &self,
        table: &Table<'_>,
        key: &str,
        path: &str,
        read: impl Fn(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<T> {
        self.note_known(path, key);
        let Some(value) = table.get(key) else {
            let cause = format!("{path}.{key} is missing");
            let next = "write it; nothing in a profile has a default";
            self.refuse(None, Code::CONFIG_VALUE, cause, next);
            return None;
        };
        match read(value.get_ref()) {
            Ok(value) => Some(value),
            Err(why) => {
                let at = Some(value.span().start);
                let cause = format!("{path}.{key} {why}");
                self.refuse(at, Code::CONFIG_VALUE, cause, "correct the value");
                None
            }
        }
    }

    fn note_known(&self, path: &str, key: &str) {
        self.known.borrow_mut().insert(format!("{path}.{key}"));
    }

    /// Refuses keys that nobody asked for, in this table and those below it.
    fn refuse_unread(&self, path: &str, table: &Table<'_>) {
        for (key, value) in table.iter() {
            let full = format!("{path}.{}", key.get_ref());
            if let Some((cause, next)) = config::retired(full.trim_start_matches('.')) {
                let at = Some(key.span().start);
                self.refuse(at, Code::CONFIG_UNKNOWN_KEY, cause, &next);
            } else if !self.known.borrow().contains(&full) {
                let prefix = format!("{path}.");
                let known = self.known.borrow();
                let near = known
                    .iter()
                    .filter_map(|known| known.strip_prefix(&prefix))
                    .map(|known| (strsim::damerau_levenshtein(known, key.get_ref()), known))
                    .min();
                let next = match near {
                    Some((distance, near)) if distance <= 4 => format!("did you mean `{near}`?"),
                    _ => "leave it out".to_owned(),
                };
                let cause = format!("nobody reads the key `{}`", key.get_ref());
                drop(known);
                self.refuse(
                    Some(key.span().start),
                    Code::CONFIG_UNKNOWN_KEY,
                    cause,
                    &next,
                );
            } else if let (true, DeValue::Table(below)) = (path.is_empty(), value.get_ref()) {
                self.refuse_unread(key.get_ref(), below);
            }
        }
    }

    fn refuse(&self, at: Option<usize>, code: Code, cause: String, next: &str) {
        let place = match at {
            Some(at) => format!("{}:{}", self.name, line_at(self.text, at)),
            None => self.name.to_owned(),
        };
        let failure = Failure::new(code, cause, next).at(place);
        self.failures.borrow_mut().push(failure);
    }
}

/// Every value below a table, by its path.
fn keys(root: &Table<'_>) -> BTreeMap<String, String> {
    fn note(path: String, value: &DeValue<'_>, keys: &mut BTreeMap<String, String>) {
        match value {
            DeValue::Table(table) => {
                for (key, value) in table.iter() {
                    note(format!("{path}.{}", key.get_ref()), value.get_ref(), keys);
                }
            }
            DeValue::Array(values) => {
                for (at, value) in values.iter().enumerate() {
                    note(format!("{path}.{}", at + 1), value.get_ref(), keys);
                }
            }
            DeValue::Boolean(truth) => {
                keys.insert(path, truth.to_string());
            }
            plain => {
                keys.insert(path, written(plain).unwrap_or_default());
            }
        }
    }
    let mut keys = BTreeMap::new();
    for (key, value) in root.iter() {
        note(key.get_ref().to_string(), value.get_ref(), &mut keys);
    }
    keys
}

fn text(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        _ => Err("must be text in quotes".to_owned()),
    }
}

/// What a number or a quoted text says, digits unparsed.
fn written(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().replace('_', "")),
        DeValue::Float(number) => Ok(number.as_str().replace('_', "")),
        _ => Err("must be a number, or a number in quotes".to_owned()),
    }
}

fn truth(value: &DeValue<'_>) -> Result<bool, String> {
    match value {
        DeValue::Boolean(truth) => Ok(*truth),
        _ => Err("must be true or false".to_owned()),
    }
}

fn whole<T: std::str::FromStr>(value: &DeValue<'_>) -> Result<T, String> {
    let text = written(value)?;
    text.parse()
        .map_err(|_| format!("must be a whole number in its range, is {text:?}"))
}

/// One limit and what it is to be, as a profile writes it, but for the quotes: `NAME=VALUE`.
///
/// # Errors
/// There is no such limit, or the value is none of its kind.
pub fn limit_change(text: &str) -> Result<LimitChange, String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    let (name, value) = (name.trim(), value.trim().replace('_', ""));
    let value = value.as_str();
    let Some(field) = Limits::FIELDS.iter().find(|field| field.name == name) else {
        let names = Limits::FIELDS.iter().map(|field| field.name);
        let near = names.min_by_key(|known| strsim::damerau_levenshtein(known, name));
        let near = near.unwrap_or_default();
        return Err(format!("there is no limit {name}; the nearest is {near}"));
    };
    let units = match field.unit {
        Unit::Money => decimal(value, 4),
        Unit::Ppm => share(value),
        Unit::Ns => duration(value),
        Unit::Count | Unit::Ticks => value
            .parse()
            .map_err(|_| format!("must be a whole number, is {value:?}")),
    };
    let units = units.map_err(|cause| format!("{name} {cause}"))?;
    LimitChange::new(name, units).ok_or_else(|| format!("there is no limit {name}"))
}

/// A decimal number times 10^`places`, exactly.
pub(crate) fn decimal(text: &str, places: u32) -> Result<i64, String> {
    let wrong = || format!("must be a decimal number with at most {places} places, is {text:?}");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let places = places as usize;
    if whole.is_empty() || !is_digits(whole) || !is_digits(part) || part.len() > places {
        return Err(wrong());
    }
    let units: i64 = format!("{whole}{part:0<places$}")
        .parse()
        .map_err(|_| wrong())?;
    Ok(sign * units)
}

/// Dollars in 1e-4.
fn dollars(value: &DeValue<'_>) -> Result<i64, String> {
    decimal(&written(value)?, 4)
}

/// Points in 1e-9.
fn points(value: &DeValue<'_>) -> Result<i64, String> {
    decimal(&written(value)?, 9)
}

/// A percentage in millionths.
fn ppm(value: &DeValue<'_>) -> Result<i64, String> {
    share(&text(value).map_err(|_| "must be a percentage in quotes, like \"2.5%\"")?)
}

fn share(text: &str) -> Result<i64, String> {
    let number = text.strip_suffix('%');
    let number = number.ok_or_else(|| format!("must end in %, is {text:?}"))?;
    decimal(number.trim(), 4)
}

/// A span of time in ns.
fn span(value: &DeValue<'_>) -> Result<i64, String> {
    duration(&text(value).map_err(|_| "must be a span of time in quotes, like \"5s\"")?)
}

fn duration(text: &str) -> Result<i64, String> {
    const UNITS: [(&str, i64); 6] = [
        ("ns", 1),
        ("us", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = UNITS.iter().find(|(name, _)| *name == unit);
    let number: Option<i64> = number.parse().ok();
    number
        .zip(unit)
        .and_then(|(number, (_, ns))| number.checked_mul(*ns))
        .ok_or_else(|| format!("must be a whole number and ns, us, ms, s, m or h, is {text:?}"))
}

/// Times in ns: the least, at 50, 90, 99 and 99.9 %, and the most.
fn quantiles(value: &DeValue<'_>) -> Result<[u64; Latency::QUANTILES], String> {
    let wrong = || {
        let count = Latency::QUANTILES;
        format!("must be {count} spans of time: the least, at 50, 90, 99 and 99.9 %, and the most")
    };
    let DeValue::Array(values) = value else {
        return Err(wrong());
    };
    let spans = values.iter().map(|value| span(value.get_ref()));
    let spans: Vec<i64> = spans.collect::<Result<_, _>>()?;
    let spans: Vec<u64> = spans.into_iter().map(i64::cast_unsigned).collect();
    spans.try_into().map_err(|_| wrong())
}

fn strategies(value: &DeValue<'_>) -> Result<Vec<Strategy>, String> {
    let DeValue::Array(names) = value else {
        return Err("must be a list of strategies".to_owned());
    };
    let known = Strategy::ALL.map(Strategy::name).join(", ");
    names
        .iter()
        .map(|name| {
            let name = text(name.get_ref())?;
            Strategy::ALL
                .into_iter()
                .find(|strategy| strategy.name() == name)
                .ok_or_else(|| format!("names {name:?}; known are {known}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paper_with(from: &str, to: &str) -> Result<Profile, Failures> {
        let text = BUILT_IN[0].1;
        assert!(text.contains(from), "{from}");
        Profile::read("test.toml", &text.replace(from, to))
    }

    fn refusal(from: &str, to: &str) -> String {
        paper_with(from, to).expect_err("refused").to_string()
    }

    #[test]
    fn built_in_profiles_hold() {
        for (name, _) in BUILT_IN {
            let profile = Profile::load(name).expect("a sound profile");
            assert_eq!(profile.equity, Money::from_usd(100_000));
            assert_eq!(profile.limits.daily_loss_ppm, 20_000);
            assert_eq!(profile.limits.data_age_ns_max, 15_000_000_000);
            assert_eq!(profile.limits.order_notional_max, 100_000_000);
            assert_eq!(profile.products[0].rules.len(), 6);
        }
    }

    #[test]
    fn k10_missing_zero_and_contradictory_limits_are_refused_with_their_line() {
        let missing = refusal("losing_days_max = 3", "");
        assert!(missing.contains("losing_days_max"), "{missing}");
        let zero = refusal("positions_max = 5  ", "positions_max = 0  ");
        assert!(
            zero.contains("test.toml:") && zero.contains("positions_max"),
            "{zero}"
        );
        let negative = refusal("daily_loss_max = 2_000", "daily_loss_max = -1");
        assert!(negative.contains("daily_loss_max"), "{negative}");
        let larger = refusal("order_quantity_max = 5 ", "order_quantity_max = 6 ");
        assert!(
            larger.contains("test.toml:") && larger.contains("position_quantity_max"),
            "{larger}"
        );
    }

    #[test]
    fn the_built_in_latency_is_the_measured_one_and_none_is_zero() {
        let paper = Profile::load("paper").expect("built in");
        assert_eq!(paper.latency, Latency::LOOPBACK);
        let out = "latency_out = [\"5200ns\"";
        let says = refusal(out, "latency_out = [\"0ns\"");
        assert!(!says.contains("nobody reads"), "{says}");
        assert!(
            says.contains("test.toml:20") && says.contains("zero"),
            "{says}"
        );
        let says = refusal(out, "latency_out = [\"9ms\"");
        assert!(says.contains("must not descend"), "{says}");
        let says = refusal(out, "latency_out = [\"1ns\", \"5200ns\"");
        assert!(says.contains("must be 6 spans"), "{says}");
        let says = refusal("latency_back = ", "latency_beck = ");
        assert!(says.contains("venue.latency_back is missing"), "{says}");
    }

    #[test]
    fn limits_are_read_as_a_profile_writes_them() {
        let change = |text: &str| limit_change(text).map(|change| (change.name(), change.to()));
        assert_eq!(
            change("daily_loss_ppm=1.5%"),
            Ok(("daily_loss_ppm", 15_000))
        );
        assert_eq!(
            change("daily_loss_max = 2_000"),
            Ok(("daily_loss_max", 20_000_000))
        );
        assert_eq!(
            change("data_age_ns_max=5s"),
            Ok(("data_age_ns_max", 5_000_000_000))
        );
        assert_eq!(change("losing_trades_max=2"), Ok(("losing_trades_max", 2)));
        for (text, why) in [
            ("daily_loss_ppm", "NAME=VALUE"),
            ("daily_los_ppm=1%", "the nearest is daily_loss_ppm"),
            ("daily_loss_ppm=1", "must end in %"),
            ("losing_trades_max=two", "must be a whole number"),
            ("data_age_ns_max=5", "whole number and ns"),
        ] {
            let says = change(text).expect_err(text);
            assert!(says.contains(why), "{says}");
        }
    }

    #[test]
    fn k16_no_retired_key_is_in_use_in_a_profile() {
        let paper = Profile::load("paper").expect("a sound profile");
        for (key, _) in config::RETIRED {
            assert!(!paper.keys.contains_key(*key), "{key} is in use again");
        }
    }

    #[test]
    fn unknown_key_is_refused_with_the_nearest_name() {
        let told = refusal(
            "losing_days_max = 3",
            "losing_days_max = 3\nlosing_day_max = 4",
        );
        assert!(told.contains("did you mean `losing_days_max`?"), "{told}");
    }

    #[test]
    fn s14_weights_that_do_not_sum_to_100_are_refused_with_their_line() {
        let rules = "[product.rules.ifd]";
        let with = |line: &str| format!("[product.rules.0dte]\n{line}\n{rules}");
        let told = refusal(rules, &with("vpin_weight = 31"));
        let has_place = told.contains("test.toml:");
        assert!(told.contains("sum to 101") && has_place, "{told}");
        let told = refusal(rules, &with("vpin_wieght = 31"));
        assert!(told.contains("did you mean `vpin_weight`?"), "{told}");
        let tuned = paper_with("liquid_interest_min = 5", "liquid_interest_min = 7");
        let tuned = tuned.expect("a sound profile");
        assert_eq!(tuned.products[0].rules[4].choice.interest_min, 7);
    }

    #[test]
    fn s07_points_given_as_a_fraction_are_refused_with_their_line() {
        let rules = "[product.rules.ifd]";
        let with = |line: &str| format!("{rules}\n{line}");
        for value in ["0.65", "-1", "256", "nan"] {
            let told = refusal(rules, &with(&format!("least_confidence = {value}")));
            let has_place = told.contains("test.toml:");
            assert!(told.contains("whole") && has_place, "{value}: {told}");
        }
        let told = refusal(rules, &with("least_confidence = 101"));
        assert!(
            told.contains("confidence_min is out of its range"),
            "{told}"
        );
        for value in ["0.0", "-0.0", "1.5", "65"] {
            let told = refusal(rules, &with(&format!("confidence_min = {value}")));
            assert!(
                told.contains("confidence_min is out of its range"),
                "{told}"
            );
        }
    }

    #[test]
    fn amounts_are_read_exactly() {
        assert_eq!(decimal("12.5", 4), Ok(125_000));
        assert_eq!(decimal("-0.0001", 4), Ok(-1));
        assert!(decimal("0.00001", 4).is_err());
        assert!(decimal("1e3", 4).is_err());
        assert!(decimal("", 4).is_err());
        let told = refusal("data_age_ns_max = \"15s\"", "data_age_ns_max = 15");
        assert!(told.contains("span of time"), "{told}");
    }
}
