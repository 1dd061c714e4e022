//! What an operator orders: `halt`, `flatten`, `kill` and their like go to the run that listens; where
//! none does, a halt and its end are left for the next one, in the state that it begins with.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};
use undertow_cold::journal::recover;
use undertow_cold::registry::Registry;
use undertow_cold::standing::Standing;
use undertow_cold::state::{State, cause};
use undertow_core::event::Operator;
use undertow_core::risk::{BreakerKind, Gate, Halt, HaltCause, Phase, Reason};
use undertow_core::types::Nanos;

use super::{effective, journal_fault, print, print_json};
use crate::cli::{Global, Resume};
use crate::config::Config;
use crate::exit::{Code, Exit, Failure};
use crate::operator::{self, Heard, Reply, Request, Silence};
use crate::session::{self, rfc3339, state_failure};

/// A flatten tries three times, a second apart; who waits longer than this hears what is left.
const FLAT_MAX: Duration = Duration::from_secs(15);

/// Between two looks at what is left.
const LOOK: Duration = Duration::from_millis(250);

/// Gives an order to the run that goes on, and says how the run stands.
///
/// # Errors
/// No run takes orders, it refuses this one, or what became of it is not known.
pub(super) fn order(global: &Global, request: &Request) -> Result<Exit> {
    let config = effective(global, Vec::new())?.config;
    let path = operator::socket(&config);
    let Some((mut heard, took)) = give(&path, request)? else {
        return Err(nobody(&path).into());
    };
    if matches!(request, Request::Flatten) {
        wait_until_flat(&path, &mut heard)?;
    }
    tell(global, request, &heard, took)
}

/// How the run that goes on stands, or else what the journal of the last one adds up to.
///
/// # Errors
/// As [`order`], or there is neither a run nor a journal.
pub(super) fn status(global: &Global) -> Result<Exit> {
    let config = effective(global, Vec::new())?.config;
    let path = operator::socket(&config);
    if let Some((heard, took)) = give(&path, &Request::Status)? {
        return tell(global, &Request::Status, &heard, took);
    }
    let Some(dir) = state_dir(&config) else {
        return Err(nobody(&path).into());
    };
    let (state, _) = recover(&dir.join(session::JOURNAL)).map_err(|error| journal_fault(&error))?;
    let standing = Standing::of(&state, &Registry::default(), &[]);
    if global.json {
        return print_json(&json!({ "run": Value::Null, "standing": standing }));
    }
    let ended = if state.is_ended() {
        "it ended in order"
    } else {
        "it was cut off"
    };
    let journal = dir.display();
    print(&format!(
        "run         none takes orders; what the last one left in {journal} ({ended}):\n{}",
        standing.render()
    ))
}

/// Halts the run that goes on, as far as `gate`; if none does, the next one begins halted.
///
/// # Errors
/// As [`order`], or neither a run nor a state is there.
pub(super) fn halt(global: &Global, (request, gate): (&Request, Gate)) -> Result<Exit> {
    let config = effective(global, Vec::new())?.config;
    let path = operator::socket(&config);
    if let Some((heard, took)) = give(&path, request)? {
        return tell(global, request, &heard, took);
    }
    let Some(dir) = state_dir(&config) else {
        return Err(nobody(&path).into());
    };
    let order = match gate {
        Gate::Shut => Operator::Kill,
        _ => Operator::Halt,
    };
    let (_, after) = change(&dir, &[order], |state, until| {
        let halt = &mut state.kept.halt;
        if halt.gate < gate {
            *halt = Halt {
                gate,
                cause: HaltCause::Operator,
                at: until,
                resumed: None,
            };
        }
    })?;
    let halt = &after.kept.halt;
    if global.json {
        return print_json(&json!({ "run": Value::Null, "gate": halt.gate.name() }));
    }
    print(&format!(
        "run         none takes orders; the next one with this state begins halted\n\
         gate        {}, by {}\n",
        halt.gate.name(),
        cause(halt)
    ))
}

/// Ends a halt, with a reason: of the run that goes on, or in the state that the configuration
/// names.
///
/// # Errors
/// No reason, neither run nor state, or one that cannot be read or written.
pub(super) fn resume(global: &Global, args: &Resume) -> Result<Exit> {
    let config = effective(global, Vec::new())?.config;
    let Some(reason) = Reason::new(&args.reason) else {
        let next =
            "say in a few words what was looked at: --reason \"fill checked with the venue\"";
        return Err(Failure::new(Code::USAGE, "the reason is empty", next)
            .at("--reason")
            .into());
    };
    let path = operator::socket(&config);
    let why = || args.reason.clone();
    for kind in &args.clear {
        let (breaker, reason) = (kind.name().to_owned(), why());
        give(&path, &Request::Clear { breaker, reason })?;
    }
    let request = Request::Resume { reason: why() };
    if let Some((heard, took)) = give(&path, &request)? {
        return tell(global, &request, &heard, took);
    }
    let Some(dir) = state_dir(&config) else {
        let cause = "no run takes orders, and no state is kept";
        let next = "name its directory: undertow resume --reason TEXT --set trade.state_dir=DIR";
        let failure = Failure::new(Code::USAGE, cause, next);
        return Err(failure.at("trade.state_dir").into());
    };
    let clears = args.clear.iter().map(|kind| Operator::Clear(*kind, reason));
    let orders: Vec<_> = clears.chain([Operator::Resume(reason)]).collect();
    let (before, after) = change(&dir, &orders, |state, _| {
        if state.kept.halt.gate != Gate::Open {
            state.kept.halt = Halt {
                resumed: Some(reason),
                ..Halt::default()
            };
        }
        for kind in &args.clear {
            state.kept.clear(*kind);
        }
    })?;
    if global.json {
        let halt = &before.kept.halt;
        return print_json(&json!({
            "was_halted": halt.gate != Gate::Open,
            "gate": halt.gate.name(),
            "halted_by": cause(halt),
            "halted_at": rfc3339(halt.at),
            "reason": reason.as_str(),
            "blocking": blocking(&after).map(BreakerKind::name).collect::<Vec<_>>(),
        }));
    }
    print(&resumed(&before, &after, &reason))
}

/// Asks the run at `path`, if one listens there.
fn give(path: &Path, request: &Request) -> Result<Option<(Heard, Duration)>> {
    let place = || path.display().to_string();
    let unknown = |cause: String| {
        let next = "`undertow status` and the journal say what came of it: no answer is not a \
                    refusal";
        Failure::new(Code::OPERATOR_LINE, cause, next).at(place())
    };
    match operator::ask(path, request) {
        Err(Silence::Nobody) => Ok(None),
        Err(Silence::Broken(error)) => Err(unknown(format!("no answer: {error}")).into()),
        Ok((Reply::Unheard, _)) => {
            let cause = "handed over, and the chain has not said that it heard it";
            Err(unknown(cause.to_owned()).into())
        }
        Ok((Reply::Refused { cause, next }, _)) => {
            Err(Failure::new(Code::OPERATOR_REFUSED, cause, next).into())
        }
        Ok((Reply::Heard(heard), took)) => match &heard.limit_refused {
            Some(cause) => {
                let next = "looser limits take a restart; `undertow status` tells how it stands";
                Err(Failure::new(Code::OPERATOR_REFUSED, cause.clone(), next).into())
            }
            None => Ok(Some((*heard, took))),
        },
    }
}

/// Looks again until nothing is held any more, or the last round must be over.
fn wait_until_flat(path: &Path, heard: &mut Heard) -> Result<()> {
    let until = Instant::now() + FLAT_MAX;
    while !heard.standing.is_flat() && Instant::now() < until {
        std::thread::sleep(LOOK);
        match give(path, &Request::Status)? {
            Some((now, _)) => *heard = now,
            // The run has ended meanwhile; its summary says what is left.
            None => return Ok(()),
        }
    }
    Ok(())
}

fn tell(global: &Global, request: &Request, heard: &Heard, took: Duration) -> Result<Exit> {
    let request = serde_json::to_value(request)?;
    if global.json {
        return print_json(&json!({
            "asked": request,
            "answered_us": u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "run": heard.run,
            "profile": heard.profile,
            "standing": heard.standing,
        }));
    }
    let order = request["order"].as_str().unwrap_or_default();
    let ms = took.as_secs_f64() * 1e3;
    let mut text = match order {
        "status" => String::new(),
        order => format!("heard       {order}, and answered in {ms:.1} ms\n"),
    };
    let _ = writeln!(text, "run         {}, profile {}", heard.run, heard.profile);
    text.push_str(&heard.standing.render());
    if order == "flatten" && !heard.standing.is_flat() {
        text.push_str(
            "left        what is told above: three tries did not close it, or the market is quiet; \
             it is looked after as before\n",
        );
    }
    print(&text)
}

fn nobody(path: &Path) -> Failure {
    let cause = "no run takes orders here";
    let next = "a run does while it is paced as live, like `undertow backtest FILE --pace 1x`; name \
                its socket with --set trade.socket=PATH, or its report's directory with --set \
                report.dir=DIR";
    Failure::new(Code::OPERATOR_LINE, cause, next).at(path.display().to_string())
}

fn state_dir(config: &Config) -> Option<PathBuf> {
    let dir = config.trade.state_dir.as_str();
    (!dir.is_empty()).then(|| PathBuf::from(dir))
}

/// Changes the state in `dir`, which no run uses: as it was, and as it is.
fn change(
    dir: &Path,
    orders: &[Operator],
    change: impl FnOnce(&mut State, Nanos),
) -> Result<(State, State)> {
    let mut journal = session::kept_journal(dir)?;
    let Some(mut state) = State::load(dir).map_err(state_failure)? else {
        let cause = "no run has left a state here";
        let next = "name its directory with --set trade.state_dir=DIR";
        let failure = Failure::new(Code::STATE_UNREADABLE, cause, next);
        return Err(failure.at(dir.display().to_string()).into());
    };
    let folded = journal.as_ref().map(|(_, folded)| folded);
    if let Some(kept) = folded.and_then(|folded| folded.kept()) {
        state.kept = session::strictest(&state.kept, kept);
    }
    let before = state.clone();
    change(&mut state, folded.map_or(Nanos(0), |folded| folded.until()));
    if state != before {
        // First here: while only one of them says that a halt is over, it is not.
        if let Some((writer, _)) = &mut journal {
            session::note_ordered(writer, orders, &state.kept)?;
        }
        state.save(dir).map_err(state_failure)?;
    }
    Ok((before, state))
}

/// Breakers that still block entries.
fn blocking(state: &State) -> impl Iterator<Item = BreakerKind> {
    let kinds = BreakerKind::ALL.into_iter().zip(state.kept.breakers);
    kinds
        .filter(|(_, breaker)| breaker.phase.blocks() && !breaker.is_cleared)
        .map(|(kind, _)| kind)
}

fn resumed(before: &State, after: &State, reason: &Reason) -> String {
    let halt = &before.kept.halt;
    let mut text = String::new();
    if halt.gate == Gate::Open {
        text.push_str("not halted: there was nothing to resume\n");
    } else {
        let _ = writeln!(
            text,
            "was halted  gate {} since {}, by {}\nresumed     {}",
            halt.gate.name(),
            rfc3339(halt.at),
            cause(halt),
            reason.as_str()
        );
    }
    if !before.has_ended {
        text.push_str("note        the run that wrote this has not ended, or was cut off\n");
    }
    for kind in BreakerKind::ALL {
        let was = before.kept.breakers[kind as usize];
        let is = after.kept.breakers[kind as usize];
        if was.is_cleared != is.is_cleared {
            let _ = writeln!(text, "cleared     {}", kind.name());
        } else if is.phase == Phase::Tripped && !is.is_cleared {
            let _ = writeln!(
                text,
                "tripped     {} since {}: it blocks still; see --clear",
                kind.name(),
                rfc3339(is.at)
            );
        }
    }
    text
}
