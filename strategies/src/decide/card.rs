//! The score card of one decision: every reason with its points, every vote, and what came of them.
//!
//! A rule writes it from top to bottom. It holds what did not fire too, with measure and threshold,
//! so that a reader sees how far off it was. Fixed capacity, no allocation.

use core::fmt;

use super::border::points;

/// The most reasons, and the most votes, that a rule can write.
const LINES_MAX: usize = 12;

/// Confidence cannot exceed this.
const SCORE_MAX: i32 = 100;

/// Which way a signal points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Direction {
    /// Up: calls are bought.
    Long,
    /// Down: puts are bought.
    Short,
    /// Neither.
    #[default]
    Flat,
}

/// What a reason or a vote is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(
    missing_docs,
    reason = "the rules say what each is, and name() how it is shown"
)]
pub enum Term {
    Vpin,
    Obi,
    Squeeze,
    Gamma,
    Sweep,
    Support,
    Resist,
    Vwap,
    Momentum,
    Reversal,
    Toxicity,
    Regime,
    Expansion,
    Gex,
    Friday,
    Monday,
    Opex,
    High,
    Low,
    Dex,
    Unusual,
    CallShare,
    LargeOpenInterest,
    Strikes,
    Hidden,
    OpeningHour,
    ClosingHour,
    Institutional,
    Imbalance,
    Pin,
    Closing,
    Indicative,
    Early,
    Late,
    Ifd,
    Plausible,
    ExpectedValue,
    Spike,
    Pressure,
    Shock,
    Positioning,
    Veto,
}

/// What a reason did to the score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Effect {
    /// Added so many points; 0 where the rule did not fire.
    Points(i32),
    /// Multiplied the score, truncated and capped.
    Factor(f64),
}

/// One line of a score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reason {
    /// What it is about.
    pub term: Term,
    /// What was measured; absent when the feature is.
    pub measure: Option<f64>,
    /// What it had to reach.
    pub threshold: f64,
    /// The most points it can add; 0 for a factor.
    pub weight: i32,
    /// What it did.
    pub effect: Effect,
    /// The score after it.
    pub score: i32,
}

/// Votes for a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vote {
    /// What it is about.
    pub term: Term,
    /// For which direction.
    pub direction: Direction,
    /// How many.
    pub count: u32,
}

/// The whole card.
#[derive(Clone, Copy, Debug)]
pub struct Card {
    reasons: [Option<Reason>; LINES_MAX],
    reason_count: usize,
    votes: [Option<Vote>; LINES_MAX],
    vote_count: usize,
    score: i32,
    direction: Direction,
    lead_min: u32,
    institutional: u32,
}

impl Direction {
    /// The other way; flat stays flat.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Long => Self::Short,
            Self::Short => Self::Long,
            Self::Flat => Self::Flat,
        }
    }

    /// The word shown to users, and part of a signal's identity.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Long => "LONG",
            Self::Short => "SHORT",
            Self::Flat => "FLAT",
        }
    }

    /// Long above zero, short below, flat at it and for what is not a number.
    #[must_use]
    pub fn of_sign(x: f64) -> Self {
        if x > 0.0 {
            Self::Long
        } else if x < 0.0 {
            Self::Short
        } else {
            Self::Flat
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Term {
    /// The word shown to users.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vpin => "vpin",
            Self::Obi => "obi",
            Self::Squeeze => "squeeze",
            Self::Gamma => "gamma",
            Self::Sweep => "sweep",
            Self::Support => "support",
            Self::Resist => "resist",
            Self::Vwap => "vwap",
            Self::Momentum => "momentum",
            Self::Reversal => "reversal",
            Self::Toxicity => "toxicity",
            Self::Regime => "regime",
            Self::Expansion => "expansion",
            Self::Gex => "gex",
            Self::Friday => "friday",
            Self::Monday => "monday",
            Self::Opex => "opex",
            Self::High => "high",
            Self::Low => "low",
            Self::Dex => "dex",
            Self::Unusual => "unusual",
            Self::CallShare => "call share",
            Self::LargeOpenInterest => "large open interest",
            Self::Strikes => "strikes",
            Self::Hidden => "hidden",
            Self::OpeningHour => "opening hour",
            Self::ClosingHour => "closing hour",
            Self::Institutional => "institutional",
            Self::Imbalance => "imbalance",
            Self::Pin => "pin",
            Self::Closing => "closing",
            Self::Indicative => "indicative",
            Self::Early => "early",
            Self::Late => "late",
            Self::Ifd => "institutional flow",
            Self::Plausible => "plausible",
            Self::ExpectedValue => "expected value",
            Self::Spike => "flow by spikes",
            Self::Pressure => "flow by pressure",
            Self::Shock => "volume shock",
            Self::Positioning => "positioning",
            Self::Veto => "no setup worth it",
        }
    }
}

impl Card {
    /// A card of nothing, on which a direction needs a lead of so many votes.
    #[must_use]
    pub const fn new(lead_min: u32) -> Self {
        Self {
            reasons: [None; LINES_MAX],
            reason_count: 0,
            votes: [None; LINES_MAX],
            vote_count: 0,
            score: 0,
            direction: Direction::Flat,
            lead_min,
            institutional: 0,
        }
    }

    /// The confidence, 0–100.
    #[must_use]
    pub const fn confidence(&self) -> u8 {
        // Points are never negative and every step caps them.
        self.score as u8
    }

    /// What the votes came to.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        self.direction
    }

    /// The lead that a direction needed.
    #[must_use]
    pub const fn lead_min(&self) -> u32 {
        self.lead_min
    }

    /// Signs of an institution at work (S5's counter); 0 where the rule has none.
    #[must_use]
    pub const fn institutional(&self) -> u32 {
        self.institutional
    }

    /// Every reason, in the order of the rule.
    pub fn reasons(&self) -> impl Iterator<Item = &Reason> {
        self.reasons.iter().flatten()
    }

    /// Every vote, in the order of the rule.
    pub fn votes(&self) -> impl Iterator<Item = &Vote> {
        self.votes.iter().flatten()
    }

    /// The sum of the votes for a direction.
    #[must_use]
    pub fn votes_for(&self, direction: Direction) -> u32 {
        self.votes()
            .filter(|vote| vote.direction == direction)
            .map(|vote| vote.count)
            .sum()
    }

    /// Adds what a rule found: `raw` points, truncated, or none where it did not fire.
    pub(super) fn add(&mut self, finding: Finding, raw: Option<f64>) {
        let added = points(raw.unwrap_or(0.0)).max(0);
        self.score = (self.score + added).min(SCORE_MAX);
        self.write(finding, Effect::Points(added));
    }

    /// Multiplies the score, truncates and caps it.
    pub(super) fn scale(&mut self, finding: Finding, factor: f64) {
        self.score = points(f64::from(self.score) * factor).clamp(0, SCORE_MAX);
        self.write(finding, Effect::Factor(factor));
    }

    /// Counts votes; none for a flat direction.
    pub(super) fn vote(&mut self, term: Term, direction: Direction, count: u32) {
        if direction == Direction::Flat || count == 0 {
            return;
        }
        assert!(
            self.vote_count < LINES_MAX,
            "a rule has more votes than lines"
        );
        self.votes[self.vote_count] = Some(Vote {
            term,
            direction,
            count,
        });
        self.vote_count += 1;
    }

    /// Counts signs of an institution.
    pub(super) const fn note_institution(&mut self, count: u32) {
        self.institutional += count;
    }

    /// Takes the direction that the votes lead by, if the lead suffices.
    pub(super) fn count_votes(&mut self, lead_min: u32) {
        let long = self.votes_for(Direction::Long);
        let short = self.votes_for(Direction::Short);
        self.lead_min = lead_min;
        self.direction = if long >= short + lead_min {
            Direction::Long
        } else if short >= long + lead_min {
            Direction::Short
        } else {
            Direction::Flat
        };
    }

    /// Takes a direction that the rule found otherwise.
    pub(super) const fn point(&mut self, direction: Direction) {
        self.direction = direction;
    }

    fn write(&mut self, finding: Finding, effect: Effect) {
        assert!(
            self.reason_count < LINES_MAX,
            "a rule has more reasons than lines"
        );
        self.reasons[self.reason_count] = Some(Reason {
            term: finding.term,
            measure: finding.measure,
            threshold: finding.threshold,
            weight: finding.weight,
            effect,
            score: self.score,
        });
        self.reason_count += 1;
    }
}

/// What a rule looked at before it gave points.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finding {
    term: Term,
    measure: Option<f64>,
    threshold: f64,
    weight: i32,
}

impl Finding {
    /// A measure against its threshold, worth at most `weight`.
    pub(super) const fn new(term: Term, measure: Option<f64>, threshold: f64, weight: i32) -> Self {
        Self {
            term,
            measure,
            threshold,
            weight,
        }
    }

    /// A circumstance that has no measure, such as the day of the week.
    pub(super) const fn fact(term: Term) -> Self {
        Self::new(term, None, 0.0, 0)
    }
}
