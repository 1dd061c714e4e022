//! `synth`: a simulated market into a file, with the truth of what was planted beside it.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use latency_report::text::{counted, thousands};
use serde_json::json;
use undertow_feeds::synthetic::{
    Counts, FaultKind, Faults, SessionConfig, Truth, write_chain, write_fifty, write_one,
    write_session,
};

use super::{print, print_json};
use crate::cli::{Global, Kind, Synth};
use crate::exit::{Code, Exit, Failure};
use crate::host;
use crate::interrupt::Interrupt;
use crate::outfile::{self, Outfile};

/// Messages of each load when none are asked for.
const ONE_MESSAGES: u64 = 5_000_000;
const FIFTY_MESSAGES: u64 = 20_000_000;
const CHAIN_MESSAGES: u64 = 2_000_000;

/// Bytes of a message in a file, plain and packed.
const RECORD_SIZE: u64 = 56;
const PACKED_SIZE: u64 = 18;

/// Instruments of a chain when none are asked for.
const CHAIN_INSTRUMENTS: u32 = 5_000;

/// Simulates and writes.
///
/// # Errors
/// Options that make no sense together, or files that cannot be written.
pub(super) fn synth(global: &Global, args: &Synth) -> Result<Exit> {
    check(args)?;
    check_room(args)?;
    let bar = if global.quiet {
        ProgressBar::hidden()
    } else {
        ProgressBar::new_spinner()
    };
    bar.set_style(ProgressStyle::with_template("{spinner} {bytes} written")?);
    let mut file = Outfile::create(&args.out)?;
    let mut truth = Truth::default();
    let interrupt = Interrupt::listen();
    let mut counted = bar.wrap_write(Interruptible {
        inner: &mut file,
        interrupt: &interrupt,
    });
    let counts = if is_zstd(&args.out) {
        let mut packed = zstd::stream::write::Encoder::new(counted, 3)?;
        let counts = write(args, &mut packed, &mut truth);
        packed.finish().and(counts)
    } else {
        write(args, &mut counted, &mut truth)
    };
    bar.finish_and_clear();
    if interrupt.came() {
        eprintln!("interrupted: nothing was written");
        return Ok(Exit::Interrupted);
    }
    let counts = counts.map_err(|error| refused(&file, &error))?;
    file.finish()?;
    if let Some(path) = &args.truth {
        let mut lines = Vec::new();
        truth.write_json_lines(&mut lines)?;
        outfile::write(path, lines)?;
    }
    tell(global, args, &counts, &truth)
}

/// Passes bytes on until somebody wants it to end.
struct Interruptible<'a, W> {
    inner: W,
    interrupt: &'a Interrupt,
}

impl<W: Write> Write for Interruptible<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.interrupt.came() {
            return Err(io::Error::other("interrupted"));
        }
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
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

/// A market that cannot fit is refused before it has filled the disk.
fn check_room(args: &Synth) -> Result<(), Failure> {
    let size = if is_zstd(&args.out) {
        PACKED_SIZE
    } else {
        RECORD_SIZE
    };
    let needed = messages(args).saturating_mul(size);
    let dir = args.out.parent().filter(|dir| !dir.as_os_str().is_empty());
    let dir = dir.unwrap_or(Path::new("."));
    match host::disk_free(dir) {
        Ok(free) if free < needed => {
            let cause = format!(
                "{} need about {} MiB, and {} are free at {}",
                counted(messages(args), "message"),
                thousands(needed >> 20),
                thousands(free >> 20),
                dir.display()
            );
            let next = "ask for fewer with --messages, or name another place";
            Err(Failure::new(Code::OUTPUT_UNWRITABLE, cause, next))
        }
        // A place that cannot be asked says why when it is written to.
        _ => Ok(()),
    }
}

/// How many messages are simulated.
fn messages(args: &Synth) -> u64 {
    args.messages.unwrap_or_else(|| match args.kind {
        Kind::One => ONE_MESSAGES,
        Kind::Fifty => FIFTY_MESSAGES,
        Kind::Chain => CHAIN_MESSAGES,
        Kind::Session => SessionConfig::demo().messages,
    })
}

fn write(args: &Synth, out: &mut impl Write, truth: &mut Truth) -> io::Result<Counts> {
    let messages = messages(args);
    let narrow = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    match args.kind {
        Kind::One => write_one(messages, args.seed, out),
        Kind::Fifty => write_fifty(messages, args.seed, out),
        Kind::Chain => {
            let instruments = args.instruments.map_or(CHAIN_INSTRUMENTS, narrow);
            write_chain(instruments, messages, args.seed, out)
        }
        Kind::Session => {
            let demo = SessionConfig::demo();
            let config = SessionConfig {
                seed: args.seed,
                messages,
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

fn refused(file: &Outfile, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::InvalidInput {
        let next = "see `undertow synth --help`";
        return Failure::new(Code::USAGE, error.to_string(), next);
    }
    file.failure(error)
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
        "{out}: {} (add {:.1} %, cancel {:.1} %, modify {:.1} %, trade and fill {:.1} %), \
         {} planted, {} injected\n",
        counted(counts.total(), "record"),
        share(counts.adds),
        share(counts.cancels),
        share(counts.modifies),
        share(counts.trades + counts.fills),
        counted(truth.planted.len(), "activity"),
        counted(truth.faults.len(), "fault"),
    ))
}

fn is_zstd(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "zst")
}
