//! What is journalled, each kind with its number in the format.
//!
//! Every change of the ledger that is not one of these cannot be replayed, so there is a record
//! for each way in which positions, orders and ids change. Silence is not a record: an order that
//! nobody answered for is as live in the ledger as before.

use undertow_core::contract::Contract;
use undertow_core::event::Operator;
use undertow_core::order::{ClientOrderId, ExecReport, Intent};
use undertow_core::risk::{AccountId, Command, Halt, Kept, Mode, Order, Reason, Refusal};
use undertow_core::types::{BookKey, Nanos, Price, Text};
use undertow_strategies::decide::identity::{Fingerprint, SignalId};

use super::codec::{Field, In, Out, fields};

/// Version and commit of a program.
pub type Build = Text<64>;

/// A run begins. What was held is carried on at its average price, what was live is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Which program.
    pub build: Build,
    /// Hash of the configuration in force.
    pub config_hash: u64,
    /// Hash of the input, 0 for a live one.
    pub input_hash: u64,
    /// What orders may reach.
    pub mode: Mode,
    /// In whose account.
    pub account: AccountId,
    /// What the run was begun with.
    pub kept: Kept,
}

/// An order was decided and named. Durable before it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intended {
    /// Its id.
    pub id: ClientOrderId,
    /// When it was made, in event time.
    pub ts: Nanos,
    /// What it is for.
    pub intent: Intent,
}

/// A cancel was decided. When, stands in the moment of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cancelled {
    /// Which order.
    pub id: ClientOrderId,
    /// Of which contract.
    pub contract: BookKey,
}

/// An intent was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What was wanted.
    pub intent: Intent,
    /// The check that refused it.
    pub refusal: Refusal,
}

/// A position of an earlier run, that this journal does not know, was put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The contract.
    pub contract: BookKey,
    /// Contracts held, negative for short.
    pub quantity: i64,
    /// At which average.
    pub average: Price,
    /// The price at which it had earned what the day had already counted.
    pub mark: Price,
}

/// A live order of an earlier run, that this journal does not know, was put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Its id.
    pub id: ClientOrderId,
    /// When it was made, in event time.
    pub ts: Nanos,
    /// What it is for.
    pub intent: Intent,
    /// Filled before.
    pub filled: u32,
}

/// The operator took the broker's word for a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// The contract.
    pub contract: BookKey,
    /// What is held more than we knew, negative for less.
    pub difference: i64,
    /// What it was valued at.
    pub price: Price,
}

/// A contract was settled at expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// The contract.
    pub contract: BookKey,
    /// At which price.
    pub price: Price,
    /// What takes its place, if anything, and at which price.
    pub delivered: Option<Delivered>,
}

/// What a settlement delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The contract.
    pub contract: BookKey,
    /// At which price.
    pub price: Price,
}

/// What became of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signalled {
    /// Its id of the day.
    pub id: SignalId,
    /// The contract's fingerprint.
    pub fingerprint: Fingerprint,
    /// Its number among the signals of the run.
    pub sequence: u64,
    /// What became of it, as its source numbers outcomes.
    pub outcome: u8,
}

/// A signal that was emitted, and whose claim is so taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// Its id of the day.
    pub id: SignalId,
    /// The contract's fingerprint.
    pub fingerprint: Fingerprint,
    /// Whose signal it is: the place of the rule set.
    pub place: u8,
    /// When it was made.
    pub at: Nanos,
    /// How long its id stays taken, ns.
    pub ttl_ns: u64,
}

/// The operator wanted a limit lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lowered {
    /// Its name in the configuration.
    pub name: Text<32>,
    /// What it was, in its own unit.
    pub from: i64,
    /// What it was to be.
    pub to: i64,
    /// What came of it.
    pub outcome: Lowering,
}

/// What came of a wish to lower a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lowering {
    /// It is in force.
    Taken,
    /// It would have been looser, which takes a restart.
    Looser,
    /// It would have contradicted another limit.
    Contradiction,
    /// It would have been below the least that makes sense.
    TooSmall,
}

/// What a held contract was valued at when [`Kept`] was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marked {
    /// The contract.
    pub contract: BookKey,
    /// The mark.
    pub price: Price,
}

fields!(Start: build, config_hash, input_hash, mode, account, kept);
fields!(Intended: id, ts, intent);
fields!(Cancelled: id, contract);
fields!(Refused: intent, refusal);
fields!(Carried: contract, quantity, average, mark);
fields!(Recovered: id, ts, intent, filled);
fields!(Adopted: contract, difference, price);
fields!(Settled: contract, price, delivered);
fields!(Delivered: contract, price);
fields!(Signalled: id, fingerprint, sequence, outcome);
fields!(Claimed: id, fingerprint, place, at, ttl_ns);
fields!(Marked: contract, price);
fields!(Lowered: name, from, to, outcome);

impl Field for SignalId {
    fn put(&self, out: &mut Out<'_>) {
        self.0.put(out);
    }

    fn take(from: &mut In<'_>) -> Option<Self> {
        Field::take(from).map(Self)
    }
}

impl Field for Fingerprint {
    fn put(&self, out: &mut Out<'_>) {
        self.0.put(out);
    }

    fn take(from: &mut In<'_>) -> Option<Self> {
        Field::take(from).map(Self)
    }
}

macro_rules! records {
    ($($(#[doc = $doc:literal])+ $name:ident($payload:ty) = $number:literal $shown:literal,)+) => {
        /// One record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Record {
            $($(#[doc = $doc])+ $name($payload),)+
        }

        impl Record {
            /// Its kind's number: the format, never changed, never used again.
            #[must_use]
            pub const fn kind(&self) -> u8 {
                match self { $(Self::$name(_) => $number),+ }
            }

            /// Its kind as shown.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => $shown),+ }
            }

            /// Whether there is a kind of this number.
            pub(super) fn is_kind(number: u8) -> bool {
                [$($number),+].contains(&number)
            }

            pub(super) fn put(&self, out: &mut Out<'_>) {
                match self { $(Self::$name(payload) => payload.put(out)),+ }
            }

            pub(super) fn take(kind: u8, from: &mut In<'_>) -> Option<Self> {
                Some(match kind {
                    $($number => Self::$name(Field::take(from)?),)+
                    _ => return None,
                })
            }
        }
    };
}

records! {
    /// A run begins.
    Start(Start) = 1 "start",
    /// A contract was taken on, with these terms.
    Contract(Contract) = 2 "contract",
    /// A position from outside this journal was put back.
    Carry(Carried) = 3 "carry",
    /// An order from outside this journal was put back.
    Recovered(Recovered) = 4 "recovered",
    /// Ids below this one are the venue's past.
    NextId(ClientOrderId) = 5 "next_id",
    /// An order was decided and named.
    Intent(Intended) = 6 "intent",
    /// It was handed to the gateway.
    Placed(ClientOrderId) = 7 "placed",
    /// A cancel was decided.
    Cancel(Cancelled) = 8 "cancel",
    /// The venue, or the gateway, said something.
    Report(ExecReport) = 9 "report",
    /// An intent was refused.
    Refused(Refused) = 10 "refused",
    /// The operator took the broker's word for a position.
    Adopted(Adopted) = 11 "adopted",
    /// A contract was settled at expiry.
    Settled(Settled) = 12 "settled",
    /// A signal met its fate.
    Signal(Signalled) = 13 "signal",
    /// The halt as it now stands.
    Halt(Halt) = 14 "halt",
    /// An operator opened the gate again.
    Resume(Reason) = 15 "resume",
    /// What must survive a restart.
    Kept(Kept) = 16 "kept",
    /// What a held contract was valued at.
    Mark(Marked) = 17 "mark",
    /// The digest of the ledger here.
    Checkpoint(u64) = 18 "checkpoint",
    /// The run ended in order, with this digest of the ledger.
    End(u64) = 19 "end",
    /// A signal was emitted: its claim is taken.
    Claim(Claimed) = 20 "claim",
    /// A limit was lowered while running, or was not.
    Limit(Lowered) = 21 "limit",
    /// The operator ordered something; what came of it follows.
    Ordered(Operator) = 22 "ordered",
}

impl Record {
    /// Whether something is sent to the venue on the strength of it.
    #[must_use]
    pub const fn is_intent(&self) -> bool {
        matches!(self, Self::Intent(_))
    }
}

impl From<&Order> for Record {
    fn from(order: &Order) -> Self {
        Self::Intent(Intended {
            id: order.id(),
            ts: order.ts(),
            intent: *order.intent(),
        })
    }
}

impl From<&Command> for Record {
    /// What is journalled before the command is handed to the gateway.
    fn from(command: &Command) -> Self {
        match command {
            Command::Place(order) => order.into(),
            Command::Cancel(cancel) => Self::Cancel(Cancelled {
                id: cancel.id(),
                contract: cancel.contract(),
            }),
        }
    }
}
