//! What a sample says: the parameters of its most traded instruments.

use anyhow::Result;
use latency_report::text::thousands;
use undertow_strategies::discovery::{
    Bucket, Closes, Correlations, Lookback, LookbackMode, RegimeConfig, RegimeReading, TRADES_MIN,
    TooLittle, adv50, bucket, correlations, lookback, regime, returns,
};

use super::sample::{Instrument, Sample};
use crate::exit::{Code, Failure};

/// Instruments that are looked at.
const SYMBOLS_MAX: usize = 12;

/// Fewest symbols of a matrix.
const SYMBOLS_MIN: usize = 3;

/// Everything found.
pub(super) struct Found {
    /// The most traded first.
    pub(super) symbols: Vec<Symbol>,
    pub(super) correlations: Result<Correlations, TooLittle>,
    /// Symbols that would have left too few common returns.
    pub(super) left_out: Vec<String>,
    reference: usize,
    is_reference_named: bool,
    mode: LookbackMode,
}

/// What was found for one instrument.
pub(super) struct Symbol {
    pub(super) name: String,
    pub(super) trades: usize,
    pub(super) volume: u64,
    pub(super) bucket: Bucket,
    pub(super) adv50: Option<u64>,
    pub(super) lookback: Lookback,
    pub(super) regime: Option<RegimeReading>,
}

impl Found {
    /// Computes everything.
    ///
    /// # Errors
    /// Nothing traded, or the reference did not.
    pub(super) fn of(
        sample: &Sample,
        reference: Option<&str>,
        mode: LookbackMode,
    ) -> Result<Self, Failure> {
        let mut instruments = sample.by_trades();
        // These stand between names and values where a pair is written.
        instruments.retain(|(name, _)| !name.contains([':', '=']));
        let named = |wanted: &str| {
            let at = |(name, _): &(String, _)| name.eq_ignore_ascii_case(wanted);
            let found = instruments.iter().position(at);
            found.ok_or_else(|| unknown(wanted, &instruments))
        };
        if instruments.is_empty() {
            return Err(nothing(sample));
        }
        let at = reference.map_or(Ok(0), named)?;
        // The reference is looked at even when twelve others are more traded.
        if at >= SYMBOLS_MAX {
            instruments.swap(at, SYMBOLS_MAX - 1);
        }
        let at = at.min(SYMBOLS_MAX - 1);
        instruments.truncate(SYMBOLS_MAX);
        let sessions = sample.days().len() as u64;
        let config = RegimeConfig {
            bars_per_day: sample.hours.bars_per_day(),
            ..RegimeConfig::default()
        };
        let of = |(name, instrument): &(String, &Instrument)| {
            Symbol::of(name, instrument, sessions, mode, &config)
        };
        let mut symbols: Vec<Symbol> = instruments.iter().map(of).collect();
        scale(&mut symbols, at);
        let (correlations, left_out) = correlate(&instruments);
        Ok(Self {
            symbols,
            correlations,
            left_out,
            reference: at,
            is_reference_named: reference.is_some(),
            mode,
        })
    }

    /// The symbol whose parameters are the general ones.
    pub(super) fn reference(&self) -> &Symbol {
        &self.symbols[self.reference]
    }

    pub(super) const fn why_reference(&self) -> &'static str {
        match self.is_reference_named {
            true => "as asked for",
            false => "the most traded",
        }
    }

    pub(super) const fn mode_name(&self) -> &'static str {
        match self.mode {
            LookbackMode::LastSignificant => "the last, at most 30,",
            LookbackMode::FirstRun => "the end of the first run, at most 30,",
        }
    }
}

impl Symbol {
    fn of(
        name: &str,
        instrument: &Instrument,
        sessions: u64,
        mode: LookbackMode,
        config: &RegimeConfig,
    ) -> Self {
        let returns = returns(instrument.closes.as_slice());
        Self {
            name: name.to_owned(),
            trades: instrument.sizes.len(),
            volume: instrument.volume,
            bucket: bucket(&instrument.sizes),
            adv50: instrument.volume.checked_div(sessions).and_then(adv50),
            lookback: lookback(&returns, mode),
            regime: regime(&returns, config),
        }
    }
}

/// Gives symbols with too few trades a bucket by the reference's.
fn scale(symbols: &mut [Symbol], reference: usize) {
    let (bucket, volume) = (symbols[reference].bucket.clone(), symbols[reference].volume);
    if symbols[reference].trades < TRADES_MIN {
        return;
    }
    for symbol in symbols
        .iter_mut()
        .filter(|symbol| symbol.trades < TRADES_MIN)
    {
        if let Some(scaled) = bucket.scaled(symbol.volume, volume) {
            symbol.bucket = scaled;
        }
    }
}

/// The matrix of as many symbols as have enough buckets in common: those with the fewest closes
/// are left out, one at a time.
fn correlate(
    instruments: &[(String, &Instrument)],
) -> (Result<Correlations, TooLittle>, Vec<String>) {
    let closes = |closes: &Closes| closes.as_slice().len();
    let mut series: Vec<_> = instruments.iter().collect();
    series.sort_by_key(|(_, instrument)| std::cmp::Reverse(closes(&instrument.closes)));
    let mut left_out = Vec::new();
    loop {
        let borrowed: Vec<_> = series
            .iter()
            .map(|(name, instrument)| (name.clone(), instrument.closes.as_slice()))
            .collect();
        match correlations(&borrowed) {
            Err(TooLittle::Returns(_)) if series.len() > SYMBOLS_MIN => {
                left_out.extend(series.pop().map(|(name, _)| name.clone()));
            }
            other => return (other, left_out),
        }
    }
}

fn nothing(sample: &Sample) -> Failure {
    if sample.outside() > 0 {
        let outside = thousands(sample.outside());
        let hours = sample.hours.meaning();
        let cause = format!("no trade within {hours}, but {outside} outside");
        return Failure::new(Code::USAGE, cause, "try --hours globex").at("--hours");
    }
    let next = "give files that hold trades: schema mbo, trades, mbp-1 or mbp-10";
    Failure::new(Code::USAGE, "no trade in these files", next)
}

fn unknown(wanted: &str, instruments: &[(String, &Instrument)]) -> Failure {
    let near = |name: &&str| strsim::damerau_levenshtein(name, wanted);
    let names = instruments.iter().map(|(name, _)| name.as_str());
    let nearest = names.min_by_key(near).unwrap_or_default();
    let cause = format!("{wanted} did not trade within these hours");
    Failure::new(
        Code::FEED_INSTRUMENT,
        cause,
        format!("did you mean {nearest}?"),
    )
    .at("--reference")
}
