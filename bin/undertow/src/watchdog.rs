//! The watchdog: who beats, and what is said of those that no longer do.
//!
//! Every tile beats once a duty cycle with the reading that the cycle makes anyway, the cold side
//! once a message and a look around, and a thread that helps them (it asks the store of claims, or
//! reads a file ahead) once a turn. A thread that does nothing else judges the ages
//! (`undertow_core::health`), by the monotonic counter that all of them read. It says each stall
//! once, and its end; what follows from it is for whoever runs the tiles to decide. No beat is
//! read by a stage, so none can reach an output.

use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::{Scope, Thread};
use std::time::Duration;

use crossbeam::utils::CachePadded;
use undertow_core::health::{DOWN_HALTS, Liveness};
use undertow_core::types::Nanos;

use crate::clock::TileClock;
use crate::exit::Code;
use crate::tile::Switchboard;

/// The cold side's place among the modules, after every tile.
pub const COLD: usize = 3;

/// The watchdog looks so many times in an interval of beats.
const LOOKS: u64 = 15;

/// It is not part of the run, or has not begun.
const ABSENT: u64 = 0;

/// It has ended in order or has been told dead, and owes no beat.
const ENDED: u64 = u64::MAX;

/// The last beat of one module. It carries nothing with it, so relaxed stores and loads do.
#[derive(Debug, Default)]
struct Pulse {
    name: OnceLock<Box<str>>,
    /// Its own clock then, ns.
    last_ns: CachePadded<AtomicU64>,
}

impl Pulse {
    /// How long ago the module beat; none if it owes no beat.
    fn age(&self, now_ns: u64) -> Option<Nanos> {
        match self.last_ns.load(Ordering::Relaxed) {
            ABSENT | ENDED => None,
            // A beat between the reading of the clock and this one is from after it.
            last_ns => Some(Nanos(now_ns.saturating_sub(last_ns))),
        }
    }

    fn name(&self) -> &str {
        self.name.get().map_or("unnamed", |name| name)
    }
}

/// A thread that helps tiles and cold side. When it hangs that is said, and halts nothing: who
/// waits for it blocks, counts and tells what it does not do.
#[derive(Debug)]
pub struct Helper {
    pulse: Pulse,
    /// What its stall means, in words.
    means: &'static str,
    clock: TileClock,
}

impl Helper {
    /// It begins now.
    #[must_use]
    pub fn begin(name: impl Into<Box<str>>, means: &'static str) -> Arc<Self> {
        let clock = TileClock::new();
        let pulse = Pulse {
            name: OnceLock::from(name.into()),
            last_ns: CachePadded::new(AtomicU64::new(clock.read())),
        };
        Arc::new(Self {
            pulse,
            means,
            clock,
        })
    }

    /// It has turned once more.
    pub fn beat(&self) {
        let now_ns = self.clock.read();
        self.pulse.last_ns.store(now_ns, Ordering::Relaxed);
    }

    /// It has ended and will not beat again.
    pub fn end(&self) {
        self.pulse.last_ns.store(ENDED, Ordering::Relaxed);
    }
}

/// The last beats of all modules, by their places: the tiles in the order of the chain, the cold
/// side, then the helpers.
#[derive(Debug, Default)]
pub struct Pulses {
    modules: [Pulse; COLD + 1],
    helpers: Vec<Arc<Helper>>,
}

impl Pulses {
    /// With these helpers beside tiles and cold side.
    #[must_use]
    pub fn with(helpers: Vec<Arc<Helper>>) -> Self {
        Self {
            helpers,
            ..Self::default()
        }
    }

    /// A module begins at `now_ns`. One that hangs before its first beat is found out too.
    pub fn begin(&self, place: usize, name: &'static str, now_ns: u64) {
        if let Some(pulse) = self.modules.get(place) {
            let _ = pulse.name.set(name.into());
            pulse.last_ns.store(now_ns, Ordering::Relaxed);
        }
    }

    /// A module's beat, by the clock of its duty cycle.
    #[inline]
    pub fn beat(&self, place: usize, now_ns: u64) {
        if let Some(pulse) = self.modules.get(place) {
            pulse.last_ns.store(now_ns, Ordering::Relaxed);
        }
    }

    /// A module has ended and will not beat again.
    pub fn end(&self, place: usize) {
        self.beat(place, ENDED);
    }

    /// The modules by their places, each with what it means that it hangs.
    fn all(&self) -> impl Iterator<Item = (&Pulse, &'static str)> {
        let [tiles @ .., cold] = &self.modules;
        let tiles = tiles.iter().map(|tile| (tile, "nothing passes it"));
        let cold = (cold, "the tiles go on while their link to it has room");
        let helpers = self.helpers.iter();
        let helpers = helpers.map(|helper| (&helper.pulse, helper.means));
        tiles.chain([cold]).chain(helpers)
    }
}

/// What the watchdog says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// A module is down; said once a stall.
    Down {
        /// Its place; see [`COLD`].
        place: usize,
        /// Its name in the topology, or of the helper.
        module: Box<str>,
        /// Since its last beat.
        age: Nanos,
        /// What that means, in words.
        meaning: &'static str,
    },
    /// It beats again, or has ended after all.
    Back {
        /// Its place; see [`COLD`].
        place: usize,
        /// Its name.
        module: Box<str>,
    },
    /// So many are down at once that the run must halt; said once a run.
    Halt,
}

impl Alarm {
    /// Says it on stderr. A stderr that is closed must not end the watch.
    pub fn tell(&self) {
        let _ = writeln!(std::io::stderr(), "{self}");
    }
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = Code::STALLED.name;
        match self {
            Self::Down {
                module,
                age,
                meaning,
                ..
            } => {
                let secs = Duration::from_nanos(age.0).as_secs_f64();
                write!(
                    f,
                    "alarm[{code}]: {module} has hung for {secs:.1} s: {meaning}"
                )
            }
            Self::Back { module, .. } => {
                write!(f, "alarm[{code}]: {module} goes on: the stall is over")
            }
            Self::Halt => write!(
                f,
                "alarm[{code}]: {DOWN_HALTS} parts of the run hang at once: whoever trades halts"
            ),
        }
    }
}

/// What was seen so far.
#[derive(Debug)]
struct Watchdog {
    interval: Nanos,
    looked_ns: u64,
    /// By place.
    is_down: Vec<bool>,
    has_halted: bool,
}

impl Watchdog {
    const fn new(interval: Nanos, now_ns: u64) -> Self {
        Self {
            interval,
            looked_ns: now_ns,
            is_down: Vec::new(),
            has_halted: false,
        }
    }

    fn look(&mut self, pulses: &Pulses, now_ns: u64, mut heed: impl FnMut(&Alarm)) {
        let away_ns = now_ns.saturating_sub(self.looked_ns);
        self.looked_ns = now_ns;
        // Who was away himself (a process that was stopped, a machine that slept) cannot say of
        // the others that they hang: they get until the next look to beat.
        if away_ns >= self.interval.0 / 2 {
            return;
        }
        self.is_down.resize(pulses.all().count(), false);
        for (place, (pulse, meaning)) in pulses.all().enumerate() {
            let hangs = |age| Liveness::of_age(age, self.interval) == Liveness::Down;
            let hung = pulse.age(now_ns).filter(|age| hangs(*age));
            let was_down = std::mem::replace(&mut self.is_down[place], hung.is_some());
            let module = || pulse.name().into();
            match hung {
                Some(age) if !was_down => heed(&Alarm::Down {
                    place,
                    module: module(),
                    age,
                    meaning,
                }),
                None if was_down => heed(&Alarm::Back {
                    place,
                    module: module(),
                }),
                _ => {}
            }
        }
        let modules = self.is_down[..=COLD].iter();
        let down = modules.filter(|is_down| **is_down).count();
        if down >= DOWN_HALTS && !self.has_halted {
            self.has_halted = true;
            heed(&Alarm::Halt);
        }
    }
}

/// Ends the watch when it goes, so that no way out of a run waits for its watchdog.
#[derive(Debug)]
pub(crate) struct Watch<'b> {
    is_over: &'b AtomicBool,
    watchdog: Thread,
}

impl<'b> Watch<'b> {
    /// Watches the modules of `switchboard` on a thread of its own until this is dropped.
    pub(crate) fn keep<'scope>(
        scope: &'scope Scope<'scope, '_>,
        (switchboard, is_over): (&'b Switchboard, &'b AtomicBool),
        interval: Nanos,
        mut heed: impl FnMut(&Switchboard, &Alarm) + Send + 'scope,
    ) -> Self
    where
        'b: 'scope,
    {
        let every = Duration::from_nanos(interval.0 / LOOKS);
        let thread = scope.spawn(move || {
            let clock = TileClock::new();
            let mut watchdog = Watchdog::new(interval, clock.read());
            while !is_over.load(Ordering::Acquire) {
                std::thread::park_timeout(every);
                watchdog.look(switchboard.pulses(), clock.read(), |alarm| {
                    heed(switchboard, alarm);
                });
            }
        });
        Self {
            is_over,
            watchdog: thread.thread().clone(),
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        self.watchdog.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use undertow_core::health::BEAT_INTERVAL;

    const SECOND: u64 = 1_000_000_000;

    /// A watchdog that looks every second, over modules that began at `START`.
    struct Scene {
        pulses: Pulses,
        watchdog: Watchdog,
        now_ns: u64,
    }

    const START: u64 = 1_000 * SECOND;

    impl Scene {
        fn new(modules: &[(usize, &'static str)]) -> Self {
            let pulses = Pulses::default();
            for (place, name) in modules {
                pulses.begin(*place, name, START);
            }
            Self {
                pulses,
                watchdog: Watchdog::new(BEAT_INTERVAL, START),
                now_ns: START,
            }
        }

        /// So many seconds pass in which those at `places` beat: what is said, and when.
        fn pass(&mut self, seconds: u64, places: &[usize]) -> Vec<(u64, Alarm)> {
            let mut said = Vec::new();
            for _ in 0..seconds {
                self.now_ns += SECOND;
                for place in places {
                    self.pulses.beat(*place, self.now_ns);
                }
                let since = (self.now_ns - START) / SECOND;
                let heed = |alarm: &Alarm| said.push((since, alarm.clone()));
                self.watchdog.look(&self.pulses, self.now_ns, heed);
            }
            said
        }
    }

    fn down(place: usize, module: &str, seconds: u64) -> Alarm {
        Alarm::Down {
            place,
            module: module.into(),
            age: Nanos(seconds * SECOND),
            meaning: Pulses::default().all().nth(place).unwrap().1,
        }
    }

    fn back(place: usize, module: &str) -> Alarm {
        let module = module.into();
        Alarm::Back { place, module }
    }

    #[test]
    fn p06_a_stall_is_said_once_at_thirty_seconds_and_so_is_its_end() {
        let mut scene = Scene::new(&[(0, "hot"), (COLD, "cold")]);
        assert_eq!(scene.pass(100, &[0, COLD]), vec![]);
        let said = scene.pass(300, &[0]);
        assert_eq!(said, vec![(130, down(COLD, "cold", 30))], "one alone");
        let back = vec![(401, back(COLD, "cold"))];
        assert_eq!(scene.pass(5, &[0, COLD]), back);
        let again = vec![(435, down(COLD, "cold", 30))];
        assert_eq!(scene.pass(40, &[0]), again, "the next stall is another one");
    }

    #[test]
    fn r13_two_modules_that_are_down_at_once_halt_and_once_only() {
        let mut scene = Scene::new(&[(0, "ingress"), (1, "desk"), (COLD, "cold")]);
        assert_eq!(scene.pass(40, &[0, 1]), vec![(30, down(COLD, "cold", 30))]);
        let said = scene.pass(60, &[1]);
        let halts = vec![(70, down(0, "ingress", 30)), (70, Alarm::Halt)];
        assert_eq!(said, halts);
        let said = scene.pass(60, &[0]);
        let alarms: Vec<Alarm> = said.into_iter().map(|(_, alarm)| alarm).collect();
        let expected = vec![back(0, "ingress"), down(1, "desk", 30)];
        assert_eq!(alarms, expected, "it is halted");
    }

    #[test]
    fn r13_one_after_the_other_is_not_two_at_once() {
        let mut scene = Scene::new(&[(0, "hot"), (COLD, "cold")]);
        let mut said = scene.pass(45, &[0]);
        said.extend(scene.pass(1, &[0, COLD]));
        said.extend(scene.pass(45, &[COLD]));
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(!said.iter().any(|(_, alarm)| *alarm == Alarm::Halt));
    }

    #[test]
    fn r13_who_has_ended_or_was_never_there_owes_no_beat() {
        let mut scene = Scene::new(&[(0, "hot"), (1, "flow"), (COLD, "cold")]);
        scene.pulses.end(0);
        scene.pulses.end(1);
        assert_eq!(
            scene.pass(60, &[]),
            vec![(30, down(COLD, "cold", 30))],
            "who began and never beat is found out, and nobody else"
        );
        scene.pulses.end(COLD);
        let said = scene.pass(60, &[]);
        assert!(matches!(said[..], [(61, Alarm::Back { .. })]), "{said:?}");
    }

    #[test]
    fn p04_a_process_that_was_stopped_as_a_whole_finds_nobody_down() {
        let mut scene = Scene::new(&[(0, "hot"), (COLD, "cold")]);
        assert_eq!(scene.pass(3, &[0, COLD]), vec![]);
        scene.now_ns += 3_600 * SECOND;
        assert_eq!(scene.pass(1, &[]), vec![], "the watchdog woke first");
        assert_eq!(scene.pass(60, &[0, COLD]), vec![]);
        // Who hangs for good is found out all the same.
        scene.now_ns += 3_600 * SECOND;
        let said = scene.pass(2, &[0]);
        assert_eq!(said.len(), 1, "{said:?}");
    }

    #[test]
    fn p06_a_helper_that_hangs_is_told_and_halts_nothing() {
        let helpers = ["claims", "day.dbn.zst"].map(|name| Helper::begin(name, "it waits"));
        let now_ns = TileClock::new().read();
        let pulses = Pulses::with(helpers.to_vec());
        let mut watchdog = Watchdog::new(BEAT_INTERVAL, now_ns);
        let mut look = |second: u64| {
            let mut said = Vec::new();
            let now_ns = now_ns + second * SECOND;
            watchdog.look(&pulses, now_ns, |alarm| said.push(alarm.to_string()));
            said
        };
        let mut said: Vec<String> = (1..29).flat_map(&mut look).collect();
        assert!(said.is_empty(), "{said:?}");
        said.extend((29..60).flat_map(&mut look));
        let names = ["claims", "day.dbn.zst"];
        assert_eq!(said.len(), names.len(), "once each, and no halt: {said:?}");
        for (said, name) in said.iter().zip(names) {
            let start = format!("alarm[E-TILE-002]: {name} has hung for ");
            assert!(said.starts_with(&start) && said.ends_with(" s: it waits"));
        }
        // One goes on by its own clock, which stands an hour behind here; the other has ended.
        helpers[0]
            .pulse
            .last_ns
            .store(now_ns + 60 * SECOND, Ordering::Relaxed);
        helpers[1].end();
        let said = look(61);
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said.iter().all(|said| said.ends_with("the stall is over")));
    }

    #[test]
    fn alarms_have_a_code_and_name_the_module() {
        let text = down(COLD, "cold", 30).to_string();
        assert_eq!(
            text,
            "alarm[E-TILE-002]: cold has hung for 30.0 s: the tiles go on while their link to it has room"
        );
        assert!(down(1, "desk", 30).to_string().contains("desk has hung"));
    }
}
