//! What is simulated: a short dense session, a profile with low thresholds, small rooms.
//!
//! A session has enough activity for dozens of orders. Rules are the program's own with numbers
//! that fire often; limits are those of the paper profile, widened where they would end the
//! trading, and drawn where it is worth seeing them bind.

use anyhow::Result;
use undertow_core::book::BookLimits;
use undertow_core::money::Money;
use undertow_core::types::{Nanos, Price};
use undertow_core::venue::{Impact, Latency, PaperVenue, Setup};
use undertow_feeds::synthetic::{Faults, Plantings, SessionConfig};
use undertow_strategies::decide::contract::{ExpiryRule, StrikeRule};
use undertow_strategies::decide::rules::{RuleSet, Strategy};
use undertow_strategies::flow::FlowParameters;

use super::chance::{Chance, Concern};
use crate::profile::Profile;

/// Records of a simulated minute.
const RECORDS_PER_MINUTE: u64 = 1_400;

/// Books, futures and options together.
const INSTRUMENTS_MAX: u32 = 256;

/// The market of a seed, with the feed's faults if there are to be any.
pub(super) fn session(seed: u64, minutes: u32, has_faults: bool) -> SessionConfig {
    let mut chance = Chance::new(seed, Concern::World);
    let each = minutes.div_ceil(3);
    let cut = u32::from(chance.happens(100_000));
    SessionConfig {
        seed,
        minutes,
        messages: u64::from(minutes) * RECORDS_PER_MINUTE,
        expiries: 3,
        strikes: 14,
        strike_spacing: chance.pick(&[3, 5, 10]),
        resting: 60,
        plantings: Plantings {
            sweeps: each,
            icebergs: each,
            blocks: each,
            pressures: each,
            calms: 0,
        },
        faults: if has_faults {
            feed_faults(cut > 0)
        } else {
            Faults::none()
        },
        ..SessionConfig::demo()
    }
}

/// The design's rates; kinds that it does not name happen as often as its rarest.
fn feed_faults(is_cut: bool) -> Faults {
    Faults {
        duplicate: 0.001,
        reorder: 0.001,
        gap: 0.0005,
        truncated_tail: is_cut,
        ..Faults::all(0.0001)
    }
}

/// What is traded, and how.
pub(super) fn profile(seed: u64) -> Result<Profile> {
    let mut profile = Profile::load("paper")?;
    let mut chance = Chance::new(seed ^ 1, Concern::World);
    profile.equity = Money::from_usd(1_000_000);
    profile.seed = seed;
    profile.has_impact = chance.happens(500_000);
    profile.holdings_max = 12;
    profile.claims_max = 256;
    profile.options_max = 128;
    profile.capacity.contracts_max = 128;
    profile.capacity.orders_max = 256;
    profile.capacity.executions_max = 1_024;
    limits(&mut profile, &mut chance);
    for product in &mut profile.products {
        product.rules = rules(&mut chance).into_boxed_slice();
    }
    profile.limits.check()?;
    Ok(profile)
}

fn limits(profile: &mut Profile, chance: &mut Chance) {
    let dollars = |usd: i64| Money::from_usd(usd).0;
    let limits = &mut profile.limits;
    limits.order_notional_max = dollars(100_000);
    limits.underlying_notional_max = dollars(400_000);
    limits.gross_notional_max = dollars(400_000);
    limits.delta_max = dollars(50_000_000);
    limits.gamma_max = dollars(500_000_000);
    limits.vega_max = dollars(500_000);
    limits.worst_loss_max = dollars(400_000);
    limits.positions_max = 12;
    limits.underlying_positions_max = 12;
    limits.data_age_ns_max = chance.pick(&[60_000_000_000, 600_000_000_000, 600_000_000_000]);
    limits.volatility_cool_ns = 20_000_000_000;
    limits.daily_loss_max = dollars(chance.pick(&[500, 20_000, 20_000]));
    limits.losing_trades_max = chance.pick(&[3, 1_000]);
    limits.losing_trades_cool_ns = 20_000_000_000;
    limits.errors_cool_ns = 20_000_000_000;
    limits.attempts_max = chance.pick(&[20, 200]);
    limits.displayed_ppm = 5_000_000;
    limits.duplicate_window_ns = chance.pick(&[1_000_000, 5_000_000_000]);
    limits.answer_ns_max = chance.pick(&[2_000_000_000, 10_000_000_000]);
}

/// Rule sets that fire often: on the flow's share and the book's side alone, each on other
/// strikes.
fn rules(chance: &mut Chance) -> Vec<RuleSet> {
    let mut rules = Vec::new();
    for (days, bps) in [(0, 0), (0, 4), (0, 8), (1, 0), (1, 5), (9, 2)] {
        let mut set = tuned(RuleSet::of(Strategy::ZeroDte), chance);
        let numbers = [
            ("vpin_weight", 100.0),
            ("obi_weight", 0.0),
            ("gamma_weight", 0.0),
            ("sweep_weight", 0.0),
            ("obi_strong", 0.55),
            ("obi_weak", 0.51),
            ("lead_min", 1.0),
            ("pull_min", 1.0),
        ];
        set_all(&mut set, &numbers);
        set.choice.expiry = about(days);
        set.choice.strike = outward(bps);
        rules.push(set);
    }
    for (days, bps) in [(0, 2), (0, 6), (0, 10), (1, 3), (9, 0), (9, 6)] {
        let mut set = tuned(RuleSet::of(Strategy::OneDte), chance);
        let numbers = [
            ("regime_weight", 0.0),
            ("obi_weight", 0.0),
            ("gex_weight", 0.0),
            ("vpin_weight", 100.0),
            ("late_minutes", 1_000.0),
            ("obi_strong", 0.51),
            ("dex_min", 1e18),
            ("lead_min", 1.0),
        ];
        set_all(&mut set, &numbers);
        set.bar_minutes = 1;
        set.choice.expiry = about(days);
        set.choice.strike = outward(bps);
        rules.push(set);
    }
    let mut ifd = tuned(RuleSet::of(Strategy::Ifd), chance);
    set_all(&mut ifd, &[("confidence_min", 0.1), ("plausible_min", 0.1)]);
    rules.push(ifd);
    rules
}

/// What every rule set has in common here: it looks all day and every second.
fn tuned(mut set: RuleSet, chance: &mut Chance) -> RuleSet {
    let numbers = [
        ("window_start", 9.0 * 60.0),
        ("window_end", 16.0 * 60.0),
        ("refresh_s", 1.0),
        ("cooldown_s", 1.0),
        ("liquid_interest_min", 0.0),
        ("liquid_spread_max_pct", 50.0),
        ("vpin_min", chance.pick(&[0.05, 0.15, 0.25])),
    ];
    for (name, number) in numbers {
        // A rule without a number of this name is left as it is.
        let _ = set.set(name, number);
    }
    set.levels.range_min = Price(chance.pick(&[1, 2, 8]) * Price::PER_POINT);
    set.levels.tick = Price(Price::PER_POINT / 4);
    set.ages_max.ticker_ns = 30_000_000_000;
    set
}

fn set_all(set: &mut RuleSet, numbers: &[(&str, f64)]) {
    for (name, number) in numbers {
        let is_known = set.set(name, *number).is_ok();
        debug_assert!(is_known, "{name}");
    }
}

const fn about(days: i32) -> ExpiryRule {
    ExpiryRule::About {
        days,
        min: 0,
        max: 30,
    }
}

const fn outward(bps: i64) -> StrikeRule {
    StrikeRule::Outward { bps, follow_bps: 0 }
}

/// The venue of a seed: sometimes near, sometimes far and slow.
pub(super) fn venue(profile: &Profile) -> Result<PaperVenue> {
    const MS: u64 = 1_000_000;
    let mut chance = Chance::new(profile.seed ^ 2, Concern::World);
    let latency = chance.pick(&[
        Latency::LOOPBACK,
        Latency::both([MS, 5 * MS, 20 * MS, 100 * MS, 500 * MS, 2_000 * MS]),
        Latency::both([
            50 * MS,
            200 * MS,
            900 * MS,
            3_000 * MS,
            8_000 * MS,
            20_000 * MS,
        ]),
    ]);
    let mut setup = Setup::new(latency, profile.seed);
    setup.impact = if profile.has_impact {
        Impact::On
    } else {
        Impact::Off
    };
    setup.contracts_max = profile.capacity.contracts_max;
    setup.orders_max = 64;
    setup.ahead_max = 128;
    setup.taken_max = 512;
    PaperVenue::new(&setup).map_err(|error| anyhow::anyhow!("the venue of a simulation: {error}"))
}

/// Room for the books of a session, and no more.
pub(super) fn books() -> BookLimits {
    BookLimits {
        instruments_max: INSTRUMENTS_MAX,
        orders_max: 1 << 13,
        book_orders_max: 1 << 12,
        pages_max: 1 << 11,
        side_pages_max: 1 << 8,
        watches_depth: true,
        ..BookLimits::default()
    }
}

/// Measures that are warm within a minute.
pub(super) fn flow() -> FlowParameters {
    FlowParameters {
        measured_max: 4,
        vpin_bucket: 60,
        vpin_buckets: 8,
        bulk_bars: 20,
        bulk_bars_min: 3,
        options_max: INSTRUMENTS_MAX as usize,
        quoted_max: INSTRUMENTS_MAX as usize,
        ..FlowParameters::default()
    }
}

/// When trading of a session begins, in event time.
pub(super) fn start(config: &SessionConfig) -> Nanos {
    let midnight = config.date.midnight().assume_utc().unix_timestamp();
    let seconds = u64::try_from(midnight).unwrap_or(0) + 13 * 3_600 + 30 * 60;
    Nanos(seconds * 1_000_000_000)
}
