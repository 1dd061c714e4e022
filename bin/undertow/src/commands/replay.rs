//! `replay`, and the main job: a session from files, or from the simulator, with its report.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use indicatif::{ProgressBar, ProgressStyle};
use latency_report::render::{Format, render};
use latency_report::store;
use latency_report::text::counted;
use serde_json::json;
use undertow_cold::provenance::{self, Origin, Provenance};
use undertow_cold::state::State;
use undertow_core::risk::Mode;
use undertow_feeds::synthetic::{SessionConfig, Truth, write_session};

use super::{effective, print, print_json, records};
use crate::cli::{Backtest, Drive, Global, MainJob, Replay};
use crate::config::Config;
use crate::exit::{Code, Exit, Failure, Failures};
use crate::outfile;
use crate::output::Digest;
use crate::profile::Profile;
use crate::pump::{Blocks, Position};
use crate::session::{self, Ask, Outcome, Progress};
use crate::tile::Dead;
use crate::watchdog::Helper;

/// What orders can reach: these commands know nothing but the paper venue.
const MODE: Mode = Mode::Backtest;

/// Messages of a session that is held in memory: some 6 GB.
const MESSAGES_MAX: u64 = 100_000_000;

/// Files through the chain.
///
/// # Errors
/// A file that cannot be opened, configuration that does not hold, a tile that died.
pub(super) fn replay(global: &Global, args: &Replay) -> Result<Exit> {
    let (job, inputs) = opened(global, &args.files, &args.drive, "replay")?;
    let config = effective(global, job.drive.flags())?.config;
    let outcome = session::run(&job.ask(&config), inputs).map_err(fault_of_ours)?;
    finish(global, &job.place(&config), &outcome)
}

/// Files through the chain, traded on the paper venue.
///
/// # Errors
/// As [`replay`], and a profile that does not hold.
pub(super) fn backtest(global: &Global, args: &Backtest) -> Result<Exit> {
    let profile = profile(args.profile.as_deref())?;
    let (job, inputs) = opened(global, &args.files, &args.drive, "backtest")?;
    trade(global, &job, &profile, inputs)
}

/// The main job: a simulated session through the chain, traded on the paper venue.
///
/// # Errors
/// As [`replay`].
pub(super) fn main_job(global: &Global, args: &MainJob) -> Result<Exit> {
    // Before the simulation, which takes its time.
    let profile = profile(args.profile.as_deref())?;
    let demo = SessionConfig::demo();
    if args.messages > Some(MESSAGES_MAX) {
        let cause = "the main job simulates in memory, at most 100M messages";
        let next = "write a file with `undertow synth`, and trade it with `undertow backtest`";
        return Err(Failure::new(Code::USAGE, cause, next)
            .at("--messages")
            .into());
    }
    let config = SessionConfig {
        seed: args.seed.unwrap_or(demo.seed),
        messages: args.messages.unwrap_or(demo.messages),
        ..demo
    };
    let spinner = if global.quiet {
        ProgressBar::hidden()
    } else {
        ProgressBar::new_spinner()
    };
    spinner.set_style(ProgressStyle::default_spinner());
    spinner.enable_steady_tick(std::time::Duration::from_millis(80));
    spinner.set_message("simulating an NQ session: futures and an options chain");
    let started = Instant::now();
    let mut bytes = Vec::new();
    let mut truth = Truth::default();
    let counts = write_session(&config, &mut bytes, &mut truth).context("cannot simulate")?;
    spinner.finish_and_clear();
    if !global.quiet && !global.json {
        print(&format!(
            "simulated {} in {:.1} s: seed {}, {} planted\n\n",
            counted(counts.total(), "record"),
            started.elapsed().as_secs_f64(),
            config.seed,
            counted(truth.planted.len(), "activity"),
        ))?;
    }
    let title = format!("simulated session, seed {}", config.seed);
    let progress = if global.quiet {
        Progress::Quiet
    } else {
        Progress::Messages(counts.total())
    };
    let inputs = vec![(title.clone(), bytes.as_slice())];
    let mut content = Digest::EMPTY;
    content.add_bytes(&bytes);
    let job = Job {
        drive: &args.drive,
        sources: vec![(title.clone(), Content::Known(content.value()))],
        title,
        progress,
    };
    trade(global, &job, &profile, inputs)
}

/// What is traded, within which limits: the built-in one if none is named.
fn profile(name: Option<&str>) -> Result<Profile> {
    Ok(Profile::load(name.unwrap_or("paper"))?)
}

/// What is to be driven, and how.
struct Job<'a> {
    drive: &'a Drive,
    title: String,
    progress: Progress,
    sources: Vec<(String, Content)>,
}

/// What an input holds.
enum Content {
    /// This digest.
    Known(u64),
    /// That which the file has once it was read.
    Of(Position),
}

impl Job<'_> {
    fn ask<'c>(&'c self, config: &'c Config) -> Ask<'c> {
        Ask {
            what: self.title.clone(),
            config,
            check: self.drive.check,
            events: self.drive.events.as_deref(),
            progress: self.progress.clone(),
            readers: self.readers().collect(),
        }
    }

    /// Who reads its inputs ahead.
    fn readers(&self) -> impl Iterator<Item = Arc<Helper>> {
        let sources = self.sources.iter();
        sources.filter_map(|(_, content)| match content {
            Content::Known(_) => None,
            Content::Of(position) => Some(Arc::clone(&position.reader)),
        })
    }

    /// Where its decisions come from. Call it when the inputs were read.
    fn provenance(
        &self,
        config: &Config,
        (profile, state): (&Profile, Option<String>),
        outcome: &Outcome,
    ) -> Provenance {
        let inputs = self.sources.iter().map(|(name, content)| Origin {
            name: name.clone(),
            content: match content {
                Content::Known(digest) => Some(*digest),
                Content::Of(position) => position.content(),
            }
            .map(|digest| format!("{digest:016x}")),
        });
        let told = config.context.files().map(|path| Origin {
            name: path.to_owned(),
            content: fs::read(path).ok().map(|bytes| {
                let mut digest = Digest::EMPTY;
                digest.add_bytes(&bytes);
                format!("{:016x}", digest.value())
            }),
        });
        Provenance {
            build: session::build(),
            mode: format!("{MODE:?}").to_lowercase(),
            layout: outcome.summary.run.layout.clone(),
            config: config.decisive(),
            profile: profile.name.clone(),
            limits: profile.keys.clone(),
            state,
            inputs: inputs.chain(told).collect(),
        }
    }

    /// The directory of its report.
    fn place(&self, config: &Config) -> PathBuf {
        PathBuf::from(&config.report.dir).join(slug(&self.title))
    }
}

/// Files, opened; the job says what is done with them.
#[allow(
    clippy::type_complexity,
    reason = "a job and its inputs, taken apart at once"
)]
fn opened<'a>(
    global: &Global,
    files: &[PathBuf],
    drive: &'a Drive,
    what: &str,
) -> Result<(Job<'a>, Vec<(String, Blocks)>)> {
    let mut inputs = Vec::with_capacity(files.len());
    let mut sources = Vec::with_capacity(files.len());
    let mut positions = Vec::with_capacity(files.len());
    for path in files {
        let (blocks, position) = records::open(path)?;
        inputs.push((path.display().to_string(), blocks));
        sources.push((path.display().to_string(), Content::Of(position.clone())));
        positions.push(position);
    }
    let names: Vec<_> = files.iter().map(|path| stem(path)).collect();
    let progress = if global.quiet {
        Progress::Quiet
    } else {
        Progress::Files(positions)
    };
    let job = Job {
        drive,
        title: format!("{what} {}", names.join(" ")),
        progress,
        sources,
    };
    Ok((job, inputs))
}

/// Runs a job that trades on the paper venue.
fn trade<B: undertow_feeds::replay::Bytes + Send>(
    global: &Global,
    job: &Job<'_>,
    profile: &Profile,
    inputs: Vec<(String, B)>,
) -> Result<Exit> {
    let config = effective(global, job.drive.flags())?.config;
    if job.drive.check {
        let cause = "--check is for runs that do not trade";
        let next = "check the books with `undertow replay FILE --check`";
        return Err(Failure::new(Code::USAGE, cause, next).into());
    }
    let place = job.place(&config);
    let desk = session::Desk {
        profile,
        mode: MODE,
        gateway: profile.venue()?,
        place: &place,
    };
    let state = left(&config)?;
    let outcome = session::trade(&job.ask(&config), inputs, desk, profile.venue()?);
    let outcome = outcome.map_err(fault_of_ours)?;
    let provenance = job.provenance(&config, (profile, state), &outcome);
    let path = place.join(provenance::FILE);
    outfile::write(&path, serde_json::to_string_pretty(&provenance)?)?;
    finish(global, &place, &outcome)
}

/// Digest of what the last run left for this one.
fn left(config: &Config) -> Result<Option<String>> {
    if config.trade.state_dir.is_empty() {
        return Ok(None);
    }
    let state = State::load(Path::new(&config.trade.state_dir));
    let state = state.map_err(session::state_failure)?;
    Ok(state.map(|state| state.digest()))
}

/// A tile that died is our fault, and said so.
fn fault_of_ours(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<Dead>() {
        Ok(dead) => {
            let next = "this is a fault of ours: report it with the input and this message";
            Failure::new(Code::TILE_DEAD, dead.to_string(), next).into()
        }
        Err(error) => error,
    }
}

fn finish(global: &Global, place: &Path, outcome: &Outcome) -> Result<Exit> {
    let place = save(place, outcome)?;
    tell(global, outcome, &place)?;
    verdict(outcome)
}

/// Writes the report's files and returns their directory.
fn save(dir: &Path, outcome: &Outcome) -> Result<PathBuf> {
    outfile::directory(dir)?;
    store::save(&outcome.run, dir)?;
    let write = |name: &str, text: String| outfile::write(&dir.join(name), text);
    write("latency.html", render(&outcome.run, Format::Html, None)?)?;
    write(
        "summary.json",
        serde_json::to_string_pretty(&outcome.summary)?,
    )?;
    Ok(dir.to_owned())
}

fn tell(global: &Global, outcome: &Outcome, place: &Path) -> Result<Exit> {
    if global.json {
        let latency = render(&outcome.run, Format::Json, None)?;
        let latency: serde_json::Value = serde_json::from_str(&latency)?;
        return print_json(&json!({
            "summary": outcome.summary,
            "latency": latency,
            "report": place.display().to_string(),
        }));
    }
    let latency = render(&outcome.run, Format::Table, None)?;
    print(&format!(
        "{}\nreport      {}/latency.html\n",
        outcome.summary.render(&latency, global.listing()),
        place.display()
    ))
}

/// What the whole amounts to: a cut input and a broken invariant are failures even though
/// everything before them was told.
fn verdict(outcome: &Outcome) -> Result<Exit> {
    let check = &outcome.summary.check;
    let broken = check.iter().filter_map(|check| {
        let cause = format!(
            "{} broken, first {}",
            counted(check.violations, "invariant"),
            check.first.as_ref()?
        );
        let next = "this is a fault of ours: report it with the input";
        Some(Failure::new(Code::BOOK_INVARIANT, cause, next))
    });
    let faults = outcome.faults.iter().cloned();
    let failures: Vec<_> = broken.chain(faults).collect();
    if outcome.is_interrupted {
        eprintln!("interrupted: what came before is told, and nothing is lost");
        Ok(Exit::Interrupted)
    } else if failures.is_empty() {
        Ok(Exit::Ok)
    } else {
        Err(Failures(failures).into())
    }
}

fn stem(path: &Path) -> String {
    let name = path
        .file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy();
    name.trim_end_matches(".zst")
        .trim_end_matches(".dbn")
        .to_owned()
}

/// Most letters in the name of a directory.
const SLUG_MAX: usize = 80;

/// A title as the name of a directory. One that is too long ends in a digest of all of it, so that
/// two runs whose inputs differ only where nobody sees it do not write over each other.
fn slug(title: &str) -> String {
    let mut slug = String::with_capacity(title.len());
    for letter in title.chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter.to_ascii_lowercase());
        } else if !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_matches('-');
    if slug.len() <= SLUG_MAX {
        return slug.to_owned();
    }
    let mut digest = Digest::EMPTY;
    digest.add_bytes(title.as_bytes());
    let digest = format!("-{:016x}", digest.value());
    let kept = slug[..SLUG_MAX - digest.len()].trim_end_matches('-');
    format!("{kept}{digest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_titles_that_begin_alike_have_directories_of_their_own() {
        assert_eq!(slug("replay ES.mbo (1)"), "replay-es-mbo-1");
        let just = "a".repeat(SLUG_MAX);
        assert_eq!(slug(&just), just);
        let day = |day: u32| format!("backtest {} day-{day}", "glbx-mdp3 ".repeat(12));
        let [monday, tuesday] = [day(1), day(2)].map(|title| slug(&title));
        assert_ne!(monday, tuesday);
        assert_eq!(monday, slug(&day(1)));
        assert!(monday.len() <= SLUG_MAX, "{monday}");
        let kept = "backtest-glbx-mdp3-glbx-mdp3";
        assert!(
            monday.starts_with(kept) && !monday.contains("--"),
            "{monday}"
        );
    }
}
