//! Units. A bare integer says nothing about what it counts, so prices, times and ids are types.
//!
//! Undefined values keep Databento's sentinels; no arithmetic here accepts them silently.

use core::fmt;

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, TryFromBytes};

/// A price in units of 1e-9, as Databento sends it. May be negative where the product allows it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(transparent)]
pub struct Price(pub i64);

impl Price {
    /// "No price": Databento's `UNDEF_PRICE`.
    pub const UNDEFINED: Self = Self(i64::MAX);

    /// How many price units make one point (1.0).
    pub const PER_POINT: i64 = 1_000_000_000;

    /// Whether this is a price at all.
    #[must_use]
    pub const fn is_defined(self) -> bool {
        self.0 != i64::MAX
    }
}

impl fmt::Display for Price {
    /// Decimal without a float: at least two decimals, never a trailing zero beyond them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_defined() {
            return f.pad("-");
        }
        let magnitude = self.0.unsigned_abs();
        let points = magnitude / Self::PER_POINT.unsigned_abs();
        let mut fraction = magnitude % Self::PER_POINT.unsigned_abs();
        let mut decimals = 9;
        while decimals > 2 && fraction.is_multiple_of(10) {
            fraction /= 10;
            decimals -= 1;
        }
        // Built in a buffer so that width and alignment apply to the whole number.
        let mut text = Text::<32>::new();
        let sign = if self.0 < 0 { "-" } else { "" };
        fmt::Write::write_fmt(
            &mut text,
            format_args!("{sign}{points}.{fraction:0decimals$}"),
        )?;
        f.pad(text.as_str())
    }
}

impl fmt::Debug for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Price({self})")
    }
}

impl Default for Price {
    fn default() -> Self {
        Self::UNDEFINED
    }
}

/// Nanoseconds since 1970-01-01 UTC, or a span of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(transparent)]
pub struct Nanos(pub u64);

impl Nanos {
    /// "No time": Databento's `UNDEF_TIMESTAMP`.
    pub const UNDEFINED: Self = Self(u64::MAX);

    /// Whether this is a time at all. Zero is what an unset field holds, so it is none either.
    #[must_use]
    pub const fn is_defined(self) -> bool {
        self.0 != u64::MAX && self.0 != 0
    }
}

/// The venue's id of an order, unique among the working orders of one book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(transparent)]
pub struct OrderId(pub u64);

/// Databento's numeric instrument id. It may be used again for another contract after expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(transparent)]
pub struct InstrumentId(pub u32);

/// Databento's id of a venue's feed within a dataset (1 is GLBX.MDP3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(transparent)]
pub struct PublisherId(pub u16);

/// What one book is kept for: an instrument as one publisher shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BookKey {
    /// The instrument.
    pub instrument_id: InstrumentId,
    /// Whose view of it.
    pub publisher_id: PublisherId,
}

/// A side of the market (DBN `side`, byte for byte). On a trade it is the aggressor's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[derive(TryFromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(u8)]
pub enum Side {
    /// Buying interest.
    Bid = b'B',
    /// Selling interest.
    Ask = b'A',
    /// The venue does not say, or the question makes no sense.
    #[default]
    None = b'N',
}

impl Side {
    /// Its place where both sides are kept: 0 for bids, 1 for asks, 2 for neither.
    #[inline(always)]
    #[must_use]
    pub const fn index(self) -> usize {
        // Not a match, because bids and asks come in no order that a processor could foresee.
        let byte = self as usize;
        byte & 1 | byte >> 1 & 2
    }
}

const _: () = assert!(Side::Bid.index() == 0 && Side::Ask.index() == 1 && Side::None.index() == 2);

/// What a record does (DBN `action`, byte for byte).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[derive(TryFromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(u8)]
pub enum Action {
    /// A new order rests.
    Add = b'A',
    /// An order loses size, all of it or a part.
    Cancel = b'C',
    /// An order changes price or size.
    Modify = b'M',
    /// The book is emptied.
    Clear = b'R',
    /// An aggressor traded. Does not change the book; a cancel or modify follows.
    Trade = b'T',
    /// A resting order was filled. Does not change the book; a cancel or modify follows.
    Fill = b'F',
    /// No book change; the record may carry flags.
    #[default]
    None = b'N',
}

impl Action {
    /// Every action, in the order of the enum.
    pub const ALL: [Self; 7] = [
        Self::Add,
        Self::Cancel,
        Self::Modify,
        Self::Clear,
        Self::Trade,
        Self::Fill,
        Self::None,
    ];

    /// Its place in [`Self::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Add => 0,
            Self::Cancel => 1,
            Self::Modify => 2,
            Self::Clear => 3,
            Self::Trade => 4,
            Self::Fill => 5,
            Self::None => 6,
        }
    }

    /// The field's word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Cancel => "cancel",
            Self::Modify => "modify",
            Self::Clear => "clear",
            Self::Trade => "trade",
            Self::Fill => "fill",
            Self::None => "none",
        }
    }
}

/// DBN record flags, bit for bit.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(transparent)]
pub struct Flags(pub u8);

impl Flags {
    /// Last record of the event for this instrument: now the book may be read.
    pub const LAST: Self = Self(0x80);
    /// Top of book: the record replaces the publisher's whole side.
    pub const TOB: Self = Self(0x40);
    /// From a snapshot, not live.
    pub const SNAPSHOT: Self = Self(0x20);
    /// An aggregated level, not an order.
    pub const MBP: Self = Self(0x10);
    /// `ts_recv` is not to be relied on.
    pub const BAD_TS_RECV: Self = Self(0x08);
    /// The venue's feed had an unrecovered gap: the book may be wrong.
    pub const MAYBE_BAD_BOOK: Self = Self(0x04);
    /// Meaning depends on the publisher.
    pub const PUBLISHER_SPECIFIC: Self = Self(0x02);

    /// Whether every bit of `flag` is set.
    #[must_use]
    pub const fn has(self, flag: Self) -> bool {
        self.0 & flag.0 == flag.0
    }

    /// Both sets of bits.
    #[must_use]
    pub const fn with(self, flag: Self) -> Self {
        Self(self.0 | flag.0)
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Self::LAST, "LAST"),
            (Self::TOB, "TOB"),
            (Self::SNAPSHOT, "SNAPSHOT"),
            (Self::MBP, "MBP"),
            (Self::BAD_TS_RECV, "BAD_TS_RECV"),
            (Self::MAYBE_BAD_BOOK, "MAYBE_BAD_BOOK"),
            (Self::PUBLISHER_SPECIFIC, "PUBLISHER_SPECIFIC"),
        ];
        f.debug_set()
            .entries(
                names
                    .iter()
                    .filter(|(flag, _)| self.has(*flag))
                    .map(|(_, name)| name),
            )
            .finish()
    }
}

/// Text of at most `N` bytes, held in place so that it can travel without allocation.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Text<const N: usize> {
    len: u8,
    bytes: [u8; N],
}

impl<const N: usize> Text<N> {
    /// Empty text.
    #[must_use]
    pub const fn new() -> Self {
        assert!(N <= u8::MAX as usize);
        Self {
            len: 0,
            bytes: [0; N],
        }
    }

    /// The first whole characters of `bytes` that fit, up to a NUL; what is not UTF-8 ends it.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or(&[]);
        let bytes = &bytes[..bytes.len().min(N)];
        let valid = match core::str::from_utf8(bytes) {
            Ok(text) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        let mut text = Self::new();
        text.bytes[..valid].copy_from_slice(&bytes[..valid]);
        text.len = u8::try_from(valid).unwrap_or(u8::MAX);
        text
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only whole characters are ever stored, so this never takes the fallback.
        core::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or("")
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let start = usize::from(self.len);
        let end = start + text.len();
        let room = self.bytes.get_mut(start..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = u8::try_from(end).map_err(|_| fmt::Error)?;
        Ok(())
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn price_prints_as_decimal() {
        let cases = [
            (4_800_250_000_000, "4800.25"),
            (-37_630_000_000, "-37.63"),
            (-250_000_000, "-0.25"),
            (0, "0.00"),
            (1, "0.000000001"),
            (i64::MAX, "-"),
            (i64::MIN, "-9223372036.854775808"),
        ];
        for (raw, text) in cases {
            assert_eq!(format!("{}", Price(raw)), text);
        }
        assert_eq!(format!("{:>8}", Price(1_500_000_000)), "    1.50");
    }

    #[test]
    fn text_keeps_whole_characters_only() {
        assert_eq!(Text::<4>::from_bytes(b"ESH4X").as_str(), "ESH4");
        assert_eq!(Text::<4>::from_bytes(b"ES\0H4").as_str(), "ES");
        assert_eq!(Text::<4>::from_bytes("abcé".as_bytes()).as_str(), "abc");
        assert_eq!(Text::<4>::from_bytes(&[b'A', 0xFF, b'B']).as_str(), "A");
    }
}
