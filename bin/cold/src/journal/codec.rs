//! Every field as little-endian bytes, in one order for writing and reading.
//!
//! Reading is strict: a number that names no variant, a flag that is neither 0 nor 1, or text that
//! is not UTF-8 makes the whole record unreadable, never another record.

use super::record::Lowering;
use undertow_core::contract::{Contract, ContractKind, Multiplier, PriceSign, TickRule};
use undertow_core::event::Operator;
use undertow_core::money::Money;
use undertow_core::order::{
    ClientOrderId, Confidence, ExecReport, Execution, ExecutionId, Intent, Purpose, Quote,
    ReportKind, SignalId, StrategyId, Style, Tif, VenueOrderId,
};
use undertow_core::risk::{
    AccountId, Breaker, BreakerKind, Gate, Halt, HaltCause, Kept, LimitChange, Mode, Phase, Reason,
    Refusal,
};
use undertow_core::types::{BookKey, InstrumentId, Nanos, Price, PublisherId, Side, Text};

/// Where fields are written.
#[derive(Debug)]
pub(super) struct Out<'a> {
    bytes: &'a mut [u8],
    used: usize,
}

impl<'a> Out<'a> {
    pub(super) fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, used: 0 }
    }

    /// Bytes written so far.
    pub(super) const fn used(&self) -> usize {
        self.used
    }

    /// Puts bytes. A record that does not fit is a bug of ours, which a test of every kind rules
    /// out.
    fn put(&mut self, bytes: &[u8]) {
        let end = self.used + bytes.len();
        self.bytes[self.used..end].copy_from_slice(bytes);
        self.used = end;
    }
}

/// Where fields are read from.
#[derive(Debug)]
pub(super) struct In<'a>(pub(super) &'a [u8]);

impl In<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }
}

/// What has one form as bytes.
pub(super) trait Field: Sized {
    fn put(&self, out: &mut Out<'_>);
    fn take(from: &mut In<'_>) -> Option<Self>;
}

macro_rules! numbers {
    ($($kind:ty),+) => {$(
        impl Field for $kind {
            fn put(&self, out: &mut Out<'_>) {
                out.put(&self.to_le_bytes());
            }

            fn take(from: &mut In<'_>) -> Option<Self> {
                from.take().map(Self::from_le_bytes)
            }
        }
    )+};
}

numbers!(u8, u16, u32, u64, i64);

macro_rules! wrapped {
    ($($kind:ident),+) => {$(
        impl Field for $kind {
            fn put(&self, out: &mut Out<'_>) {
                self.0.put(out);
            }

            fn take(from: &mut In<'_>) -> Option<Self> {
                Field::take(from).map(Self)
            }
        }
    )+};
}

wrapped!(
    Price,
    Money,
    Nanos,
    InstrumentId,
    PublisherId,
    ClientOrderId,
    VenueOrderId,
    SignalId,
    StrategyId,
    AccountId
);

/// A struct is its fields, one after the other.
macro_rules! fields {
    ($kind:ty: $($name:ident),+ $(,)?) => {
        impl $crate::journal::codec::Field for $kind {
            fn put(&self, out: &mut $crate::journal::codec::Out<'_>) {
                $($crate::journal::codec::Field::put(&self.$name, out);)+
            }

            fn take(from: &mut $crate::journal::codec::In<'_>) -> Option<Self> {
                Some(Self { $($name: $crate::journal::codec::Field::take(from)?),+ })
            }
        }
    };
}

pub(super) use fields;

/// An enum without data is one byte. The numbers are the format: never changed, never used again.
macro_rules! words {
    ($kind:ty: $($name:ident = $number:literal),+ $(,)?) => {
        impl Field for $kind {
            fn put(&self, out: &mut Out<'_>) {
                let number: u8 = match self { $(Self::$name => $number),+ };
                number.put(out);
            }

            fn take(from: &mut In<'_>) -> Option<Self> {
                Some(match u8::take(from)? {
                    $($number => Self::$name,)+
                    _ => return None,
                })
            }
        }
    };
}

words!(Side: Bid = 0, Ask = 1, None = 2);
words!(Style: Limit = 0, Marketable = 1);
words!(Tif: Day = 0, Ioc = 1);
words!(Purpose: Open = 0, Hedge = 1, Reduce = 2);
words!(ContractKind: Stock = 0, Future = 1, Call = 2, Put = 3);
words!(PriceSign: Positive = 0, Any = 1);
words!(Mode: Backtest = 0, Paper = 1, Shadow = 2, Live = 3);
words!(Gate: Open = 0, ReduceOnly = 1, Shut = 2);
words!(HaltCause: None = 0, Operator = 1, RunAway = 2, Journal = 3, Venue = 4, Process = 5);
words!(Lowering: Taken = 0, Looser = 1, Contradiction = 2, TooSmall = 3);
words!(Phase: Armed = 0, Warn = 1, Tripped = 2, Cooling = 3);

fields!(BookKey: instrument_id, publisher_id);
fields!(Quote: bid, ask);
fields!(ExecutionId: base, revision);
fields!(Execution: id, side, quantity, price, fee);
fields!(ExecReport: id, contract, ts_event, kind);
fields!(Breaker: phase, is_cleared, at);
fields!(Halt: gate, cause, at, resumed);
fields!(Contract: key, kind, multiplier, tick, sign, expiry, currency, underlying);
fields!(
    Intent: contract, side, quantity, price, style, tif, purpose, confidence, signal_id, strategy,
    ts_event, reference, stop, data_cost, good_for_ns,
);
fields!(
    Kept: halt, breakers, day, day_since, day_equity, high_water, day_earned, day_fees,
    losing_days, losing_trades, opened_today, opened_in_run, next_id,
);

impl Field for bool {
    fn put(&self, out: &mut Out<'_>) {
        u8::from(*self).put(out);
    }

    fn take(from: &mut In<'_>) -> Option<Self> {
        match u8::take(from)? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

impl<const N: usize> Field for [u8; N] {
    fn put(&self, out: &mut Out<'_>) {
        out.put(self);
    }

    fn take(from: &mut In<'_>) -> Option<Self> {
        from.take()
    }
}

impl<T: Field> Field for Option<T> {
    fn put(&self, out: &mut Out<'_>) {
        self.is_some().put(out);
        if let Some(value) = self {
            value.put(out);
        }
    }

    fn take(from: &mut In<'_>) -> Option<Self> {
        if bool::take(from)? {
            T::take(from).map(Some)
        } else {
            Some(None)
        }
    }
}

impl Field for [Breaker; 6] {
    fn put(&self, out: &mut Out<'_>) {
        for breaker in self {
            breaker.put(out);
        }
    }

    fn take(from: &mut In<'_>) -> Option<Self> {
        let mut breakers = Self::default();
        for breaker in &mut breakers {
            *breaker = Breaker::take(from)?;
        }
        Some(breakers)
    }
}

impl<const N: usize> Field for Text<N> {
    fn put(&self, out: &mut Out<'_>) {
        let bytes = self.as_str().as_bytes();
        // A text holds at most 255 bytes by its own type.
        u8::try_from(bytes.len()).unwrap_or(u8::MAX).put(out);
        out.put(bytes);
    }

    fn take(from: &mut In<'_>) -> Option<Self> {
        let len = usize::from(u8::take(from)?);
        let (bytes, rest) = from.0.split_at_checked(len)?;
        from.0 = rest;
        let text = Self::from_bytes(bytes);
        (text.as_str().len() == len).then_some(text)
    }
}

impl Field for Reason {
    fn put(&self, out: &mut Out<'_>) {
        Text::<64>::from_bytes(self.as_str().as_bytes()).put(out);
    }

    fn take(from: &mut In<'_>) -> Option<Self> {
        Self::new(Text::<64>::take(from)?.as_str())
    }
}

impl Field for Confidence {
    fn put(&self, out: &mut Out<'_>) {
        self.units().put(out);
    }

    fn take(from: &mut In<'_>) -> Option<Self> {
        Self::from_units(u16::take(from)?)
    }
}

impl Field for Multiplier {
    fn put(&self, out: &mut Out<'_>) {
        self.units().put(out);
    }

    fn take(from: &mut In<'_>) -> Option<Self> {
        Self::new(i64::take(from)?).ok()
    }
}

impl Field for Refusal {
    fn put(&self, out: &mut Out<'_>) {
        self.number().put(out);
    }

    fn take(from: &mut In<'_>) -> Option<Self> {
        let number = usize::from(u8::take(from)?);
        Self::ALL.get(number.checked_sub(1)?).copied()
    }
}

impl Field for TickRule {
    fn put(&self, out: &mut Out<'_>) {
        match self {
            Self::Flat(step) => {
                0u8.put(out);
                step.put(out);
            }
            Self::TwoStep { upto, small, large } => {
                1u8.put(out);
                upto.put(out);
                small.put(out);
                large.put(out);
            }
        }
    }

    fn take(from: &mut In<'_>) -> Option<Self> {
        match u8::take(from)? {
            0 => Price::take(from).map(Self::Flat),
            1 => Some(Self::TwoStep {
                upto: Field::take(from)?,
                small: Field::take(from)?,
                large: Field::take(from)?,
            }),
            _ => None,
        }
    }
}

impl Field for ReportKind {
    fn put(&self, out: &mut Out<'_>) {
        let number: u8 = match self {
            Self::Sent => 0,
            Self::Acked(_) => 1,
            Self::Working => 2,
            Self::Executed(_) => 3,
            Self::Fee(..) => 4,
            Self::Cancelled { .. } => 5,
            Self::Expired { .. } => 6,
            Self::Rejected(_) => 7,
            Self::CancelRejected => 8,
            Self::NoAnswer => 9,
            Self::Absent { .. } => 10,
        };
        number.put(out);
        match self {
            Self::Sent | Self::Working | Self::CancelRejected | Self::NoAnswer => {}
            Self::Acked(id) => id.put(out),
            Self::Executed(execution) => execution.put(out),
            Self::Fee(id, fee) => {
                id.put(out);
                fee.put(out);
            }
            Self::Cancelled { filled } | Self::Expired { filled } | Self::Absent { filled } => {
                filled.put(out);
            }
            Self::Rejected(reason) => reason.put(out),
        }
    }

    fn take(from: &mut In<'_>) -> Option<Self> {
        Some(match u8::take(from)? {
            0 => Self::Sent,
            1 => Self::Acked(Field::take(from)?),
            2 => Self::Working,
            3 => Self::Executed(Field::take(from)?),
            4 => Self::Fee(Field::take(from)?, Field::take(from)?),
            5 => Self::Cancelled {
                filled: Field::take(from)?,
            },
            6 => Self::Expired {
                filled: Field::take(from)?,
            },
            7 => Self::Rejected(Field::take(from)?),
            8 => Self::CancelRejected,
            9 => Self::NoAnswer,
            10 => Self::Absent {
                filled: Field::take(from)?,
            },
            _ => return None,
        })
    }
}

impl Field for LimitChange {
    fn put(&self, out: &mut Out<'_>) {
        Text::<32>::from_bytes(self.name().as_bytes()).put(out);
        self.to().put(out);
    }

    fn take(from: &mut In<'_>) -> Option<Self> {
        let name = Text::<32>::take(from)?;
        Self::new(name.as_str(), Field::take(from)?)
    }
}

impl Field for Operator {
    fn put(&self, out: &mut Out<'_>) {
        let number: u8 = match self {
            Self::Halt => 0,
            Self::Resume(_) => 1,
            Self::CancelAll => 2,
            Self::Close(_) => 3,
            Self::Flatten => 4,
            Self::Kill => 5,
            Self::Disable(_) => 6,
            Self::Enable(_) => 7,
            Self::Tighten(_) => 8,
            Self::Clear(..) => 9,
        };
        number.put(out);
        match self {
            Self::Halt | Self::CancelAll | Self::Flatten | Self::Kill => {}
            Self::Resume(reason) => reason.put(out),
            Self::Close(signal) => signal.put(out),
            Self::Disable(strategy) | Self::Enable(strategy) => strategy.put(out),
            Self::Tighten(change) => change.put(out),
            Self::Clear(kind, reason) => {
                (*kind as u8).put(out);
                reason.put(out);
            }
        }
    }

    fn take(from: &mut In<'_>) -> Option<Self> {
        Some(match u8::take(from)? {
            0 => Self::Halt,
            1 => Self::Resume(Field::take(from)?),
            2 => Self::CancelAll,
            3 => Self::Close(Field::take(from)?),
            4 => Self::Flatten,
            5 => Self::Kill,
            6 => Self::Disable(Field::take(from)?),
            7 => Self::Enable(Field::take(from)?),
            8 => Self::Tighten(Field::take(from)?),
            9 => Self::Clear(
                BreakerKind::ALL
                    .get(usize::from(u8::take(from)?))
                    .copied()?,
                Field::take(from)?,
            ),
            _ => return None,
        })
    }
}
