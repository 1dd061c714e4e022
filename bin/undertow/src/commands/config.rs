//! `config check`, `config show` and `config schema`.

use serde_json::{Value, json};

use super::{effective, print, print_json};
use crate::cli::{ConfigVerb, Global};
use crate::config::layers::Effective;
use crate::config::show;
use crate::exit::{Exit, Failure, Failures};

/// Does what the verb says.
///
/// # Errors
/// Everything that is wrong with the configuration, or a stdout that cannot be written.
pub fn run(global: &Global, verb: ConfigVerb) -> anyhow::Result<Exit> {
    match verb {
        ConfigVerb::Check => check(global),
        ConfigVerb::Show if global.json => print_json(&show::json(&effective(global, Vec::new())?)),
        ConfigVerb::Show => print(&show::text(&effective(global, Vec::new())?)),
        ConfigVerb::Schema => print_json(&show::schema()),
    }
}

fn check(global: &Global) -> anyhow::Result<Exit> {
    match (effective(global, Vec::new()), global.json) {
        (Ok(effective), true) => print_json(&verdict(effective.file.as_deref(), &[])),
        (Ok(effective), false) => print(&valid(&effective)),
        (Err(Failures(failures)), true) => {
            print_json(&verdict(global.config.as_deref(), &failures))?;
            Ok(Exit::Config)
        }
        (Err(failures), false) => Err(failures.into()),
    }
}

/// What is said of a valid configuration.
fn valid(effective: &Effective) -> String {
    let values = effective.config.values();
    let set = values
        .iter()
        .filter(|(key, _)| effective.origin(key).layer() != "default")
        .count();
    let file = effective
        .file
        .as_ref()
        .map_or("no file".to_owned(), |file| file.display().to_string());
    format!(
        "ok: {file}; {set} of {} keys set, the rest are defaults\n",
        values.len()
    )
}

fn verdict(file: Option<&std::path::Path>, failures: &[Failure]) -> Value {
    let problems: Vec<Value> = failures.iter().map(Failure::json).collect();
    json!({ "ok": problems.is_empty(), "file": file, "problems": problems })
}
