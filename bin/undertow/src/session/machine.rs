//! What the machine says of itself, for the report: absent where it does not say.

use std::fs;
use std::sync::OnceLock;

use latency_report::run::{Core, Environment};
use latency_report::text::counted;
use undertow_cold::provenance::Program;

use crate::config::Config;
use crate::exit::{Code, Failure};
use crate::output::Digest;
use crate::profile::Profile;

/// The program as it runs: its version, and a digest of its file.
pub(crate) fn build() -> String {
    static BUILD: OnceLock<String> = OnceLock::new();
    let told = BUILD.get_or_init(|| {
        let file = std::env::current_exe().and_then(fs::read);
        let digest = file.map_or_else(
            |_| "unknown".to_owned(),
            |bytes| {
                let mut digest = Digest::EMPTY;
                digest.add_bytes(&bytes);
                format!("{:016x}", digest.value())
            },
        );
        format!("{} {digest}", env!("CARGO_PKG_VERSION"))
    });
    told.clone()
}

/// The program that decides in a run of this configuration and profile.
pub(super) fn program(config: &Config, profile: &Profile) -> Program {
    Program {
        build: build(),
        config: config.meaning() ^ profile.meaning(),
    }
}

/// What is shared belongs to another program.
pub(super) fn differs(theirs: &Program, ours: &Program) -> Failure {
    let cause = format!("it belongs to {theirs}, and this is {ours}");
    let next = format!(
        "run that one; or, once every program of it has stopped, take over from it with --set \
         trade.succeeds={}",
        theirs.id()
    );
    Failure::new(Code::PROGRAM_DIFFERS, cause, next)
}

/// Where tiles ran, on these cores, with this configuration.
pub(crate) fn environment(cores: Vec<Core>, config: &Config) -> Environment {
    Environment {
        cores,
        governor: governor(),
        build: Some(env!("CARGO_PKG_VERSION").to_owned()),
        config: Some(config.fingerprint()),
        clock: clock(),
        machine: machine(),
        load: load(),
    }
}

/// The frequency governor of the first core.
fn governor() -> Option<String> {
    line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
}

/// The kernel's clock source, and whether the processor's counter is invariant.
fn clock() -> Option<String> {
    let source = line("/sys/devices/system/clocksource/clocksource0/current_clocksource")?;
    let flags = fs::read_to_string("/proc/cpuinfo").ok()?;
    let is_invariant = flags.contains("constant_tsc") && flags.contains("nonstop_tsc");
    Some(format!(
        "{source} ({})",
        if is_invariant {
            "invariant"
        } else {
            "not invariant"
        }
    ))
}

/// Processor, number of cores, kernel.
fn machine() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let field = |text: &str| {
        text.split_once(':')
            .map(|(_, value)| value.trim().to_owned())
    };
    let model = info
        .lines()
        .find(|text| text.starts_with("model name"))
        .and_then(field)?;
    let cores = info
        .lines()
        .filter(|text| text.starts_with("processor"))
        .count();
    let kernel = line("/proc/sys/kernel/osrelease").unwrap_or_default();
    Some(format!(
        "{model}, {}, Linux {kernel}",
        counted(cores, "core")
    ))
}

/// Load averages over 1, 5 and 15 minutes.
fn load() -> Option<String> {
    let text = line("/proc/loadavg")?;
    Some(text.split(' ').take(3).collect::<Vec<_>>().join(" "))
}

fn line(path: &str) -> Option<String> {
    fs::read_to_string(path)
        .ok()
        .map(|text| text.trim().to_owned())
}
