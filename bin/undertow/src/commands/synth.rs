//! `synth`: a simulated market into a file, with the truth of what was planted beside it.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use undertow_cold::summary::thousands;
use undertow_feeds::synthetic::{
    Counts, FaultKind, Faults, SessionConfig, Truth, write_chain, write_fifty, write_one,
    write_session,
};

use super::{print, print_json};
use crate::cli::{Global, Kind, Synth};
use crate::exit::{Code, Exit, Failure};

/// Messages of each load when none are asked for.
const ONE_MESSAGES: u64 = 5_000_000;
const FIFTY_MESSAGES: u64 = 20_000_000;
const CHAIN_MESSAGES: u64 = 2_000_000;

/// Instruments of a chain when none are asked for.
const CHAIN_INSTRUMENTS: u32 = 5_000;

/// Simulates and writes.
///
/// # Errors
/// Options that make no sense together, or files that cannot be written.
pub(super) fn synth(global: &Global, args: &Synth) -> Result<Exit> {
    check(args)?;
    let bar = if global.quiet {
        ProgressBar::hidden()
    } else {
        ProgressBar::new_spinner()
    };
    bar.set_style(ProgressStyle::with_template("{spinner} {bytes} written")?);
    let file = File::create(&args.out);
    let file = file.with_context(|| format!("cannot write {}", args.out.display()))?;
    let counted = bar.wrap_write(BufWriter::with_capacity(1 << 20, file));
    let mut truth = Truth::default();
    let counts = if is_zstd(&args.out) {
        let mut packed = zstd::stream::write::Encoder::new(counted, 3)?;
        let counts = write(args, &mut packed, &mut truth);
        packed.finish().and_then(|mut out| out.flush()).and(counts)
    } else {
        let mut plain = counted;
        let counts = write(args, &mut plain, &mut truth);
        plain.flush().and(counts)
    };
    bar.finish_and_clear();
    let counts = counts.map_err(|error| refused(args, error))?;
    if let Some(path) = &args.truth {
        let file = File::create(path);
        let mut file =
            BufWriter::new(file.with_context(|| format!("cannot write {}", path.display()))?);
        truth
            .write_json_lines(&mut file)
            .and_then(|()| file.flush())?;
    }
    tell(global, args, &counts, &truth)
}

fn check(args: &Synth) -> Result<(), Failure> {
    let name = args.out.to_string_lossy();
    if !name.ends_with(".dbn") && !name.ends_with(".dbn.zst") {
        let cause = format!("{name} is neither a .dbn nor a .dbn.zst file");
        return Err(
            Failure::new(Code::USAGE, cause, "end the name in .dbn or .dbn.zst").at("--out"),
        );
    }
    let is_session = args.kind == Kind::Session;
    let session_only = [
        ("--fault", !args.fault.is_empty()),
        ("--truth", args.truth.is_some()),
        ("--strikes", args.strikes.is_some()),
        ("--expiries", args.expiries.is_some()),
    ];
    let instruments = (
        "--instruments",
        args.instruments.is_some() && args.kind != Kind::Chain,
    );
    let idle = session_only
        .into_iter()
        .map(|(flag, given)| (flag, given && !is_session));
    if let Some((flag, _)) = idle.chain([instruments]).find(|(_, useless)| *useless) {
        let cause = "it means nothing for this kind of market";
        let next = "leave it out, or choose another --kind";
        return Err(Failure::new(Code::USAGE, cause, next).at(flag));
    }
    Ok(())
}

fn write(args: &Synth, out: &mut impl Write, truth: &mut Truth) -> io::Result<Counts> {
    let messages = |default: u64| args.messages.unwrap_or(default);
    let narrow = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    match args.kind {
        Kind::One => write_one(messages(ONE_MESSAGES), args.seed, out),
        Kind::Fifty => write_fifty(messages(FIFTY_MESSAGES), args.seed, out),
        Kind::Chain => {
            let instruments = args.instruments.map_or(CHAIN_INSTRUMENTS, narrow);
            write_chain(instruments, messages(CHAIN_MESSAGES), args.seed, out)
        }
        Kind::Session => {
            let demo = SessionConfig::demo();
            let config = SessionConfig {
                seed: args.seed,
                messages: messages(demo.messages),
                strikes: args.strikes.map_or(demo.strikes, narrow),
                expiries: args.expiries.map_or(demo.expiries, narrow),
                faults: faults(args)?,
                ..demo
            };
            write_session(&config, out, truth)
        }
    }
}

/// The rates asked for, by the names of the faults.
fn faults(args: &Synth) -> io::Result<Faults> {
    let mut faults = Faults::none();
    for asked in &args.fault {
        let name = asked.kind.replace('-', "_");
        let Some(kind) = FaultKind::ALL.into_iter().find(|kind| kind.name() == name) else {
            return Err(unknown_fault(&name));
        };
        faults = faults.with(kind, asked.rate);
    }
    Ok(faults)
}

fn unknown_fault(name: &str) -> io::Error {
    let known = FaultKind::ALL.map(FaultKind::name);
    let near = |known: &&str| strsim::damerau_levenshtein(known, name);
    let nearest = known.into_iter().min_by_key(near).unwrap_or_default();
    let known = known.join(", ");
    let cause = format!("no fault `{name}`; did you mean `{nearest}`? There are: {known}");
    io::Error::new(io::ErrorKind::InvalidInput, cause)
}

fn refused(args: &Synth, error: io::Error) -> anyhow::Error {
    if error.kind() == io::ErrorKind::InvalidInput {
        let next = "see `undertow synth --help`";
        return Failure::new(Code::USAGE, error.to_string(), next).into();
    }
    anyhow::Error::new(error).context(format!("cannot write {}", args.out.display()))
}

fn tell(global: &Global, args: &Synth, counts: &Counts, truth: &Truth) -> Result<Exit> {
    let out = args.out.display().to_string();
    if global.json {
        return print_json(&json!({
            "out": out,
            "records": counts.total(),
            "adds": counts.adds,
            "cancels": counts.cancels,
            "modifies": counts.modifies,
            "trades": counts.trades,
            "fills": counts.fills,
            "planted": truth.planted.len(),
            "faults": truth.faults.len(),
        }));
    }
    let share = |count: u64| 100.0 * count as f64 / counts.total().max(1) as f64;
    print(&format!(
        "{out}: {} records (add {:.1} %, cancel {:.1} %, modify {:.1} %, trade and fill {:.1} %), \
         {} activities planted, {} faults injected\n",
        thousands(counts.total()),
        share(counts.adds),
        share(counts.cancels),
        share(counts.modifies),
        share(counts.trades + counts.fills),
        truth.planted.len(),
        truth.faults.len(),
    ))
}

fn is_zstd(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "zst")
}
