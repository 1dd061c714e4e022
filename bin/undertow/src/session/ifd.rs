//! What the options desk found, gathered while a run goes on; and the history that it compares with.

use std::collections::BTreeMap;

use anyhow::Result;
use undertow_cold::baselines::{History, Store, lookback, rows_of};
use undertow_cold::registry::Registry;
use undertow_cold::summary::ifd::{Expiry, IfdFigures, SignalLine};
use undertow_core::types::Nanos;
use undertow_strategies::calendar::{Calendar, Day, Venue};
use undertow_strategies::ifd::baseline::Table;
use undertow_strategies::ifd::desk::{Evidence, Finding, Signal, Version, Window};
use undertow_strategies::ifd::pressure::Dominance;
use undertow_strategies::options::Right;
use undertow_strategies::trade::chain::hours::{self, DayVolumes};

use super::gather::rfc3339;
use crate::config::Config;

/// Windows of this width are summed by expiry and become history.
const MINUTES: u64 = 5;

/// Everything found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    expiries: BTreeMap<Nanos, Expiry>,
    signals: Vec<Signal>,
    resolutions: u64,
    /// Kept for the history, if there is a place for it.
    windows: Option<Vec<Window>>,
}

impl Findings {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            windows: (!config.ifd.baselines.is_empty()).then(Vec::new),
            ..Self::default()
        }
    }

    pub(super) fn note(&mut self, finding: &Finding) {
        match finding {
            Finding::Window(window) if window.minutes == MINUTES => self.note_window(window),
            Finding::Window(_) => {}
            Finding::Signal(signal) => {
                let expiry = self.expiries.entry(signal.contract.expiry).or_default();
                match signal.direction {
                    undertow_strategies::ifd::Direction::Long => expiry.long += 1,
                    undertow_strategies::ifd::Direction::Short => expiry.short += 1,
                }
                self.signals.push(*signal);
            }
            Finding::Resolution(_) => self.resolutions += 1,
        }
    }

    fn note_window(&mut self, window: &Window) {
        let expiry = self.expiries.entry(window.contract.expiry).or_default();
        let tally = &window.tally;
        expiry.windows += 1;
        match tally.dominance() {
            Dominance::Buy => expiry.bought_windows += 1,
            Dominance::Sell => expiry.sold_windows += 1,
            Dominance::Neutral => {}
        }
        let sides = match window.contract.right {
            Right::Call => &mut expiry.calls,
            Right::Put => &mut expiry.puts,
        };
        sides[0] += tally.buy;
        sides[1] += tally.sell;
        expiry.unclassified += tally.unclassified;
        if let Some(windows) = &mut self.windows {
            windows.push(*window);
        }
    }

    /// Keeps the day's windows, and what a trader saw traded of options by the time of day, as history
    /// for the days after.
    ///
    /// # Errors
    /// The history cannot be read or written.
    pub(super) fn save(
        &self,
        config: &Config,
        registry: &Registry,
        volumes: impl Iterator<Item = DayVolumes>,
    ) -> Result<()> {
        let Some(windows) = &self.windows else {
            return Ok(());
        };
        let Some(first) = windows.first() else {
            return Ok(());
        };
        let day = Calendar::built_in().trading_day(Venue::Globex, first.start)?;
        let product = |key| registry.definition(key).map(|definition| definition.asset);
        let rows = rows_of(windows, day, product);
        let volumes: Vec<_> = volumes.collect();
        Ok(Store::at(&config.ifd.baselines).save(day, &rows, &volumes)?)
    }

    pub(super) fn figures(&self, config: &Config, places: usize, names: &Registry) -> IfdFigures {
        let expiries = self.expiries.iter().map(|(expiry, sums)| Expiry {
            expiry: Day::eastern(*expiry).to_string(),
            ..sums.clone()
        });
        IfdFigures {
            profile: config.ifd.profile.of().name.to_owned(),
            baselines: places,
            expiries: expiries.collect(),
            signals: self.signals.iter().map(|it| line(it, names)).collect(),
            resolutions: self.resolutions,
        }
    }
}

/// What was usual on the days before a session.
#[derive(Debug, Default)]
pub(crate) struct Usual {
    /// Pressure by place in the chain.
    pub(crate) pressure: Table,
    /// What was traded of options by the time of day.
    pub(crate) volumes: Vec<DayVolumes>,
}

/// The history of the days before the session that begins at `start`.
///
/// # Errors
/// The history cannot be read, or the calendar does not know the day.
pub(crate) fn history(config: &Config, start: Nanos) -> Result<Usual> {
    if config.ifd.baselines.is_empty() {
        return Ok(Usual::default());
    }
    let History { rows, mut volumes } = Store::at(&config.ifd.baselines).load()?;
    if rows.is_empty() && volumes.is_empty() {
        return Ok(Usual::default());
    }
    let calendar = Calendar::built_in();
    let today = calendar.trading_day(Venue::Globex, start)?;
    let days = lookback(&calendar, today, config.ifd.profile.of().lookback)?;
    let of_volumes = lookback(&calendar, today, hours::DAYS)?;
    volumes.retain(|it| of_volumes.contains(&it.day));
    Ok(Usual {
        pressure: Table::new(rows, &days),
        volumes,
    })
}

fn line(signal: &Signal, names: &Registry) -> SignalLine {
    SignalLine {
        time: rfc3339(signal.ts),
        symbol: names.name(signal.contract.key, signal.ts),
        version: match signal.version {
            Version::V1 => "v1",
            Version::V3 => "v3",
            Version::Both => "both",
        },
        direction: signal.direction.name(),
        level: signal.level.name(),
        confidence: signal.confidence,
        is_rejected: signal.is_rejected,
        components: components(&signal.evidence),
    }
}

fn components(evidence: &Evidence) -> Vec<(&'static str, f64)> {
    match evidence {
        Evidence::Spike {
            spike,
            volume,
            open_interest,
            ..
        } => vec![
            ("volume", *volume as f64),
            ("open interest", *open_interest as f64),
            ("ratio", spike.ratio),
        ],
        Evidence::Pressure(pressure) => {
            let it = &pressure.components;
            let mut named = vec![
                ("pressure", pressure.pressure),
                ("significance", it.significance),
                ("trend", it.trend),
                ("concentration", it.concentration),
                ("persistence", it.persistence),
                ("cluster", it.cluster),
                ("making", pressure.making),
                ("crush", pressure.crush),
            ];
            named.extend(pressure.reading.z.map(|z| ("z", z)));
            named
        }
    }
}
