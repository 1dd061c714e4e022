//! What a value of the configuration may be: each kind checks itself, and says what it accepts.
//!
//! Spans and sizes are written with their unit (`"50us"`, `"256MiB"`); a bare integer is the
//! base unit, nanoseconds or bytes. Counts carry their range in their type.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use clap::ValueEnum;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use undertow_cold::provenance::ProgramId;
use undertow_core::types::Nanos;
use undertow_strategies::ifd::confidence::Profile;

/// What the program does with what it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Reads files or the simulator. No order can leave the process.
    Replay,
}

/// How the stages are cut into tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Chosen from the cores found.
    Auto,
    /// One hot tile: every stage is a call.
    Fused,
    /// Two hot tiles.
    Split,
    /// One tile for each stage.
    Dedicated,
}

/// What a tile does when it has nothing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Idle {
    /// Spins on a core that the tile owns, yields elsewhere.
    Auto,
    /// Asks again at once, and rehearses an order now and then: fastest, and a whole core.
    Spin,
    /// Lets others run, then asks again.
    Yield,
    /// Sleeps until woken or for a short while: slowest to react, and no load.
    Park,
}

/// How much something is wanted of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Demand {
    /// Not asked for.
    Off,
    /// Asked for; without it the run goes on and says so.
    Try,
    /// Without it the run does not start.
    Must,
}

/// Which lots are odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OddLot {
    /// Those below the round lot.
    BelowRoundLot,
    /// Those that are no multiple of 100.
    #[serde(rename = "not_multiple_of_100")]
    NotMultipleOf100,
}

/// Thresholds of institutional flow in options.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IfdProfile {
    /// For trading.
    Production,
    /// Finds more.
    Optimised,
    /// Finds most, on less history.
    Testing,
}

impl IfdProfile {
    /// The thresholds.
    #[must_use]
    pub const fn of(self) -> Profile {
        match self {
            Self::Production => Profile::PRODUCTION,
            Self::Optimised => Profile::OPTIMISED,
            Self::Testing => Profile::TESTING,
        }
    }
}

/// What the average price of a session counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VwapAnchor {
    /// The session from its start.
    Session,
    /// Regular hours only.
    Regular,
}

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count<const MIN: u64, const MAX: u64>(u64);

impl<const MIN: u64, const MAX: u64> Count<MIN, MAX> {
    /// The number, or `None` if out of range.
    #[must_use]
    pub const fn new(count: u64) -> Option<Self> {
        if count < MIN || count > MAX {
            return None;
        }
        Some(Self(count))
    }

    /// A number known to be in range: anything else does not compile.
    #[must_use]
    pub const fn of<const COUNT: u64>() -> Self {
        const { assert!(COUNT >= MIN && COUNT <= MAX) };
        Self(COUNT)
    }

    /// The number, as what it counts in memory.
    #[must_use]
    pub const fn get(self) -> usize {
        const { assert!(MAX <= usize::MAX as u64) };
        self.0 as usize
    }
}

impl<const MIN: u64, const MAX: u64> Serialize for Count<MIN, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for Count<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let count = whole_number(deserializer)?;
        u64::try_from(count)
            .ok()
            .and_then(Self::new)
            .ok_or_else(|| de::Error::custom(format!("must be from {MIN} to {MAX}, is {count}")))
    }
}

impl<const MIN: u64, const MAX: u64> JsonSchema for Count<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Count_{MIN}_{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": MIN, "maximum": MAX })
    }
}

/// A power of two from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PowerOfTwo<const MIN: u64, const MAX: u64>(u64);

impl<const MIN: u64, const MAX: u64> PowerOfTwo<MIN, MAX> {
    /// The number, or `None` if out of range or no power of two.
    #[must_use]
    pub const fn new(count: u64) -> Option<Self> {
        if count < MIN || count > MAX || !count.is_power_of_two() {
            return None;
        }
        Some(Self(count))
    }

    /// A number known to fit: anything else does not compile.
    #[must_use]
    pub const fn of<const COUNT: u64>() -> Self {
        const { assert!(COUNT >= MIN && COUNT <= MAX && COUNT.is_power_of_two()) };
        Self(COUNT)
    }

    /// The number, as what it counts in memory.
    #[must_use]
    pub const fn get(self) -> usize {
        const { assert!(MAX <= usize::MAX as u64) };
        self.0 as usize
    }
}

impl<const MIN: u64, const MAX: u64> Serialize for PowerOfTwo<MIN, MAX> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for PowerOfTwo<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let count = whole_number(deserializer)?;
        u64::try_from(count)
            .ok()
            .and_then(Self::new)
            .ok_or_else(|| {
                de::Error::custom(format!(
                    "must be a power of two from {MIN} to {MAX}, is {count}"
                ))
            })
    }
}

impl<const MIN: u64, const MAX: u64> JsonSchema for PowerOfTwo<MIN, MAX> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("PowerOfTwo_{MIN}_{MAX}").into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let powers: Vec<u64> = (0..u64::BITS)
            .map(|exponent| 1 << exponent)
            .filter(|power| (MIN..=MAX).contains(power))
            .collect();
        json_schema!({ "type": "integer", "enum": powers })
    }
}

/// A length of time: `"50us"`, `"2ms"`, or a bare integer of nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Nanos);

impl Span {
    const ACCEPTS: &str = "a length of time like \"50us\" (ns, us, ms, s, min, h)";
    const UNITS: [(&str, u64); 6] = [
        ("ns", 1),
        ("us", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("min", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        with_unit(text, &Self::UNITS, Self::ACCEPTS).map(|ns| Self(Nanos(ns)))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print_with_unit(self.0.0, &Self::UNITS, f)
    }
}

/// A size of memory or disk: `"256MiB"`, or a bare integer of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl Bytes {
    const ACCEPTS: &str = "a size like \"256MiB\" (B, KiB, MiB, GiB)";
    const UNITS: [(&str, u64); 4] = [
        ("B", 1),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
    ];
}

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        with_unit(text, &Self::UNITS, Self::ACCEPTS).map(Self)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print_with_unit(self.0, &Self::UNITS, f)
    }
}

/// How fast a file is played: as fast as it goes, or so many times the speed of the market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// As fast as it goes.
    Max,
    /// Thousandths of the market's own speed: 1,000 is real time, 8,000 is eight times as fast.
    Times {
        /// At least 1.
        thousandths: u32,
    },
}

impl Pace {
    const ACCEPTS: &str = "\"max\", or a multiple of the market's speed like \"1x\" or \"8x\"";
    const THOUSANDTHS_MAX: u32 = 1_000_000_000;

    /// How long the span between two records lasts at this pace; `None` if there is no wait.
    #[must_use]
    pub fn paced(self, span: Nanos) -> Option<Nanos> {
        let Self::Times { thousandths } = self else {
            return None;
        };
        let paced = u128::from(span.0) * 1_000 / u128::from(thousandths.max(1));
        Some(Nanos(u64::try_from(paced).unwrap_or(u64::MAX)))
    }
}

impl FromStr for Pace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("must be {}, is \"{text}\"", Self::ACCEPTS);
        if text == "max" {
            return Ok(Self::Max);
        }
        let times = text.strip_suffix('x').ok_or_else(refused)?;
        let thousandths = decimal(times, 3).ok_or_else(refused)?;
        match u32::try_from(thousandths) {
            Ok(thousandths @ 1..=Self::THOUSANDTHS_MAX) => Ok(Self::Times { thousandths }),
            _ => Err(format!("must be from 0.001x to 1000000x, is \"{text}\"")),
        }
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Times { thousandths } = self else {
            return f.write_str("max");
        };
        let fraction = format!("{:03}", thousandths % 1_000);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        write!(f, "{}{point}{fraction}x", thousandths / 1_000)
    }
}

/// A symbol's own VPIN bucket, written `NQH6=75`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolBucket {
    /// The symbol.
    pub symbol: String,
    /// Contracts or shares, from 1 on.
    pub volume: u32,
}

impl SymbolBucket {
    const ACCEPTS: &str = "a symbol with its size, like \"NQH6=75\"";
}

impl FromStr for SymbolBucket {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = |(symbol, volume): (&str, &str)| {
            let volume = whole(volume).filter(|volume| *volume > 0)?;
            let symbol = Some(symbol.trim().to_owned()).filter(|symbol| !symbol.is_empty())?;
            Some(Self { symbol, volume })
        };
        let found = text.split_once('=').and_then(read);
        found.ok_or_else(|| format!("must be {}, is \"{text}\"", Self::ACCEPTS))
    }
}

impl fmt::Display for SymbolBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.symbol, self.volume)
    }
}

/// The correlation of two symbols, written `ESH6:NQH6=0.953`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairCorrelation {
    symbols: [String; 2],
    /// From −1000 to 1000.
    pub thousandths: i16,
}

impl PairCorrelation {
    const ACCEPTS: &str = "two symbols with their correlation, like \"ESH6:NQH6=0.953\"";

    /// The two.
    #[must_use]
    pub const fn symbols(&self) -> &[String; 2] {
        &self.symbols
    }

    /// Whether it is that of these two, in either order.
    #[must_use]
    pub fn is_of(&self, a: &str, b: &str) -> bool {
        let [first, second] = &self.symbols;
        (first == a && second == b) || (first == b && second == a)
    }
}

impl FromStr for PairCorrelation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = |(pair, r): (&str, &str)| {
            let (a, b) = pair.split_once(':')?;
            let (sign, magnitude) = r.strip_prefix('-').map_or((1, r), |digits| (-1, digits));
            let thousandths = decimal(magnitude, 3).filter(|r| *r <= 1_000)?;
            let symbols = [a.trim().to_owned(), b.trim().to_owned()];
            let are_two = symbols.iter().all(|s| !s.is_empty()) && symbols[0] != symbols[1];
            are_two.then_some(Self {
                symbols,
                thousandths: sign * i16::try_from(thousandths).ok()?,
            })
        };
        let found = text.split_once('=').and_then(read);
        found.ok_or_else(|| format!("must be {}, is \"{text}\"", Self::ACCEPTS))
    }
}

impl fmt::Display for PairCorrelation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = &self.symbols;
        let sign = if self.thousandths < 0 { "-" } else { "" };
        let magnitude = self.thousandths.unsigned_abs();
        write!(
            f,
            "{a}:{b}={sign}{}.{:03}",
            magnitude / 1_000,
            magnitude % 1_000
        )
    }
}

/// A symbol whose news count for a product, written `NQ=NVDA`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewsOf {
    /// The product.
    pub product: String,
    /// The symbol as the source of the news writes it.
    pub symbol: String,
}

impl NewsOf {
    const ACCEPTS: &str = "a product with a symbol of the news, like \"NQ=NVDA\"";
}

impl FromStr for NewsOf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_name = |name: &str| !name.is_empty() && !name.contains(['=', ' ']);
        let found = text.split_once('=');
        let found = found.filter(|(product, symbol)| is_name(product) && is_name(symbol));
        let (product, symbol) =
            found.ok_or_else(|| format!("must be {}, is \"{text}\"", Self::ACCEPTS))?;
        Ok(Self {
            product: product.to_owned(),
            symbol: symbol.to_owned(),
        })
    }
}

impl fmt::Display for NewsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.product, self.symbol)
    }
}

/// A moment in UTC, written `2026-03-11T20:00:00Z`; `""` where it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment(pub Option<Nanos>);

impl Moment {
    const ACCEPTS: &'static str = "a moment like \"2026-03-11T20:00:00Z\", or \"\"";
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let moment: Option<jiff::Timestamp> = text.parse().ok();
        let ns = moment.and_then(|moment| u64::try_from(moment.as_nanosecond()).ok());
        let moment = ns.filter(|_| text.ends_with('Z')).map(Nanos);
        moment
            .map(|moment| Self(Some(moment)))
            .ok_or_else(|| format!("must be {}, is \"{text}\"", Self::ACCEPTS))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(Nanos(ns)) = self.0 else {
            return Ok(());
        };
        let moment = jiff::Timestamp::from_nanosecond(i128::from(ns)).map_err(|_| fmt::Error)?;
        moment.fmt(f)
    }
}

/// The program that a run takes over from, by its id; `""` for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Succeeds(pub Option<ProgramId>);

impl Succeeds {
    const ACCEPTS: &'static str = "an id like \"0011-2233-4455-6677\", or \"\"";
}

impl FromStr for Succeeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let id = text.parse().map(|id| Self(Some(id)));
        id.map_err(|_| format!("must be {}, is \"{text}\"", Self::ACCEPTS))
    }
}

impl fmt::Display for Succeeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |id| id.fmt(f))
    }
}

/// Gives a kind that is written as text its place in TOML, in JSON and in the schema.
macro_rules! written_as_text {
    ($($kind:ident, $pattern:literal;)*) => {$(
        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                text_or_number(deserializer, Self::ACCEPTS)?
                    .parse()
                    .map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $kind {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($kind).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": ["string", "integer"], "pattern": $pattern, "minimum": 0 })
            }
        }
    )*};
}

written_as_text! {
    Span, "^[0-9]+(\\.[0-9]+)? ?(ns|us|ms|s|min|h)?$";
    Bytes, "^[0-9]+(\\.[0-9]+)? ?(B|KiB|MiB|GiB)?$";
    Pace, "^(max|[0-9]+(\\.[0-9]{1,3})?x)$";
    SymbolBucket, "^[^=]+=[0-9]+$";
    NewsOf, "^[^= ]+=[^= ]+$";
    Moment, "^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z)?$";
    Succeeds, "^([0-9a-f]{4}(-[0-9a-f]{4}){3})?$";
    PairCorrelation, "^[^:=]+:[^:=]+=-?[01](\\.[0-9]{1,3})?$";
}

/// A value that exists to be kept from view: no way of printing it prints it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// What stands in its place.
    pub const REDACTED: &str = "<redacted>";

    /// Takes a secret in.
    #[must_use]
    pub const fn new(secret: String) -> Self {
        Self(secret)
    }

    /// The secret itself, for the one place that must send it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::REDACTED)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(Self::REDACTED)
    }
}

/// A whole number, or what was found in its place.
fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    let number = value.as_i64().map(i128::from);
    number
        .or_else(|| value.as_u64().map(i128::from))
        .ok_or_else(|| de::Error::custom(format!("must be a whole number, is {value}")))
}

/// Text as it stands, or a whole number as text.
fn text_or_number<'de, D: Deserializer<'de>>(
    deserializer: D,
    accepts: &str,
) -> Result<String, D::Error> {
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => Ok(text),
        serde_json::Value::Number(number) => Ok(number.to_string()),
        other => Err(de::Error::custom(format!("must be {accepts}, is {other}"))),
    }
}

/// A number with one of `units` behind it, in the base unit; no unit is the first one.
fn with_unit(text: &str, units: &[(&str, u64)], accepts: &str) -> Result<u64, String> {
    let refused = || format!("must be {accepts}, is \"{text}\"");
    let digits_end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits_end);
    let unit = unit.strip_prefix(' ').unwrap_or(unit);
    let scale = match unit {
        "" => 1,
        _ => units
            .iter()
            .find(|(name, _)| *name == unit)
            .map(|(_, scale)| *scale)
            .ok_or_else(refused)?,
    };
    // Nine decimals hold any fraction of any unit that still is a whole base unit, or nearly.
    let billionths = decimal(number, 9).ok_or_else(refused)?;
    let exact = billionths
        .checked_mul(u128::from(scale))
        .ok_or_else(|| format!("is too large: \"{text}\""))?;
    if !exact.is_multiple_of(1_000_000_000) {
        return Err(format!(
            "must be a whole number of {}, is \"{text}\"",
            units[0].0
        ));
    }
    u64::try_from(exact / 1_000_000_000).map_err(|_| format!("is too large: \"{text}\""))
}

/// Prints a number in the largest unit that leaves it whole.
fn print_with_unit(number: u64, units: &[(&str, u64)], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let fits = |(_, scale): &&(&str, u64)| number >= *scale && number.is_multiple_of(*scale);
    let (name, scale) = units.iter().rev().find(fits).unwrap_or(&units[0]);
    write!(f, "{}{name}", number / scale)
}

/// A number of digits only.
fn whole(text: &str) -> Option<u32> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_digits)
}

/// A decimal number as a whole number of its `decimals`th places, without a float in between.
fn decimal(text: &str, decimals: u32) -> Option<u128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > decimals as usize {
        return None;
    }
    let whole: u128 = whole.parse::<u64>().ok()?.into();
    let padded = format!("{fraction:0<width$}", width = decimals as usize);
    let fraction: u128 = padded.parse::<u64>().ok()?.into();
    Some(whole * 10_u128.pow(decimals) + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn span_reads_and_prints_its_units() {
        let cases = [
            ("50us", 50_000, "50us"),
            ("0.5ms", 500_000, "500us"),
            ("1500", 1_500, "1500ns"),
            ("2 s", 2_000_000_000, "2s"),
            ("90s", 90_000_000_000, "90s"),
            ("0ns", 0, "0ns"),
            ("60000000000", 60_000_000_000, "1min"),
            ("18446744073709551615", u64::MAX, "18446744073709551615ns"),
        ];
        for (text, ns, printed) in cases {
            let span: Span = text.parse().expect(text);
            assert_eq!((span.0.0, span.to_string().as_str()), (ns, printed));
        }
        for text in [
            "",
            "us",
            "5 parsecs",
            "-1us",
            "1.5ns",
            "1e3us",
            "1..5us",
            "5us ",
        ] {
            let error = text.parse::<Span>().expect_err(text);
            assert!(error.contains("must be"), "{error}");
        }
    }

    #[test]
    fn size_reads_and_prints_its_units() {
        assert_eq!("256MiB".parse(), Ok(Bytes(256 << 20)));
        assert_eq!(Bytes(256 << 20).to_string(), "256MiB");
        assert_eq!("1.5KiB".parse(), Ok(Bytes(1536)));
        assert_eq!(Bytes(1536).to_string(), "1536B");
        // 1 MB is a million bytes to some and 2^20 to others, so it is not accepted.
        assert!("1MB".parse::<Bytes>().is_err());
        assert!("99999999999GiB".parse::<Bytes>().is_err());
    }

    #[test]
    fn what_was_found_reads_back_as_it_is_written() {
        for text in ["NQH6=75", "SPY 1/15144=1"] {
            let bucket: SymbolBucket = text.parse().expect(text);
            assert_eq!(bucket.to_string(), text);
        }
        for text in [
            "NQH6",
            "=75",
            "NQH6=0",
            "NQH6=+5",
            "NQH6=1.5",
            "NQH6=99999999999",
        ] {
            let error = text.parse::<SymbolBucket>().expect_err(text);
            assert!(error.contains("NQH6=75"), "{error}");
        }
        for text in [
            "A:B=0.953",
            "A:B=-0.007",
            "A:B=1.000",
            "A:B=-1.000",
            "A:B=0.000",
        ] {
            let pair: PairCorrelation = text.parse().expect(text);
            assert_eq!(pair.to_string(), text);
            assert!(pair.is_of("A", "B") && pair.is_of("B", "A") && !pair.is_of("A", "A"));
        }
        for text in [
            "A:B",
            "A=0.5",
            ":B=0.5",
            "A:A=0.5",
            "A:B=1.001",
            "A:B=0.9535",
            "A:B=NaN",
        ] {
            let error = text.parse::<PairCorrelation>().expect_err(text);
            assert!(error.contains("ESH6:NQH6=0.953"), "{error}");
        }
    }

    #[test]
    fn what_a_slow_source_is_of_reads_back_as_it_is_written() {
        for text in ["NQ=NVDA", "NQ=CRYPTO:BTC"] {
            let of: NewsOf = text.parse().expect(text);
            assert_eq!(of.to_string(), text);
        }
        for text in ["", "NQ", "NQ=", "=NVDA", "NQ=NV DA", "NQ=A=B"] {
            let error = text.parse::<NewsOf>().expect_err(text);
            assert!(error.contains("NQ=NVDA"), "{error}");
        }
        for text in ["", "2026-03-11T20:00:00Z", "2026-03-11T19:59:59.25Z"] {
            let moment: Moment = text.parse().expect(text);
            assert_eq!(moment.to_string(), text);
        }
        assert_eq!(
            "1970-01-01T00:00:01Z".parse(),
            Ok(Moment(Some(Nanos(1_000_000_000))))
        );
        for text in [
            "yesterday",
            "2026-03-11",
            "2026-03-11T20:00:00+01:00",
            "1969-12-31T00:00:00Z",
        ] {
            let error = text.parse::<Moment>().expect_err(text);
            assert!(error.contains("2026-03-11T20:00:00Z"), "{error}");
        }
        for text in ["", "0011-2233-4455-6677"] {
            let succeeds: Succeeds = text.parse().expect(text);
            assert_eq!(succeeds.to_string(), text);
        }
        assert!("0011223344556677".parse::<Succeeds>().is_err());
    }

    #[test]
    fn pace_reads_any_multiple_and_says_what_it_accepts() {
        let cases = [
            ("1x", 1_000),
            ("8x", 8_000),
            ("0.5x", 500),
            ("2.125x", 2_125),
        ];
        for (text, thousandths) in cases {
            assert_eq!(text.parse(), Ok(Pace::Times { thousandths }));
            assert_eq!(Pace::Times { thousandths }.to_string(), text);
        }
        assert_eq!("max".parse(), Ok(Pace::Max));
        for text in ["8", "fast", "x", "0x", "-1x", "1.0001x", "9999999999x"] {
            let error = text.parse::<Pace>().expect_err(text);
            assert!(error.contains('x'), "{error}");
        }
    }

    #[test]
    fn pace_scales_a_span_without_overflow() {
        let eight: Pace = "8x".parse().expect("a pace");
        assert_eq!(eight.paced(Nanos(8_000)), Some(Nanos(1_000)));
        assert_eq!(Pace::Max.paced(Nanos(8_000)), None);
        let slow = Pace::Times { thousandths: 1 };
        assert_eq!(slow.paced(Nanos(u64::MAX)), Some(Nanos(u64::MAX)));
    }

    #[test]
    fn counts_refuse_what_is_out_of_range() {
        let read = |text| serde_json::from_str::<Count<1, 10>>(text).map_err(|e| e.to_string());
        assert_eq!(read("10"), Ok(Count::of::<10>()));
        assert_eq!(read("11"), Err("must be from 1 to 10, is 11".into()));
        assert_eq!(read("-1"), Err("must be from 1 to 10, is -1".into()));
        assert_eq!(
            read("\"5\""),
            Err("must be a whole number, is \"5\"".into())
        );
        assert_eq!(read("1.5"), Err("must be a whole number, is 1.5".into()));
        let power = serde_json::from_str::<PowerOfTwo<2, 64>>("48").map_err(|e| e.to_string());
        assert_eq!(
            power,
            Err("must be a power of two from 2 to 64, is 48".into())
        );
    }

    #[test]
    fn z01_secret_has_no_way_to_print_itself() {
        let secret = Secret::new("db-CANARY".into());
        let json = serde_json::to_string(&secret).expect("a string");
        for text in [
            format!("{secret}"),
            format!("{secret:?}"),
            format!("{secret:#?}"),
            json,
        ] {
            assert!(!text.contains("CANARY"), "{text}");
            assert!(text.contains(Secret::REDACTED), "{text}");
        }
        assert_eq!(secret.expose(), "db-CANARY");
    }
}
