//! From windows and volumes to signals: both detectors, and the decision between them.
//!
//! Version 1 speaks at a trade. Version 3 first gathers candidates while a slot of five minutes
//! is closed, and speaks when its last window is: only then is it known what the strikes around
//! say. What either has said in the last five minutes stands against the other.

use alloc::boxed::Box;

use undertow_core::types::{Nanos, Price, Text};

use super::finding::{Contract, Evidence, Finding, Pending, Pressure, Resolution, Signal, Version};
use super::laid_out;
use super::lanes::{Cell, GRACE_NS};
use super::legs::{Legs, Window};
use super::listing::{Listed, NONE};
use super::points::Points;
use crate::ifd::baseline::{Reading, Table};
use crate::ifd::components::{Components, Crowd, Stance};
use crate::ifd::confidence::{Action, Profile, confidence, rate};
use crate::ifd::conflict::{Decision, Method, Party};
use crate::ifd::pressure::{Dominance, Tally};
use crate::ifd::quality::{Evidence as Quality, adjust};
use crate::ifd::spike::{Activity, Bracket, Spike};
use crate::ifd::structure::{
    Coordination, Leg, TOGETHER_NS, Together, Verdict, market_making, straddle,
};
use crate::ifd::{Direction, Level};
use crate::options::Right;
use crate::options::implied::Search;

/// How long what was said stands, ns.
const RECENT_NS: u64 = 300_000_000_000;
/// Above this, quotes are those of a market maker, and a signal is only watched.
const MAKER: f64 = 0.7;

/// What one option has done so far.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Day {
    /// Contracts traded today.
    pub(super) volume: u64,
    /// The highest level that version 1 has reported today.
    level: Option<Level>,
    /// Yesterday's open interest.
    pub(super) open_interest: Option<u64>,
    /// The day that it is about.
    pub(super) as_of: Nanos,
    /// Windows before, the latest first.
    past: [Past; 2],
    /// What its windows have left behind of its volatility.
    points: Points,
}

impl Day {
    /// Another day: open interest stands until a new one comes.
    pub(super) fn restart(&mut self) {
        self.volume = 0;
        self.level = None;
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Past {
    slot: u64,
    buy: u64,
    sell: u64,
}

/// What was said.
#[derive(Clone, Copy, Debug)]
struct Said {
    ts: Nanos,
    option: u32,
    stance: Stance,
}

/// What one detector has said lately.
#[derive(Clone, Debug)]
struct Voices {
    said: Box<[Said]>,
    len: usize,
    crowd: Crowd,
}

impl Voices {
    fn new(options_max: usize) -> Self {
        let silence = Said {
            ts: Nanos(0),
            option: NONE,
            stance: Stance {
                underlying: NONE,
                strike: Price::UNDEFINED,
                direction: Direction::Long,
                confidence: 0.0,
            },
        };
        Self {
            said: laid_out(options_max, silence),
            len: 0,
            crowd: Crowd::new(options_max),
        }
    }

    /// Forgets what is no longer recent at `now`.
    fn forget(&mut self, now: Nanos) {
        let mut kept = 0;
        for place in 0..self.len {
            if now.0.saturating_sub(self.said[place].ts.0) < RECENT_NS {
                self.said[kept] = self.said[place];
                kept += 1;
            }
        }
        self.len = kept;
    }

    /// Hears one more; of too many the oldest is forgotten.
    fn hear(&mut self, said: Said) {
        if self.len == self.said.len() && self.len > 0 {
            self.said.rotate_left(1);
            self.len -= 1;
        }
        if let Some(place) = self.said.get_mut(self.len) {
            *place = said;
            self.len += 1;
        }
    }

    fn arrange(&mut self) {
        self.crowd.clear();
        for said in &self.said[..self.len] {
            self.crowd.join(said.stance);
        }
        self.crowd.arrange();
    }

    fn party(&self, underlying: u32, others: &Self) -> Party {
        let said = self.said[..self.len].iter().map(|said| &said.stance);
        let own = said.filter(|stance| stance.underlying == underlying);
        Party::of(own, &others.crowd)
    }

    /// The confidence with which this option was said to go this way.
    fn confidence(&self, option: u32, direction: Direction) -> Option<f64> {
        let said = self.said[..self.len].iter().rev();
        let mut same =
            said.filter(|said| said.option == option && said.stance.direction == direction);
        same.next().map(|said| said.stance.confidence)
    }
}

/// A closed window of five minutes, and what is needed to judge it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) option: u32,
    pub(super) listed: &'a Listed,
    pub(super) contract: Contract,
    pub(super) product: Text<11>,
    pub(super) spot: Option<Price>,
    pub(super) slot: u64,
    pub(super) start: Nanos,
    pub(super) cell: &'a Cell,
    /// The same slot of the other right at this strike, if it traded.
    pub(super) mate: Option<&'a Cell>,
}

/// A window that passed every gate.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    option: u32,
    contract: Contract,
    stance: Stance,
    verdict: Verdict,
    pressure: Pressure,
}

/// How many windows were judged, and why some led to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Judged {
    /// Windows judged.
    pub windows: u64,
    /// Those that passed every gate but that of market making.
    pub candidates: u64,
    /// Candidates rejected as market making.
    pub making: u64,
    /// Version 3 signals.
    pub v3: u64,
    /// Version 1 signals.
    pub v1: u64,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Judge {
    profile: Profile,
    pub(super) search: Search,
    table: Table,
    pub(super) days: Box<[Day]>,
    candidates: Box<[Option<Candidate>]>,
    candidates_len: usize,
    legs: Legs,
    crowd: Crowd,
    v1: Voices,
    v3: Voices,
    /// The last decision on each underlying; the last place is for the unknown one.
    decisions: Box<[Option<(Nanos, Decision)>]>,
    pub(super) judged: Judged,
}

impl Judge {
    pub(super) fn new(
        profile: Profile,
        table: Table,
        options_max: usize,
        underlyings_max: usize,
    ) -> Self {
        Self {
            profile,
            search: |_| None,
            table,
            days: laid_out(options_max, Day::default()),
            candidates: laid_out(options_max, None),
            candidates_len: 0,
            legs: Legs::new(options_max),
            crowd: Crowd::new(options_max),
            v1: Voices::new(options_max),
            v3: Voices::new(options_max),
            decisions: laid_out(underlyings_max + 1, None),
            judged: Judged::default(),
        }
    }

    /// The spike that an option's volume has become, if it is a new one or stronger than the
    /// last reported.
    pub(super) fn spike(&self, option: u32, listed: &Listed, last: Price) -> Option<Spike> {
        let day = self.days.get(option as usize)?;
        let spike = Spike::find(&Activity {
            strike: listed.terms.strike,
            right: listed.terms.right,
            volume: day.volume,
            open_interest: day.open_interest?,
            last,
            multiplier: listed.multiplier,
        })?;
        (day.level < Some(spike.level)).then_some(spike)
    }

    /// Version 1 speaks.
    pub(super) fn speak_of_spike(
        &mut self,
        (option, contract, underlying): (u32, Contract, u32),
        spike: Spike,
        ts: Nanos,
        spot: Option<Price>,
        out: &mut Pending,
    ) {
        let day = &mut self.days[option as usize];
        day.level = Some(spike.level);
        let (volume, open_interest) = (day.volume, day.open_interest.unwrap_or(0));
        let bracket = spot.and_then(|it| Bracket::at(contract.strike, spike.direction, it));
        let is_actionable = bracket.is_some_and(|it| it.is_actionable);
        let mut signal = Signal {
            contract,
            ts,
            version: Version::V1,
            direction: spike.direction,
            level: spike.level,
            action: match spike.level {
                Level::Extreme => Action::StrongBuy,
                Level::VeryHigh | Level::High => Action::Buy,
                Level::Moderate => Action::Monitor,
            },
            confidence: spike.confidence(),
            method: None,
            is_rejected: false,
            evidence: Evidence::Spike {
                spike,
                volume,
                open_interest,
                bracket,
            },
        };
        self.judged.v1 += 1;
        if is_actionable {
            self.v1.forget(ts);
            self.v3.forget(ts);
            self.v1.hear(Said {
                ts,
                option,
                stance: stance(&signal, underlying),
            });
            self.v1.arrange();
            self.v3.arrange();
            let method = self.settle(underlying, &contract, ts, out).method;
            signal.method = Some(method);
            signal.is_rejected = method == Method::V3Preferred;
            merge(&mut signal, option, &self.v3);
        }
        out.push(Finding::Signal(signal));
    }

    /// Judges a window of the slot being closed, and keeps it if it may become a signal.
    pub(super) fn consider(&mut self, seen: &Seen<'_>) {
        self.judged.windows += 1;
        let tally = &seen.cell.tally;
        let dominance = tally.dominance();
        let (pressures, count) = self.remember(seen, dominance);
        self.legs.join(seen.window());
        let terms = &seen.listed.terms;
        let Some(direction) = Direction::of_pressure(terms.right, dominance) else {
            return;
        };
        let components = Components::of(tally, &pressures[..count]);
        let pressure = tally.pressure(dominance);
        if !self.passes(tally, pressure, &components) {
            return;
        }
        let reading = self.read(seen, dominance, pressure);
        if !reading.z.is_some_and(|z| z >= self.profile.z_min) {
            return;
        }
        self.judged.candidates += 1;
        let crush = self.crush(seen);
        let (making, verdict) = making(seen, crush);
        if verdict == Verdict::Reject {
            self.judged.making += 1;
            return;
        }
        let candidate = Candidate {
            option: seen.option,
            contract: seen.contract,
            stance: Stance {
                underlying: terms.underlying,
                strike: terms.strike,
                direction,
                confidence: confidence(&components, &reading, making, self.profile.penalty),
            },
            verdict,
            pressure: Pressure {
                start: seen.start,
                volume: tally.volume(),
                dominance,
                pressure,
                components,
                reading,
                making,
                crush,
                multiplier: 1.0,
                together: together(seen),
                structure: None,
            },
        };
        // As many places as options, and each is considered once a slot.
        if let Some(place) = self.candidates.get_mut(self.candidates_len) {
            *place = Some(candidate);
            self.candidates_len += 1;
        }
    }

    /// Version 3 speaks: the slot's last window is closed.
    pub(super) fn speak_of_pressure(&mut self, ts: Nanos, out: &mut Pending) {
        if self.candidates_len == 0 {
            self.legs.clear();
            return;
        }
        self.weigh_neighbours();
        for candidate in self.candidates[..self.candidates_len].iter_mut().flatten() {
            candidate.pressure.structure = self.legs.find(&candidate.window());
        }
        self.legs.clear();
        self.v1.forget(ts);
        self.v3.forget(ts);
        for candidate in self.candidates[..self.candidates_len].iter().flatten() {
            self.v3.hear(Said {
                ts,
                option: candidate.option,
                stance: candidate.stance,
            });
        }
        self.v1.arrange();
        self.v3.arrange();
        for place in 0..self.candidates_len {
            let Some(candidate) = self.candidates[place].take() else {
                continue;
            };
            let underlying = candidate.stance.underlying;
            let decided = self.decisions[self.decision_place(underlying)];
            let decision = match decided {
                Some((at, decision)) if at == ts => decision,
                _ => self.settle(underlying, &candidate.contract, ts, out),
            };
            let mut signal = candidate.signal(ts, decision.method);
            merge(&mut signal, candidate.option, &self.v1);
            self.judged.v3 += 1;
            out.push(Finding::Signal(signal));
        }
        self.candidates_len = 0;
    }

    /// Completes the candidates with what their neighbours say, and drops those that do not
    /// reach the confidence.
    fn weigh_neighbours(&mut self) {
        self.crowd.clear();
        for candidate in self.candidates[..self.candidates_len].iter().flatten() {
            self.crowd.join(candidate.stance);
        }
        self.crowd.arrange();
        let mut kept = 0;
        for place in 0..self.candidates_len {
            let Some(mut candidate) = self.candidates[place].take() else {
                continue;
            };
            candidate.hear(&self.crowd, self.profile.penalty);
            if candidate.stance.confidence >= self.profile.confidence_min {
                self.candidates[kept] = Some(candidate);
                kept += 1;
            }
        }
        self.candidates_len = kept;
    }

    /// Decides between what both have said lately of one underlying, and says so.
    fn settle(
        &mut self,
        underlying: u32,
        contract: &Contract,
        ts: Nanos,
        out: &mut Pending,
    ) -> Decision {
        let v3 = self.v3.party(underlying, &self.v1);
        let v1 = self.v1.party(underlying, &self.v3);
        let decision = Decision::of(v3, v1);
        let place = self.decision_place(underlying);
        self.decisions[place] = Some((ts, decision));
        out.push(Finding::Resolution(Resolution {
            ts,
            underlying: contract.underlying.map(|key| key.instrument_id),
            decision,
        }));
        decision
    }

    fn decision_place(&self, underlying: u32) -> usize {
        (underlying as usize).min(self.decisions.len() - 1)
    }

    /// The confidence that volatility has crushed, by this window and those before; 0 if not.
    fn crush(&self, seen: &Seen<'_>) -> f64 {
        let day = self.days.get(seen.option as usize);
        let crush = day.and_then(|day| day.points.crush(&seen.listed.terms, self.search));
        crush.map_or(0.0, |crush| crush.confidence)
    }

    /// The pressures of the last three slots in one direction, oldest first, and how many;
    /// the window is then remembered itself.
    fn remember(&mut self, seen: &Seen<'_>, dominance: Dominance) -> ([f64; 3], usize) {
        let (mut pressures, mut count) = ([0.0; 3], 0);
        let Some(day) = self.days.get_mut(seen.option as usize) else {
            return (pressures, count);
        };
        let tally = &seen.cell.tally;
        let recent = |past: &&Past| past.slot > 0 && seen.slot - past.slot <= 2;
        for past in day.past.iter().rev().filter(recent) {
            let before = Tally {
                buy: past.buy,
                sell: past.sell,
                ..Tally::default()
            };
            pressures[count] = before.pressure(dominance);
            count += 1;
        }
        pressures[count] = tally.pressure(dominance);
        let now = Past {
            slot: seen.slot,
            buy: tally.buy,
            sell: tally.sell,
        };
        day.past = [now, day.past[0]];
        if let Some(point) = seen.cell.point {
            day.points.note(point);
        }
        (pressures, count + 1)
    }

    /// Whether a window passes every gate that needs no history.
    fn passes(&self, tally: &Tally, pressure: f64, components: &Components) -> bool {
        let profile = &self.profile;
        tally.classified() >= profile.volume_min
            && tally.confidence() >= profile.window_confidence_min
            && pressure >= profile.pressure_min
            && tally
                .data_quality()
                .is_some_and(|it| it >= profile.quality_min)
            && components.concentration >= profile.concentration_min
            && components.persistence >= profile.persistence_min
            && components.trend >= profile.trend_min
    }

    fn read(&self, seen: &Seen<'_>, dominance: Dominance, pressure: f64) -> Reading {
        let terms = &seen.listed.terms;
        let baseline = self
            .table
            .find(seen.product, terms.right, terms.strike, seen.spot);
        baseline.map_or_else(Reading::default, |it| {
            it.read(dominance, pressure, &self.profile.anomaly)
        })
    }
}

impl Seen<'_> {
    /// The window as a leg of what several strikes make.
    const fn window(&self) -> Window {
        let terms = &self.listed.terms;
        Window {
            underlying: terms.underlying,
            expiry: self.contract.expiry,
            leg: Leg {
                strike: terms.strike,
                right: terms.right,
                volume: self.cell.tally.volume(),
                dominance: self.cell.tally.dominance(),
            },
        }
    }
}

impl Candidate {
    /// Its window, the same.
    const fn window(&self) -> Window {
        Window {
            underlying: self.stance.underlying,
            expiry: self.contract.expiry,
            leg: Leg {
                strike: self.contract.strike,
                right: self.contract.right,
                volume: self.pressure.volume,
                dominance: self.pressure.dominance,
            },
        }
    }

    /// Hears the neighbours: cluster, confidence, quality.
    fn hear(&mut self, crowd: &Crowd, penalty: f64) {
        let around = crowd.neighbours(&self.stance);
        let pressure = &mut self.pressure;
        let direction = self.stance.direction;
        pressure.components.cluster = around.coordination(direction);
        let (neighbours, neighbour_confidence) = around.mean(direction);
        let quality = Quality {
            volume: pressure.volume,
            age: GRACE_NS as f64 / 1e9,
            neighbours,
            neighbour_confidence,
            z: pressure.reading.z,
        };
        pressure.multiplier = quality.multiplier();
        self.stance.confidence = confidence(
            &pressure.components,
            &pressure.reading,
            pressure.making,
            penalty,
        );
    }

    fn signal(&self, ts: Nanos, method: Method) -> Signal {
        let (level, action) = rate(self.stance.confidence);
        let action = adjust(action, self.pressure.multiplier);
        Signal {
            contract: self.contract,
            ts,
            version: Version::V3,
            direction: self.stance.direction,
            level,
            action: match self.verdict {
                Verdict::Accept => action,
                Verdict::Monitor | Verdict::Reject => action.min(Action::Monitor),
            },
            confidence: self.stance.confidence,
            method: Some(method),
            is_rejected: method == Method::V1Preferred,
            evidence: Evidence::Pressure(self.pressure),
        }
    }
}

/// The same contract and direction said by both is one signal of the higher confidence.
fn merge(signal: &mut Signal, option: u32, others: &Voices) {
    if signal.method != Some(Method::Merged) {
        return;
    }
    if let Some(confidence) = others.confidence(option, signal.direction) {
        signal.version = Version::Both;
        signal.confidence = signal.confidence.max(confidence);
    }
}

fn stance(signal: &Signal, underlying: u32) -> Stance {
    Stance {
        underlying,
        strike: signal.contract.strike,
        direction: signal.direction,
        confidence: signal.confidence,
    }
}

/// The probability of market making, by structure and by quotes, and the verdict. Quotes alone
/// do not reject: every liquid option is quoted by machines, whoever trades it.
fn making(seen: &Seen<'_>, crush: f64) -> (f64, Verdict) {
    let by_structure = market_making(straddle_of(seen), crush);
    let by_quotes = seen.cell.making();
    let verdict = if by_quotes > MAKER {
        Verdict::of(by_structure).max(Verdict::Monitor)
    } else {
        Verdict::of(by_structure)
    };
    (by_structure.max(by_quotes), verdict)
}

fn straddle_of(seen: &Seen<'_>) -> f64 {
    let times = seen
        .mate
        .and_then(|mate| Some((mate, seen.cell.mean_time()?, mate.mean_time()?)));
    times.map_or(straddle(0, 0, TOGETHER_NS), |(mate, own, other)| {
        let (a, b) = (seen.cell.tally.volume(), mate.tally.volume());
        straddle(a, b, own.abs_diff(other))
    })
}

fn together(seen: &Seen<'_>) -> Option<Together> {
    let mate = seen.mate?;
    let (call, put) = match seen.listed.terms.right {
        Right::Call => (&seen.cell.tally, &mate.tally),
        Right::Put => (&mate.tally, &seen.cell.tally),
    };
    let coordination = Coordination::of(call, put)?;
    coordination
        .is_coordinated()
        .then_some(coordination.together)
}
