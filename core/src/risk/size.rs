//! Sizes in integers: how many contracts an entry may have (R1, S13), and how losses shrink them.

use crate::contract::Contract;
use crate::money::{Money, PPM};
use crate::order::Confidence;
use crate::types::Price;

/// Base of the notional size of S13.
const BASE: Money = Money::from_usd(10_000);

/// Share of equity that a position has at no confidence at all, and what full confidence adds,
/// in millionths.
const SHARE_PPM: i64 = 20_000;
const SHARE_BY_CONFIDENCE_PPM: i64 = 30_000;

/// No position takes more of the buying power, in millionths.
const BUYING_POWER_PPM: i64 = 250_000;

/// Below these confidences (in 1e-4) a position shrinks to so many millionths.
const UNSURE: [(u16, i64); 2] = [(7_000, 500_000), (8_500, 750_000)];

/// How soon a strategy's options expire, which sets sizes, prices and exits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Horizon {
    /// Today.
    ZeroDte,
    /// Tomorrow.
    OneDte,
    /// In about two weeks.
    FourteenDte,
    /// Held into the close.
    Moc,
}

impl Horizon {
    /// The most contracts of one entry (R1).
    #[must_use]
    pub const fn quantity_max(self) -> u32 {
        match self {
            Self::ZeroDte => 50,
            _ => 100,
        }
    }

    /// Share of the base size (S13), in millionths.
    const fn share_ppm(self) -> i64 {
        match self {
            Self::ZeroDte => 50_000,
            Self::OneDte => 70_000,
            Self::FourteenDte => 100_000,
            Self::Moc => 150_000,
        }
    }
}

/// What a position's size depends on (R1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizing {
    /// Equity.
    pub equity: Money,
    /// Buying power.
    pub buying_power: Money,
    /// How sure the signal is.
    pub confidence: Confidence,
    /// How losses shrink it, in millionths: [`super::Risk::size_factor_ppm`].
    pub factor_ppm: i64,
    /// A further cap on the share of equity, such as Kelly's, in millionths.
    pub share_max_ppm: Option<i64>,
}

impl Sizing {
    /// Money for the position.
    #[must_use]
    pub fn budget(&self) -> Money {
        let units = i64::from(self.confidence.units());
        let share =
            SHARE_PPM + SHARE_BY_CONFIDENCE_PPM * units / i64::from(Confidence::MAX.units());
        let mut budget = self.equity.part(share).part(self.factor_ppm);
        budget = budget.min(self.buying_power.part(BUYING_POWER_PPM));
        if let Some(share) = self.share_max_ppm {
            budget = budget.min(self.equity.part(share));
        }
        let unsure = UNSURE
            .iter()
            .find(|(below, _)| self.confidence.units() < *below);
        unsure
            .map_or(budget, |(_, ppm)| budget.part(*ppm))
            .max(Money::ZERO)
    }

    /// Contracts at this price, rounded down; 0 means no order.
    #[must_use]
    pub fn quantity(&self, contract: &Contract, price: Price, horizon: Horizon) -> u32 {
        let each = contract.notional(1, price);
        if each <= Money::ZERO {
            return 0;
        }
        let quantity = u32::try_from(self.budget().0 / each.0).unwrap_or(u32::MAX);
        quantity.min(horizon.quantity_max())
    }
}

/// Notional size of S13: 50 % of the strategy's share of the base at 60 points, all of it at 100.
/// `None` below 60 points, where there is no signal to size.
#[must_use]
pub fn notional_size(horizon: Horizon, confidence: Confidence) -> Option<Money> {
    let points = i64::from(confidence.units()).checked_sub(6_000)?;
    if points < 0 {
        return None;
    }
    let base = i128::from(BASE.part(horizon.share_ppm()).0);
    // .5 + .5 · (c − 60) / 40 is (4000 + c') / 8000 with c' = c − 60 in 1e-4.
    let size = crate::money::div_round(base * i128::from(4_000 + points), 8_000);
    Some(Money::saturating_from(size))
}

/// How far a daily loss has gone (R3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum LossRung {
    /// Not far.
    Fine,
    /// Sizes shrink to 70 %.
    Shrink,
    /// Nothing new is opened.
    NoNew,
    /// Halt.
    Halt,
}

impl LossRung {
    /// The rung of a loss, given the loss that halts and the shares of it at which the first two
    /// rungs stand, in millionths. Each rung begins at its border, not above it.
    #[must_use]
    pub fn of(loss: Money, halt: Money, shrink_ppm: i64, gate_ppm: i64) -> Self {
        if loss >= halt {
            Self::Halt
        } else if loss >= halt.part_up(gate_ppm) {
            Self::NoNew
        } else if loss >= halt.part_up(shrink_ppm) {
            Self::Shrink
        } else {
            Self::Fine
        }
    }

    /// What is left of a size, in millionths.
    #[must_use]
    pub const fn factor_ppm(self) -> i64 {
        match self {
            Self::Fine => PPM,
            Self::Shrink => 700_000,
            Self::NoNew | Self::Halt => 0,
        }
    }
}

/// How far equity has fallen from its highest (R4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum DrawdownRung {
    /// Not far.
    Fine,
    /// Stops are tightened to 75 % of their distance.
    TightenStops,
    /// Sizes are halved as well.
    Halve,
    /// Halt.
    Halt,
}

impl DrawdownRung {
    /// The rung of an equity under its highest, given where the rungs stand, in millionths.
    #[must_use]
    pub fn of(equity: Money, high_water: Money, rungs_ppm: [i64; 3]) -> Self {
        let [tighten, halve, halt] = rungs_ppm;
        let fallen = (high_water - equity)
            .ppm_down(high_water)
            .unwrap_or(i64::MAX);
        if fallen >= halt {
            Self::Halt
        } else if fallen >= halve {
            Self::Halve
        } else if fallen >= tighten {
            Self::TightenStops
        } else {
            Self::Fine
        }
    }

    /// What is left of a size, in millionths.
    #[must_use]
    pub const fn factor_ppm(self) -> i64 {
        match self {
            Self::Fine | Self::TightenStops => PPM,
            Self::Halve => 500_000,
            Self::Halt => 0,
        }
    }

    /// What is left of a stop's distance, in millionths.
    #[must_use]
    pub const fn stop_ppm(self) -> i64 {
        match self {
            Self::Fine => PPM,
            _ => 750_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{ContractKind, Multiplier, PriceSign, TickRule};
    use crate::types::{BookKey, InstrumentId, Nanos, Text};

    fn sizing(units: u16) -> Sizing {
        Sizing {
            equity: Money::from_usd(100_000),
            buying_power: Money::from_usd(1_000_000),
            confidence: Confidence::from_units(units).unwrap(),
            factor_ppm: PPM,
            share_max_ppm: None,
        }
    }

    #[test]
    fn r01_a_budget_grows_with_confidence_and_shrinks_below_its_rungs() {
        // 2 % and 3 % by confidence; half below 70 points, three quarters below 85.
        for (units, units_of_money) in [
            (0, 10_000_000),
            (6_999, 20_498_500),
            (7_000, 30_750_000),
            (8_499, 34_122_750),
            (8_500, 45_500_000),
            (10_000, 50_000_000),
        ] {
            assert_eq!(sizing(units).budget(), Money(units_of_money), "{units}");
        }
    }

    #[test]
    fn r01_a_budget_takes_the_tightest_of_its_caps() {
        let full = sizing(10_000);
        let capped = |change: fn(&mut Sizing)| {
            let mut sizing = full;
            change(&mut sizing);
            sizing.budget()
        };
        let shrunk = capped(|it| it.factor_ppm = 700_000);
        assert_eq!(shrunk, Money::from_usd(3_500));
        let poor = capped(|it| it.buying_power = Money::from_usd(10_000));
        assert_eq!(poor, Money::from_usd(2_500));
        let kelly = capped(|it| it.share_max_ppm = Some(10_000));
        assert_eq!(kelly, Money::from_usd(1_000));
        let broke = capped(|it| it.buying_power = Money::from_usd(-10_000));
        assert_eq!(broke, Money::ZERO);
    }

    #[test]
    fn r01_contracts_are_rounded_down_and_limited_by_the_horizon() {
        let contract = Contract {
            key: BookKey::default(),
            kind: ContractKind::Call,
            multiplier: Multiplier::new(100 * Price::PER_POINT).unwrap(),
            tick: TickRule::Flat(Price(Price::PER_POINT / 100)),
            sign: PriceSign::Positive,
            expiry: Nanos(1),
            currency: Text::from_bytes(b"USD"),
            underlying: InstrumentId(100),
        };
        let quantity = |cents: i64, horizon| {
            let price = Price(cents * Price::PER_POINT / 100);
            sizing(10_000).quantity(&contract, price, horizon)
        };
        // 5 000 dollars at 205 a contract is 24.4.
        assert_eq!(quantity(205, Horizon::ZeroDte), 24);
        assert_eq!(quantity(5_000, Horizon::ZeroDte), 1);
        assert_eq!(quantity(5_001, Horizon::ZeroDte), 0);
        assert_eq!(quantity(1, Horizon::ZeroDte), 50);
        for horizon in [Horizon::OneDte, Horizon::FourteenDte, Horizon::Moc] {
            assert_eq!(quantity(1, horizon), 100);
        }
        assert_eq!(quantity(0, Horizon::ZeroDte), 0);
        assert_eq!(quantity(-205, Horizon::ZeroDte), 0);
    }

    #[test]
    fn s13_a_notional_is_half_at_60_points_and_whole_at_100() {
        let size = |horizon, units| notional_size(horizon, Confidence::from_units(units).unwrap());
        assert_eq!(size(Horizon::ZeroDte, 5_999), None);
        for (horizon, dollars) in [
            (Horizon::ZeroDte, 500),
            (Horizon::OneDte, 700),
            (Horizon::FourteenDte, 1_000),
            (Horizon::Moc, 1_500),
        ] {
            let whole = Money::from_usd(dollars);
            assert_eq!(size(horizon, 10_000), Some(whole));
            assert_eq!(size(horizon, 8_000), Some(whole.part(750_000)));
            assert_eq!(size(horizon, 6_000), Some(whole.part(500_000)));
        }
    }

    #[test]
    fn r04_stops_keep_their_distance_until_the_first_rung() {
        assert_eq!(DrawdownRung::Fine.stop_ppm(), PPM);
        assert_eq!(DrawdownRung::TightenStops.stop_ppm(), 750_000);
    }
}
