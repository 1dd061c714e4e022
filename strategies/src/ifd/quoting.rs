//! N9: market making told by how a contract is quoted.
//!
//! A [`Ring`] keeps the last quotes of one contract. Machines that make a market quote often,
//! evenly on both sides, in equal sizes, and replace what they quote within a second.

use undertow_core::event::Touch;
use undertow_core::types::Nanos;

/// Quotes kept.
pub const QUOTES: usize = 32;
/// Quotes without which nothing is known.
pub const QUOTES_MIN: usize = 20;
/// Age up to which a quote counts, ns.
const SPAN_NS: u64 = 30_000_000_000;
/// Above this probability it is a market maker.
const MAKER: f64 = 0.7;

/// How a contract is quoted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Behaviour {
    /// Updates a second.
    pub frequency: f64,
    /// Spread of the displayed sizes: population standard deviation over mean.
    pub size_variation: f64,
    /// Smaller over larger side, averaged; 1 is even, 0 one-sided.
    pub symmetry: f64,
    /// Mean life of a quote, ms.
    pub life_ms: f64,
}

impl Behaviour {
    /// The probability that this is market making, in [0, 1].
    #[must_use]
    pub fn probability(&self) -> f64 {
        let mut sum = 0.0;
        if self.frequency > 0.5 {
            sum += 0.3 * (self.frequency / 2.0).min(1.0);
        }
        if self.size_variation < 0.8 {
            sum += 0.2 * (1.0 - self.size_variation);
        }
        if self.symmetry > 0.7 {
            sum += 0.2 * self.symmetry;
        }
        if self.life_ms < 1_000.0 {
            sum += 0.3 * (1.0 - (self.life_ms / 1_000.0).min(1.0));
        }
        sum
    }

    /// Whether it is taken for market making.
    #[must_use]
    pub fn is_maker(&self) -> bool {
        self.probability() > MAKER
    }

    /// More than five updates a second.
    #[must_use]
    pub fn is_stuffing(&self) -> bool {
        self.frequency > 5.0
    }

    /// One side is shown at less than half the other's size.
    #[must_use]
    pub fn is_skewed(&self) -> bool {
        self.symmetry < 0.5
    }
}

/// One state of the touch.
#[derive(Clone, Copy, Debug, Default)]
struct Quote {
    ts: u64,
    bid_size: u32,
    ask_size: u32,
    /// Ask less bid; none while not two-sided.
    spread: Option<i64>,
}

/// The last quotes of one contract.
#[derive(Clone, Copy, Debug)]
pub struct Ring {
    quotes: [Quote; QUOTES],
    /// Quotes seen; the next one's place is this modulo the length.
    seen: u64,
}

impl Default for Ring {
    fn default() -> Self {
        Self {
            quotes: [Quote::default(); QUOTES],
            seen: 0,
        }
    }
}

impl Ring {
    /// Takes note of a new touch. Sizes beyond `u32` count as its maximum.
    #[inline]
    pub fn note(&mut self, ts: Nanos, touch: &Touch) {
        self.quotes[self.seen as usize % QUOTES] = Quote {
            ts: ts.0,
            bid_size: u32::try_from(touch.bid_size).unwrap_or(u32::MAX),
            ask_size: u32::try_from(touch.ask_size).unwrap_or(u32::MAX),
            spread: touch
                .is_two_sided()
                .then(|| touch.ask.0.saturating_sub(touch.bid.0)),
        };
        self.seen += 1;
    }

    /// How it has been quoted in the 30 s before `now`; none with fewer than twenty quotes.
    #[must_use]
    pub fn behaviour(&self, now: Nanos) -> Option<Behaviour> {
        let (mut count, mut first) = (0_u32, now.0);
        let (mut sum, mut squares, mut symmetry) = (0.0, 0.0, 0.0);
        for quote in self.recent(now) {
            count += 1;
            first = first.min(quote.ts);
            let (bid, ask) = (f64::from(quote.bid_size), f64::from(quote.ask_size));
            sum += bid + ask;
            squares += bid * bid + ask * ask;
            let larger = bid.max(ask);
            symmetry += if larger > 0.0 {
                bid.min(ask) / larger
            } else {
                0.0
            };
        }
        if (count as usize) < QUOTES_MIN || sum <= 0.0 {
            return None;
        }
        let n = f64::from(count);
        let mean = sum / (2.0 * n);
        let variance = (squares / (2.0 * n) - mean * mean).max(0.0);
        // All at one instant would be infinitely often; a nanosecond bounds it.
        let span_ns = now.0.saturating_sub(first).max(1) as f64;
        Some(Behaviour {
            frequency: n * 1e9 / span_ns,
            size_variation: libm::sqrt(variance) / mean,
            symmetry: symmetry / n,
            life_ms: span_ns / n / 1e6,
        })
    }

    /// Whether the mean of the last five spreads is more than 1.5 times that of those before,
    /// among the quotes of the 30 s before `now`; none without both.
    #[must_use]
    pub fn is_widening(&self, now: Nanos) -> Option<bool> {
        let mut late = [0_i128, 0];
        let mut early = [0_i128, 0];
        for spread in self.recent(now).filter_map(|it| it.spread) {
            let of = if late[1] < 5 { &mut late } else { &mut early };
            of[0] += i128::from(spread);
            of[1] += 1;
        }
        // late sum / 5 > 1.5 × early sum / early count, without a division.
        (early[1] > 0).then(|| late[0] * 2 * early[1] > early[0] * 3 * late[1])
    }

    /// Quotes of the 30 s before `now`, latest first.
    fn recent(&self, now: Nanos) -> impl Iterator<Item = &Quote> {
        let kept = self.seen.min(QUOTES as u64);
        (1..=kept)
            .map(|back| &self.quotes[(self.seen - back) as usize % QUOTES])
            .take_while(move |quote| now.0.saturating_sub(quote.ts) <= SPAN_NS)
    }
}
