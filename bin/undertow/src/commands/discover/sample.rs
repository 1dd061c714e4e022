//! What the files hold, by instrument: sizes of trades, volume, closes of 5 s.

use std::collections::{BTreeSet, HashMap};

use anyhow::Result;
use undertow_cold::registry::Registry;
use undertow_core::event::{InstrumentClass, Mbo};
use undertow_core::types::{Action, BookKey, Flags, Nanos};
use undertow_strategies::calendar::{Calendar, Day, Sessions};
use undertow_strategies::discovery::Closes;

use crate::cli::Hours;
use crate::exit::{Code, Failure};

/// Every trade within the hours asked for.
pub(super) struct Sample {
    pub(super) registry: Registry,
    pub(super) hours: Hours,
    calendar: Calendar,
    sessions: Sessions,
    instruments: HashMap<BookKey, Instrument>,
    days: BTreeSet<Day>,
    trades: u64,
    outside: u64,
}

/// The trades of one instrument.
pub(super) struct Instrument {
    pub(super) sizes: Vec<u32>,
    pub(super) volume: u64,
    pub(super) closes: Closes,
    last: Nanos,
}

impl Sample {
    pub(super) fn new(hours: Hours) -> Self {
        let calendar = Calendar::built_in();
        Self {
            registry: Registry::default(),
            hours,
            sessions: calendar.sessions(hours.venue()),
            calendar,
            instruments: HashMap::new(),
            days: BTreeSet::new(),
            trades: 0,
            outside: 0,
        }
    }

    /// Takes a record in; only trades count.
    ///
    /// # Errors
    /// A time beyond the calendar.
    pub(super) fn take(&mut self, mbo: &Mbo) -> Result<()> {
        let is_trade = mbo.action == Action::Trade
            && mbo.size > 0
            && mbo.price.is_defined()
            && mbo.ts_event.is_defined()
            && !mbo.flags.has(Flags::SNAPSHOT);
        if !is_trade {
            return Ok(());
        }
        let Some(day) = self.session(mbo.ts_event)? else {
            self.outside += 1;
            return Ok(());
        };
        self.trades += 1;
        self.days.insert(day);
        let empty = || Instrument {
            sizes: Vec::new(),
            volume: 0,
            closes: Closes::new(Closes::WIDTH),
            last: Nanos(0),
        };
        let instrument = self.instruments.entry(mbo.key()).or_insert_with(empty);
        instrument.sizes.push(mbo.size);
        instrument.volume += u64::from(mbo.size);
        instrument.closes.update(mbo.ts_event, day, mbo.price);
        instrument.last = mbo.ts_event;
        Ok(())
    }

    /// Every instrument with its name, the most traded first; without options and spreads unless
    /// nothing else traded. Names that several bear get their publisher, so that each is one's.
    pub(super) fn by_trades(&self) -> Vec<(String, &Instrument)> {
        let mut named: Vec<_> = self.instruments.iter().collect();
        if named.iter().any(|(key, _)| self.is_outright(**key)) {
            named.retain(|(key, _)| self.is_outright(**key));
        }
        named.sort_by_key(|(key, _)| (key.instrument_id, key.publisher_id));
        let name = |key: BookKey, i: &Instrument| self.registry.name(key, i.last);
        let mut seen: HashMap<String, u32> = HashMap::new();
        for (key, instrument) in &named {
            *seen.entry(name(**key, instrument)).or_default() += 1;
        }
        let mut named: Vec<_> = named
            .into_iter()
            .map(|(key, instrument)| match name(*key, instrument) {
                shared if seen[&shared] > 1 => {
                    let (publisher, id) = (key.publisher_id.0, key.instrument_id.0);
                    (format!("{shared} {publisher}/{id}"), instrument)
                }
                own => (own, instrument),
            })
            .collect();
        named.sort_by(|a, b| b.1.sizes.len().cmp(&a.1.sizes.len()).then(a.0.cmp(&b.0)));
        named
    }

    /// The sessions that had a trade.
    pub(super) const fn days(&self) -> &BTreeSet<Day> {
        &self.days
    }

    /// When the last trade within the hours was.
    pub(super) fn last(&self) -> Nanos {
        let last = self.instruments.values().map(|instrument| instrument.last);
        last.max().unwrap_or(Nanos(0))
    }

    /// Trades within the hours.
    pub(super) const fn trades(&self) -> u64 {
        self.trades
    }

    /// Trades outside them.
    pub(super) const fn outside(&self) -> u64 {
        self.outside
    }

    /// Instruments that traded within the hours.
    pub(super) fn instruments(&self) -> usize {
        self.instruments.len()
    }

    /// Whether it is no option and no spread, as far as its definition was seen.
    fn is_outright(&self, key: BookKey) -> bool {
        use InstrumentClass::{Call, FutureSpread, MixedSpread, OptionSpread, Put};
        let class = self
            .registry
            .definition(key)
            .map(|definition| definition.class);
        !class.is_some_and(|class| {
            matches!(
                class,
                Call | Put | FutureSpread | OptionSpread | MixedSpread
            )
        })
    }

    fn session(&mut self, t: Nanos) -> Result<Option<Day>> {
        self.sessions.advance(t);
        if let Some(session) = self.sessions.current() {
            return Ok(Some(session.day));
        }
        self.calendar
            .trading_day(self.hours.venue(), t)
            .map_err(|error| {
                let next = "replay sessions that the calendar knows";
                Failure::new(Code::USAGE, error.to_string(), next)
            })?;
        Ok(None)
    }
}
