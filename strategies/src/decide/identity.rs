//! S9: the fingerprint of a contract, and the id of the one signal about it on a day.
//!
//! Both are SHA-1 over one canonical line, whose fields are joined by colons. A field that could
//! hold a colon, or be written in two ways, would make two contracts one or one contract two, so
//! texts pass a list of allowed characters and numbers are integers. No allocation.

use core::fmt::{self, Write};

use sha1::{Digest, Sha1};
use undertow_core::types::{Price, Text};

use super::card::Direction;
use super::rules::Strategy;
use crate::calendar::Day;
use crate::options::Right;

/// A symbol of an underlying.
pub type Symbol = Text<16>;

/// The version of the identity itself. Another one makes every id another.
pub const VERSION: &str = "D6.0.1";

/// Strikes are counted in thousandths.
const PER_MILL: i64 = Price::PER_POINT / 1_000;

/// The longest canonical line: every field at its longest, and seven colons.
const LINE_MAX: usize = 96;

/// What a signal is about, and so what must be unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms<'a> {
    /// The underlying.
    pub symbol: &'a str,
    /// The strategy.
    pub strategy: Strategy,
    /// The direction; flat is refused.
    pub direction: Direction,
    /// The expiry.
    pub expiry: Day,
    /// The right.
    pub right: Right,
    /// The strike, a multiple of .001.
    pub strike: Price,
    /// Units of the underlying per contract.
    pub multiplier: u32,
    /// The exchange; empty is SMART.
    pub exchange: &'a str,
}

/// The first 80 bits of the canonical line's SHA-1; shown as `sigfp:` and 20 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub [u8; 10]);

/// The first 64 bits of the SHA-1 over fingerprint, version and trading day; 16 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignalId(pub [u8; 8]);

/// Fingerprint and id together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The same for this contract on every day.
    pub fingerprint: Fingerprint,
    /// Of this trading day.
    pub id: SignalId,
}

/// Which field would make the identity ambiguous.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ambiguous {
    /// Empty, too long, or with a character other than letters, digits, `.`, `-`, `/`, `^`, `_`.
    Symbol,
    /// The same, of the exchange.
    Exchange,
    /// The same, of the version.
    Version,
    /// Flat.
    Direction,
    /// Not of a year with four digits.
    Expiry,
    /// Undefined, not positive, or no multiple of .001.
    Strike,
    /// Zero.
    Multiplier,
}

impl Identity {
    /// Works out both for a trading day.
    ///
    /// # Errors
    /// The first field that would make it ambiguous.
    pub fn of(terms: &Terms, version: &str, trading_day: Day) -> Result<Self, Ambiguous> {
        let line = terms.canonical()?;
        let digest: [u8; 20] = Sha1::digest(line.as_str().as_bytes()).into();
        let mut fingerprint = Fingerprint([0; 10]);
        fingerprint.0.copy_from_slice(&digest[..10]);

        if !is_plain(version) || version.len() > 16 {
            return Err(Ambiguous::Version);
        }
        let day = compact(trading_day).ok_or(Ambiguous::Expiry)?;
        let mut line = Text::<LINE_MAX>::new();
        write!(line, "{fingerprint}:{version}:{day}").map_err(|_| Ambiguous::Version)?;
        let digest: [u8; 20] = Sha1::digest(line.as_str().as_bytes()).into();
        let mut id = SignalId([0; 8]);
        id.0.copy_from_slice(&digest[..8]);
        Ok(Self { fingerprint, id })
    }
}

impl Terms<'_> {
    /// `SYMBOL:strategy:SIDE:YYYYMMDD:R:strike×1000:multiplier:EXCHANGE`.
    ///
    /// # Errors
    /// The first field that would make it ambiguous.
    pub fn canonical(&self) -> Result<Text<LINE_MAX>, Ambiguous> {
        let symbol = capitals(self.symbol).ok_or(Ambiguous::Symbol)?;
        let exchange = match self.exchange {
            "" => "SMART",
            exchange => exchange,
        };
        let exchange = capitals(exchange).ok_or(Ambiguous::Exchange)?;
        if self.direction == Direction::Flat {
            return Err(Ambiguous::Direction);
        }
        let expiry = compact(self.expiry).ok_or(Ambiguous::Expiry)?;
        let strike = self.strike.0;
        if !self.strike.is_defined() || strike <= 0 || strike % PER_MILL != 0 {
            return Err(Ambiguous::Strike);
        }
        if self.multiplier == 0 {
            return Err(Ambiguous::Multiplier);
        }
        let right = match self.right {
            Right::Call => 'C',
            Right::Put => 'P',
        };
        let mut line = Text::new();
        write!(
            line,
            "{symbol}:{}:{}:{expiry}:{right}:{}:{}:{exchange}",
            self.strategy.name(),
            self.direction.name(),
            strike / PER_MILL,
            self.multiplier,
        )
        .map_err(|_| Ambiguous::Symbol)?;
        Ok(line)
    }
}

impl SignalId {
    /// Reads 16 hex digits, of either case.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let is_hex = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = u64::from_str_radix(text, 16).ok().filter(|_| is_hex)?;
        Some(Self(value.to_be_bytes()))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sigfp:")?;
        hex(&self.0, f)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SignalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Debug for SignalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Ambiguous {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Symbol => "the symbol needs 1 to 16 letters, digits or . - / ^ _",
            Self::Exchange => "the exchange needs 1 to 16 letters, digits or . - / ^ _",
            Self::Version => "the version needs 1 to 16 letters, digits or . - / ^ _",
            Self::Direction => "a flat signal has no identity",
            Self::Expiry => "a date needs a year with four digits",
            Self::Strike => "the strike must be a positive multiple of .001",
            Self::Multiplier => "the multiplier must not be zero",
        })
    }
}

impl core::error::Error for Ambiguous {}

fn hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Whether a text has only characters that mean nothing in the canonical line.
fn is_plain(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-/^_".contains(&byte);
    !text.is_empty() && text.bytes().all(allowed)
}

/// The text in capitals, if it is plain and fits.
fn capitals(text: &str) -> Option<Symbol> {
    let mut capitals = Symbol::new();
    let fits = is_plain(text)
        && text
            .bytes()
            .try_for_each(|byte| capitals.write_char(char::from(byte.to_ascii_uppercase())))
            .is_ok();
    fits.then_some(capitals)
}

/// The date as the number YYYYMMDD.
fn compact(day: Day) -> Option<i32> {
    let (year, month, date) = day.ymd();
    let number = year * 10_000 + i32::try_from(month * 100 + date).ok()?;
    (1_000..=9_999).contains(&year).then_some(number)
}
