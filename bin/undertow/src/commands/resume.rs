//! `resume`: the operator ends a halt that was kept, with a reason.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;
use serde_json::json;
use undertow_cold::state::{State, cause};
use undertow_core::risk::{BreakerKind, Gate, Halt, Phase, Reason};

use super::{effective, print, print_json};
use crate::cli::{Global, Resume};
use crate::exit::{Code, Exit, Failure};
use crate::session::{self, rfc3339, state_failure};

/// Ends the halt in the state that the configuration names.
///
/// # Errors
/// No reason, no state, or one that cannot be read or written.
pub(super) fn resume(global: &Global, args: &Resume) -> Result<Exit> {
    let config = effective(global, Vec::new())?.config;
    let Some(reason) = Reason::new(&args.reason) else {
        let next =
            "say in a few words what was looked at: --reason \"fill checked with the venue\"";
        return Err(Failure::new(Code::USAGE, "the reason is empty", next)
            .at("--reason")
            .into());
    };
    let dir = Path::new(&config.trade.state_dir);
    let next = "name its directory: undertow resume --reason TEXT --set trade.state_dir=DIR";
    if dir.as_os_str().is_empty() {
        let failure = Failure::new(Code::USAGE, "no state is kept", next);
        return Err(failure.at("trade.state_dir").into());
    }
    let mut journal = session::kept_journal(dir)?;
    let Some(mut state) = State::load(dir).map_err(state_failure)? else {
        let cause = "no run has left a state here";
        let failure = Failure::new(Code::STATE_UNREADABLE, cause, next);
        return Err(failure.at(dir.display().to_string()).into());
    };
    if let Some(kept) = journal.as_ref().and_then(|(_, folded)| folded.kept()) {
        state.kept = session::strictest(&state.kept, kept);
    }
    let before = state.clone();
    if state.kept.halt.gate != Gate::Open {
        state.kept.halt = Halt {
            resumed: Some(reason),
            ..Halt::default()
        };
    }
    for kind in &args.clear {
        state.kept.clear(*kind);
    }
    if state != before {
        // First here: while only one of them says that the halt is over, it is not.
        if let Some((writer, _)) = &mut journal {
            session::note_resumed(writer, &state.kept)?;
        }
        state.save(dir).map_err(state_failure)?;
    }
    if global.json {
        let halt = &before.kept.halt;
        return print_json(&json!({
            "was_halted": halt.gate != Gate::Open,
            "gate": halt.gate.name(),
            "halted_by": cause(halt),
            "halted_at": rfc3339(halt.at),
            "reason": reason.as_str(),
            "blocking": blocking(&state).map(BreakerKind::name).collect::<Vec<_>>(),
        }));
    }
    print(&told(&before, &state, &reason))
}

/// Breakers that still block entries.
fn blocking(state: &State) -> impl Iterator<Item = BreakerKind> {
    let kinds = BreakerKind::ALL.into_iter().zip(state.kept.breakers);
    kinds
        .filter(|(_, breaker)| breaker.phase.blocks() && !breaker.is_cleared)
        .map(|(kind, _)| kind)
}

fn told(before: &State, after: &State, reason: &Reason) -> String {
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
        text.push_str(
            "note        the run that wrote this has not ended, or was cut off; one that still \
             goes on writes over it\n",
        );
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
