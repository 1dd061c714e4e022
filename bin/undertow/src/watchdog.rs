//! The watchdog: who beats, and what is said of those that no longer do.
//!
//! Every tile beats once a duty cycle with the reading that the cycle makes anyway, and the cold
//! side once a message and a look around. A thread that does nothing else judges the ages
//! (`undertow_core::health`), by the monotonic counter that all of them read. It says each stall
//! once, and its end; what follows from it is for whoever runs the tiles to decide. No beat is
//! read by a stage, so none can reach an output.

use std::fmt;
use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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

/// The last beat of one module.
#[derive(Debug, Default)]
struct Pulse {
    name: OnceLock<&'static str>,
    /// Its own clock then, ns.
    last_ns: CachePadded<AtomicU64>,
}

/// The last beats of all modules, by their places: the tiles in the order of the chain, then the
/// cold side. A beat carries nothing with it, so relaxed stores and loads do.
#[derive(Debug, Default)]
pub struct Pulses([Pulse; COLD + 1]);

impl Pulses {
    /// A module begins at `now_ns`. One that hangs before its first beat is found out too.
    pub fn begin(&self, place: usize, name: &'static str, now_ns: u64) {
        if let Some(pulse) = self.0.get(place) {
            let _ = pulse.name.set(name);
            pulse.last_ns.store(now_ns, Ordering::Relaxed);
        }
    }

    /// A module's beat, by the clock of its duty cycle.
    #[inline]
    pub fn beat(&self, place: usize, now_ns: u64) {
        if let Some(pulse) = self.0.get(place) {
            pulse.last_ns.store(now_ns, Ordering::Relaxed);
        }
    }

    /// A module has ended and will not beat again.
    pub fn end(&self, place: usize) {
        self.beat(place, ENDED);
    }

    /// How long ago each module beat; none of those that owe no beat.
    fn ages(&self, now_ns: u64) -> impl Iterator<Item = (usize, &'static str, Option<Nanos>)> {
        self.0.iter().enumerate().map(move |(place, pulse)| {
            let age = match pulse.last_ns.load(Ordering::Relaxed) {
                ABSENT | ENDED => None,
                // A beat between the reading of the clock and this one is from after it.
                last_ns => Some(Nanos(now_ns.saturating_sub(last_ns))),
            };
            (place, pulse.name.get().copied().unwrap_or("unnamed"), age)
        })
    }
}

/// What the watchdog says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// A module is down; said once a stall.
    Down {
        /// Its place; see [`COLD`].
        place: usize,
        /// Its name in the topology.
        module: &'static str,
        /// Since its last beat.
        age: Nanos,
    },
    /// It beats again, or has ended after all.
    Back {
        /// Its place; see [`COLD`].
        place: usize,
        /// Its name in the topology.
        module: &'static str,
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
                place, module, age, ..
            } => {
                let secs = Duration::from_nanos(age.0).as_secs_f64();
                let rest = if *place == COLD {
                    "the tiles go on while their link to it has room"
                } else {
                    "nothing passes it"
                };
                write!(
                    f,
                    "alarm[{code}]: {module} has hung for {secs:.1} s: {rest}"
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
    is_down: [bool; COLD + 1],
    has_halted: bool,
}

impl Watchdog {
    const fn new(interval: Nanos, now_ns: u64) -> Self {
        Self {
            interval,
            looked_ns: now_ns,
            is_down: [false; COLD + 1],
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
        for (place, module, age) in pulses.ages(now_ns) {
            let hangs = |age| Liveness::of_age(age, self.interval) == Liveness::Down;
            let hung = age.filter(|age| hangs(*age));
            let was_down = std::mem::replace(&mut self.is_down[place], hung.is_some());
            match hung {
                Some(age) if !was_down => heed(&Alarm::Down { place, module, age }),
                None if was_down => heed(&Alarm::Back { place, module }),
                _ => {}
            }
        }
        let down = self.is_down.iter().filter(|is_down| **is_down).count();
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
                let heed = |alarm: &Alarm| said.push((since, *alarm));
                self.watchdog.look(&self.pulses, self.now_ns, heed);
            }
            said
        }
    }

    const fn down(place: usize, module: &'static str, seconds: u64) -> Alarm {
        let age = Nanos(seconds * SECOND);
        Alarm::Down { place, module, age }
    }

    #[test]
    fn p06_a_stall_is_said_once_at_thirty_seconds_and_so_is_its_end() {
        let mut scene = Scene::new(&[(0, "hot"), (COLD, "cold")]);
        assert_eq!(scene.pass(100, &[0, COLD]), vec![]);
        let said = scene.pass(300, &[0]);
        assert_eq!(said, vec![(130, down(COLD, "cold", 30))], "one alone");
        let (place, module) = (COLD, "cold");
        let back = Alarm::Back { place, module };
        assert_eq!(scene.pass(5, &[0, COLD]), vec![(401, back)]);
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
        let alarms: Vec<Alarm> = said.iter().map(|(_, alarm)| *alarm).collect();
        let (place, module) = (0, "ingress");
        let back = Alarm::Back { place, module };
        assert_eq!(alarms, vec![back, down(1, "desk", 30)], "it is halted");
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
    fn alarms_have_a_code_and_name_the_module() {
        let text = down(COLD, "cold", 30).to_string();
        assert_eq!(
            text,
            "alarm[E-TILE-002]: cold has hung for 30.0 s: the tiles go on while their link to it has room"
        );
        assert!(down(1, "desk", 30).to_string().contains("desk has hung"));
    }
}
