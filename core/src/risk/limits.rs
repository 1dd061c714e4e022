//! Limits: every one named, none with a default, lowered while running, raised only by restart.
//!
//! The table below is the only place that names a limit: the struct, its reading from a
//! configuration, its check and its lowering are made from it. Shares are in millionths.

use core::fmt;

use crate::money::Money;

/// Which way a limit gets tighter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Tighter {
    /// A smaller number is stricter.
    Down,
    /// A larger number is stricter.
    Up,
}

/// What a configuration needs to know of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name, which is its key in the configuration.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Which way it gets tighter.
    pub tighter: Tighter,
    /// The least value that makes sense.
    pub least: i64,
}

/// What a limit's number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Unit {
    /// Contracts, orders, days: things.
    Count,
    /// Units of 1e-4 USD.
    Money,
    /// Millionths.
    Ppm,
    /// Nanoseconds.
    Ns,
    /// Prices' own steps.
    Ticks,
}

/// One limit and what it is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitChange {
    name: &'static str,
    to: i64,
}

impl LimitChange {
    /// A change of the limit of this name, in the limit's own unit; none if there is none.
    #[must_use]
    pub fn new(name: &str, to: i64) -> Option<Self> {
        let field = Limits::FIELDS.iter().find(|field| field.name == name)?;
        Some(Self {
            name: field.name,
            to,
        })
    }

    /// Which limit.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What it is to be.
    #[must_use]
    pub const fn to(&self) -> i64 {
        self.to
    }
}

/// Makes the struct and everything that goes over all of its fields.
macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident: $unit:ident $tighter:ident $least:literal,)+) => {
        /// The limits of one account. There is no default: each is a decision.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Limits {
            $($(#[doc = $doc])+ pub $name: i64,)+
        }

        impl Limits {
            /// Every limit, in the order of the struct.
            pub const FIELDS: &[Field] = &[$(Field {
                name: stringify!($name),
                unit: Unit::$unit,
                tighter: Tighter::$tighter,
                least: $least,
            },)+];

            /// Reads every limit by its name.
            ///
            /// # Errors
            ///
            /// Names the first that is missing, out of its range, or contradicts another.
            pub fn read(value: impl Fn(&'static str) -> Option<i64>) -> Result<Self, LimitError> {
                let limits = Self {
                    $($name: value(stringify!($name))
                        .ok_or(LimitError::Missing(stringify!($name)))?,)+
                };
                limits.check()?;
                Ok(limits)
            }

            /// The same with one limit changed. Whether the change is sound, and allowed, is for
            /// [`Self::tighten`] to say.
            #[must_use]
            pub fn with(&self, change: LimitChange) -> Self {
                let mut limits = *self;
                match change.name {
                    $(stringify!($name) => limits.$name = change.to,)+
                    _ => {}
                }
                limits
            }

            /// Every limit's value, in the order of [`Self::FIELDS`].
            #[must_use]
            pub const fn values(&self) -> [i64; Self::FIELDS.len()] {
                [$(self.$name,)+]
            }
        }
    };
}

limits! {
    /// Check 3: nothing is opened in the last so long before expiry.
    last_trade_window_ns: Ns Up 0,
    /// Check 6: the oldest book that an order may follow from.
    data_age_ns_max: Ns Down 1,
    /// Check 8: contracts of one order.
    order_quantity_max: Count Down 1,
    /// Check 9: distance of a price from the median of its references.
    collar_ppm: Ppm Down 1,
    /// Check 9: but always so many ticks are allowed.
    collar_ticks: Ticks Down 0,
    /// Check 9: references that must be there, of four.
    references_min: Count Up 1,
    /// Check 9: how far its references may be apart.
    references_apart_ppm: Ppm Down 1,
    /// Check 10: notional of one order.
    order_notional_max: Money Down 1,
    /// Check 11: contracts held of one contract, working orders counted as filled.
    position_quantity_max: Count Down 1,
    /// Check 11: positions open at once.
    positions_max: Count Down 1,
    /// Check 11: positions of one underlying open at once.
    underlying_positions_max: Count Down 1,
    /// Check 11: positions opened in one day.
    opened_per_day_max: Count Down 1,
    /// Check 11: positions opened in the whole run.
    opened_per_run_max: Count Down 1,
    /// Check 12: notional of everything, long and short added.
    gross_notional_max: Money Down 1,
    /// Check 12: the same for one underlying.
    underlying_notional_max: Money Down 1,
    /// Check 12: dollar delta, long or short.
    delta_max: Money Down 1,
    /// Check 12: dollar gamma, long or short.
    gamma_max: Money Down 1,
    /// Check 12: dollar vega, long or short.
    vega_max: Money Down 1,
    /// Check 12: what all positions together can lose.
    worst_loss_max: Money Down 1,
    /// Check 12: loss beyond a stop, as a multiple of its distance.
    stop_slippage_ppm: Ppm Up 1_000_000,
    /// Check 12: money in one position, of equity.
    position_share_ppm: Ppm Down 1,
    /// Check 12: money in one underlying, of equity.
    underlying_share_ppm: Ppm Down 1,
    /// Check 12: money in one strategy, of equity.
    strategy_share_ppm: Ppm Down 1,
    /// Check 12: an order against the contract's average daily volume.
    volume_share_ppm: Ppm Down 1,
    /// Check 12: an order against the size displayed opposite.
    displayed_ppm: Ppm Down 1,
    /// Check 12: the oldest Greeks.
    greeks_age_ns_max: Ns Down 1,
    /// Check 13: loss of one day, of the day's first equity.
    daily_loss_ppm: Ppm Down 1,
    /// Check 13: loss of one day.
    daily_loss_max: Money Down 1,
    /// Check 13: from this share of it sizes shrink.
    daily_shrink_ppm: Ppm Down 1,
    /// Check 13: from this share of it nothing new is opened.
    daily_gate_ppm: Ppm Down 1,
    /// Check 13: unrealised loss must be seen so often in a row before it trips.
    loss_confirmations: Count Down 1,
    /// Check 13: the oldest mark of a position that is held.
    mark_age_ns_max: Ns Down 1,
    /// Check 14: fall of equity from its highest.
    drawdown_ppm: Ppm Down 1,
    /// Check 14: from here on sizes are halved.
    drawdown_shrink_ppm: Ppm Down 1,
    /// Check 14: from here on stops are tightened.
    drawdown_tighten_ppm: Ppm Down 1,
    /// Check 14: the least time that a drawdown halts.
    drawdown_cool_ns: Ns Up 0,
    /// Check 14: losing days in a row.
    losing_days_max: Count Down 1,
    /// Check 14: losing trades in a row.
    losing_trades_max: Count Down 1,
    /// Check 14: how long those cool.
    losing_trades_cool_ns: Ns Up 0,
    /// Check 14: size of the market's z-score.
    volatility_ppm: Ppm Down 1,
    /// Check 14: how long that cools.
    volatility_cool_ns: Ns Up 0,
    /// Check 14: the oldest z-score.
    volatility_age_ns_max: Ns Down 1,
    /// Check 14: grave errors of our own within a window.
    errors_max: Count Down 1,
    /// Check 14: that window.
    errors_window_ns: Ns Up 1,
    /// Check 14: how long those cool.
    errors_cool_ns: Ns Up 0,
    /// Check 15: available funds against what is required.
    margin_buffer_ppm: Ppm Up 1_000_000,
    /// Check 15: one order against buying power.
    buying_power_share_ppm: Ppm Down 1,
    /// Check 15: the oldest account figures and margins.
    account_age_ns_max: Ns Down 1,
    /// Check 16: correlation of a new position with each that is held.
    correlation_ppm: Ppm Down 1,
    /// Check 16: the oldest correlation matrix.
    correlation_age_ns_max: Ns Down 1,
    /// Check 16: value at risk, of equity.
    value_at_risk_ppm: Ppm Down 1,
    /// Check 16: the same while its history is too short.
    value_at_risk_short_ppm: Ppm Down 1,
    /// Check 16: days that make its history long enough.
    value_at_risk_days_min: Count Up 1,
    /// Check 16: the oldest value at risk.
    value_at_risk_age_ns_max: Ns Down 1,
    /// Check 17: the same order again within so long is a duplicate.
    duplicate_window_ns: Ns Up 1,
    /// Check 18: messages to the venue within any second.
    messages_per_second_max: Count Down 2,
    /// Check 18: of those, kept for cancels.
    cancel_reserve: Count Up 1,
    /// Check 19: intents of one strategy within a window; more is a run-away.
    attempts_max: Count Down 1,
    /// Check 19: that window.
    attempts_window_ns: Ns Up 1,
    /// Check 19: orders of one contract and side within a window.
    repeats_max: Count Down 1,
    /// Check 19: that window.
    repeats_window_ns: Ns Up 1,
    /// Check 20: live orders of one contract and side.
    side_orders_max: Count Down 1,
    /// Check 20: live orders in all.
    orders_max: Count Down 1,
    /// Check 22: data cost of one signal.
    signal_cost_max: Money Down 0,
    /// Check 22: data cost of one day.
    day_cost_max: Money Down 0,
    /// Check 22: data cost of one month.
    month_cost_max: Money Down 0,
    /// Check 22: fees of one day.
    day_fees_max: Money Down 0,
    /// Check 22: the oldest costs.
    cost_age_ns_max: Ns Down 1,
    /// Check 23: the oldest signal.
    signal_age_ns_max: Ns Down 1,
    /// Check 23: the least confidence.
    confidence_min_ppm: Ppm Up 0,
    /// Check 24: orders of one contract that the venue has not acknowledged.
    unacked_max: Count Down 1,
    /// An order without an answer for so long is unknown.
    answer_ns_max: Ns Down 1,
}

/// Why limits are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitError {
    /// It has no value. None has a default.
    Missing(&'static str),
    /// It is below the least that makes sense.
    TooSmall {
        /// Its name.
        name: &'static str,
        /// Its value.
        value: i64,
        /// The least.
        least: i64,
    },
    /// One must not exceed the other.
    Contradiction {
        /// The smaller by meaning.
        name: &'static str,
        /// The larger by meaning.
        than: &'static str,
    },
    /// It would be looser than it is. That takes a restart.
    Raised {
        /// Its name.
        name: &'static str,
        /// Its value.
        from: i64,
        /// What was asked for.
        to: i64,
    },
}

/// Pairs of which the first must not exceed the second.
const ORDERED: &[(&str, &str)] = &[
    ("order_quantity_max", "position_quantity_max"),
    ("underlying_positions_max", "positions_max"),
    ("opened_per_day_max", "opened_per_run_max"),
    ("order_notional_max", "underlying_notional_max"),
    ("underlying_notional_max", "gross_notional_max"),
    ("position_share_ppm", "underlying_share_ppm"),
    ("daily_shrink_ppm", "daily_gate_ppm"),
    ("drawdown_tighten_ppm", "drawdown_shrink_ppm"),
    ("drawdown_shrink_ppm", "drawdown_ppm"),
    ("value_at_risk_short_ppm", "value_at_risk_ppm"),
    ("side_orders_max", "orders_max"),
    ("signal_cost_max", "day_cost_max"),
    ("day_cost_max", "month_cost_max"),
    ("repeats_max", "attempts_max"),
    ("unacked_max", "side_orders_max"),
];

/// Limits in millionths of a whole, which cannot exceed it.
const SHARES: &[&str] = &["daily_gate_ppm", "drawdown_ppm", "confidence_min_ppm"];

impl Limits {
    /// Whether every limit is in its range and none contradicts another.
    ///
    /// # Errors
    ///
    /// Names the first that is not.
    pub fn check(&self) -> Result<(), LimitError> {
        for (field, value) in Self::FIELDS.iter().zip(self.values()) {
            if value < field.least {
                return Err(LimitError::TooSmall {
                    name: field.name,
                    value,
                    least: field.least,
                });
            }
        }
        for (name, than) in ORDERED {
            if self.get(name) > self.get(than) {
                return Err(LimitError::Contradiction { name, than });
            }
        }
        for name in SHARES {
            if self.get(name) > Some(1_000_000) {
                let than = "the whole (1 000 000)";
                return Err(LimitError::Contradiction { name, than });
            }
        }
        if self.cancel_reserve >= self.messages_per_second_max {
            let (name, than) = ("cancel_reserve", "messages_per_second_max");
            return Err(LimitError::Contradiction { name, than });
        }
        Ok(())
    }

    /// A limit's value by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<i64> {
        let at = Self::FIELDS.iter().position(|field| field.name == name)?;
        Some(self.values()[at])
    }

    /// Takes tighter limits while running.
    ///
    /// # Errors
    ///
    /// Changes nothing and names the first that would be looser, or unsound.
    pub fn tighten(&mut self, to: &Self) -> Result<(), LimitError> {
        to.check()?;
        let values = self.values().into_iter().zip(to.values());
        for (field, (from, to)) in Self::FIELDS.iter().zip(values) {
            let is_looser = match field.tighter {
                Tighter::Down => to > from,
                Tighter::Up => to < from,
            };
            if is_looser {
                let name = field.name;
                return Err(LimitError::Raised { name, from, to });
            }
        }
        *self = *to;
        Ok(())
    }

    /// The loss of one day that halts, the tighter of share and amount: at this loss, not above.
    #[must_use]
    pub fn daily_loss(&self, equity: Money) -> Money {
        let share = equity.part_up(self.daily_loss_ppm);
        Money(self.daily_loss_max).min(share)
    }
}

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => {
                write!(
                    f,
                    "limit `{name}` has no value; limits have no default, write one"
                )
            }
            Self::TooSmall { name, value, least } => {
                write!(f, "limit `{name}` is {value}; it must be at least {least}")
            }
            Self::Contradiction { name, than } => {
                write!(f, "limit `{name}` exceeds {than}, which it must not")
            }
            Self::Raised { name, from, to } => {
                write!(
                    f,
                    "limit `{name}` would go from {from} to {to}; that takes a restart"
                )
            }
        }
    }
}

impl core::error::Error for LimitError {}

/// What is laid out at construction. Nothing grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Contracts that can be traded. At most 2^20.
    pub contracts_max: u32,
    /// Underlyings of those. At most 2^10: correlations are a square table.
    pub underlyings_max: u32,
    /// Strategies. At most 2^8.
    pub strategies_max: u32,
    /// Orders remembered, live and past: a power of two, at most 2^20.
    pub orders_max: u32,
    /// Executions that are told apart. At most 2^24.
    pub executions_max: u32,
}

impl Capacity {
    /// Whether every number is in its range.
    ///
    /// # Errors
    ///
    /// Names the first that is not.
    pub fn check(&self) -> Result<(), CapacityError> {
        let ranges = [
            ("contracts_max", self.contracts_max, 1 << 20),
            ("underlyings_max", self.underlyings_max, 1 << 10),
            ("strategies_max", self.strategies_max, 1 << 8),
            ("orders_max", self.orders_max, 1 << 20),
            ("executions_max", self.executions_max, 1 << 24),
        ];
        for (name, value, max) in ranges {
            if value == 0 || value > max {
                return Err(CapacityError { name, value, max });
            }
        }
        if !self.orders_max.is_power_of_two() {
            let (name, value, max) = ("orders_max", self.orders_max, 1 << 20);
            return Err(CapacityError { name, value, max });
        }
        Ok(())
    }
}

/// A capacity out of its range, or not a power of two where it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapacityError {
    /// Its name.
    pub name: &'static str,
    /// Its value.
    pub value: u32,
    /// The most.
    pub max: u32,
}

impl fmt::Display for CapacityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, max } = self;
        write!(
            f,
            "capacity `{name}` is {value}; from 1 to {max} (orders: a power of two)"
        )
    }
}

impl core::error::Error for CapacityError {}
