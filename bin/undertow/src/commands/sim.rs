//! `sim`: the whole program from one seed, or from many, with faults; the first breach ends it.

use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use latency_report::text::{counted, thousands};
use serde_json::{Value, json};

use super::{print, print_json};
use crate::cli::{Global, Sim};
use crate::exit::{Code, Exit, Failure};
use crate::session::rfc3339;
use crate::sim::{Ask, Broken, Fault, Rates, Tally, run};

/// What many seeds came to.
#[derive(Debug, Default)]
struct Sum {
    tally: Tally,
    seeds: u64,
    broken: Option<Box<Broken>>,
}

/// Simulates and prints what was seen.
///
/// # Errors
/// A broken invariant, or a simulation that cannot be set up.
pub(super) fn sim(global: &Global, args: &Sim) -> Result<Exit> {
    let bar = if global.quiet {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(args.seeds)
    };
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} seeds  {per_sec}")?;
    bar.set_style(style);
    let started = Instant::now();
    let sum = all(args, &bar)?;
    bar.finish_and_clear();
    let wall = started.elapsed();
    if global.json {
        print_json(&document(args, &sum, wall))?;
    } else {
        print(&text(args, &sum, wall))?;
    }
    let Some(broken) = sum.broken else {
        return Ok(Exit::Ok);
    };
    let cause = format!(
        "seed {}, input {}, {}: {}",
        broken.seed,
        broken.step,
        rfc3339(broken.at),
        broken.breach
    );
    let next = format!(
        "this is a fault of ours; `undertow sim --seed {} --minutes {}` repeats it",
        broken.seed, args.minutes
    );
    Err(Failure::new(Code::SIM_INVARIANT, cause, next).into())
}

/// Every seed, as many at a time as there are jobs. Of several that break, the lowest is told.
fn all(args: &Sim, bar: &ProgressBar) -> Result<Sum> {
    let jobs = args
        .jobs
        .unwrap_or_else(|| thread::available_parallelism().map_or(1, |cores| cores.get() as u64));
    let next = AtomicU64::new(0);
    let stops = AtomicBool::new(false);
    let sum = Mutex::new(Sum::default());
    // What a panic says is part of the breach; it is not printed by every worker.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let ended: Vec<Result<()>> = thread::scope(|scope| {
        let worker = || -> Result<()> {
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                if place >= args.seeds || stops.load(Ordering::Relaxed) {
                    return Ok(());
                }
                let ask = Ask {
                    seed: args.seed.wrapping_add(place),
                    minutes: args.minutes,
                    rates: Rates::STANDARD,
                };
                let outcome = run(&ask).inspect_err(|_| stops.store(true, Ordering::Relaxed))?;
                bar.inc(1);
                if outcome.is_err() {
                    stops.store(true, Ordering::Relaxed);
                }
                if let Ok(mut sum) = sum.lock() {
                    sum.take(outcome);
                }
            }
        };
        let workers: Vec<_> = (0..jobs.min(args.seeds))
            .map(|_| scope.spawn(worker))
            .collect();
        let joined = workers.into_iter().map(|worker| worker.join());
        joined
            .map(|ended| ended.unwrap_or_else(|_| Err(anyhow::anyhow!("a worker died"))))
            .collect()
    });
    std::panic::set_hook(hook);
    ended.into_iter().collect::<Result<()>>()?;
    Ok(sum
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner))
}

impl Sum {
    fn take(&mut self, outcome: Result<Tally, Box<Broken>>) {
        self.seeds += 1;
        match outcome {
            Ok(tally) => self.tally.add(&tally),
            Err(broken) => {
                let is_first = self.broken.as_ref().is_none_or(|it| broken.seed < it.seed);
                if is_first {
                    self.broken = Some(broken);
                }
            }
        }
    }

    /// Simulated time against real time.
    fn ratio(&self, wall: Duration) -> f64 {
        self.tally.market_ns as f64 / 1e9 / wall.as_secs_f64().max(1e-9)
    }
}

fn text(args: &Sim, sum: &Sum, wall: Duration) -> String {
    let tally = &sum.tally;
    let count = |count: u64| thousands(count);
    let mut out = String::new();
    let _ = writeln!(
        out,
        "seeds       {} from {} on, {} of them in the shadow, {}",
        count(sum.seeds),
        args.seed,
        count(tally.shadows),
        counted(tally.inputs, "input"),
    );
    let _ = writeln!(
        out,
        "time        {:.1} hours of market in {:.1} s: {} times real time",
        tally.market_ns as f64 / 3.6e12,
        wall.as_secs_f64(),
        count(sum.ratio(wall) as u64),
    );
    let _ = writeln!(
        out,
        "trading     {}, {}, {} refused, {} ({} open), {}, {}",
        counted(tally.signals, "signal"),
        counted(tally.intents, "intent"),
        count(tally.refused.values().sum()),
        counted(tally.orders, "order"),
        count(tally.entries),
        counted(tally.cancels, "cancel"),
        counted(tally.fills, "fill"),
    );
    let _ = writeln!(out, "refused by");
    for (name, number) in &tally.refused {
        let _ = writeln!(out, "  {name:22} {:>10}", count(*number));
    }
    let _ = writeln!(out, "faults");
    for fault in Fault::ALL {
        let _ = writeln!(out, "  {fault:22} {:>10}", count(tally.faults.of(fault)));
    }
    for (name, number) in &tally.spoiled {
        let name = format!("feed: {}", name.replace('_', " "));
        let _ = writeln!(out, "  {name:22} {:>10}", count(*number));
    }
    if sum.broken.is_none() {
        let _ = writeln!(out, "no invariant was broken; digest {:016x}", tally.digest);
    }
    out
}

fn document(args: &Sim, sum: &Sum, wall: Duration) -> Value {
    let tally = &sum.tally;
    let faults = Fault::ALL.map(|fault| (fault.name().to_owned(), tally.faults.of(fault).into()));
    let faults: serde_json::Map<String, Value> = faults.into_iter().collect();
    json!({
        "first_seed": args.seed,
        "seeds": sum.seeds,
        "minutes": args.minutes,
        "shadow_seeds": tally.shadows,
        "inputs": tally.inputs,
        "market_s": tally.market_ns as f64 / 1e9,
        "wall_s": wall.as_secs_f64(),
        "times_real_time": sum.ratio(wall),
        "signals": tally.signals,
        "intents": tally.intents,
        "refused": tally.refused,
        "orders": tally.orders,
        "entries": tally.entries,
        "cancels": tally.cancels,
        "fills": tally.fills,
        "faults": faults,
        "feed_faults": tally.spoiled,
        "digest": format!("{:016x}", tally.digest),
        "broken": sum.broken.as_ref().map(|broken| json!({
            "seed": broken.seed,
            "input": broken.step,
            "ts_event": broken.at.0,
            "invariant": format!("{:?}", broken.breach.invariant),
            "seen": broken.breach.seen,
        })),
    })
}
