//! The configuration as its user reads it: with origins, without secrets.
//!
//! What [`text`] prints is itself a valid configuration file with the same meaning.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Config;
use super::layers::{Effective, Origin, Sources};

/// Every key with its value and, as a comment, its origin.
#[must_use]
pub fn text(effective: &Effective) -> String {
    let mut out = String::new();
    let lines: Vec<(String, &Origin)> = effective
        .config
        .values()
        .iter()
        .map(|(key, value)| {
            (
                format!("{key} = {}", toml_text(value)),
                effective.origin(key),
            )
        })
        .collect();
    let width = lines.iter().map(|(line, _)| line.len()).max().unwrap_or(0);
    for (line, origin) in lines {
        let _ = writeln!(out, "{line:width$}  # {origin}");
    }
    for name in Sources::SECRETS {
        let _ = writeln!(out, "# {name}: {}", secret_state(effective, name));
    }
    out
}

/// The same for programs: an object of `file`, `keys` and `secrets`.
#[must_use]
pub fn json(effective: &Effective) -> Value {
    let keys: Vec<Value> = effective
        .config
        .values()
        .into_iter()
        .map(|(key, value)| {
            let origin = effective.origin(&key);
            json!({
                "key": key,
                "value": value,
                "origin": origin.layer(),
                "place": origin.place(),
            })
        })
        .collect();
    let secrets: Vec<Value> = Sources::SECRETS
        .iter()
        .map(|name| json!({ "name": name, "set": effective.secret(name).is_some() }))
        .collect();
    json!({ "file": effective.file, "keys": keys, "secrets": secrets })
}

/// The JSON Schema of the configuration, for editors.
#[must_use]
pub fn schema() -> Value {
    schemars::schema_for!(Config).to_value()
}

/// A value as TOML writes it.
fn toml_text(value: &Value) -> String {
    toml::Value::try_from(value).map_or_else(|_| value.to_string(), |value| value.to_string())
}

fn secret_state(effective: &Effective, name: &str) -> String {
    match effective.secret(name) {
        Some(secret) => format!("{secret} (env)"),
        None => "not set".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_secret() -> Effective {
        Effective::load(&Sources {
            env: vec![
                ("DATABENTO_API_KEY".into(), "db-CANARY".into()),
                ("UNDERTOW_LATENCY_SAMPLE_EVERY".into(), "64".into()),
                ("UNDERTOW_REPORT_DIR".into(), "a \"quoted\"\\dir".into()),
            ],
            ..Sources::default()
        })
        .expect("valid")
    }

    #[test]
    fn what_is_shown_reads_back_as_the_same_configuration() {
        let effective = with_secret();
        let again: Config = toml::from_str(&text(&effective)).expect("valid TOML");
        assert_eq!(again, effective.config);
    }

    #[test]
    fn z01_secrets_are_named_and_never_shown() {
        let effective = with_secret();
        for shown in [
            text(&effective),
            json(&effective).to_string(),
            format!("{effective:?}"),
        ] {
            assert!(!shown.contains("CANARY"), "{shown}");
            assert!(shown.contains("DATABENTO_API_KEY"), "{shown}");
        }
        assert_eq!(json(&effective)["secrets"][0]["set"], true);
        assert_eq!(json(&effective)["secrets"][1]["set"], false);
    }

    #[test]
    fn schema_knows_every_key_and_refuses_others() {
        let schema = schema();
        assert_eq!(schema["additionalProperties"], false);
        for (key, _) in Config::default().values() {
            let mut place = &schema;
            for part in key.split('.') {
                if let Some(reference) = place["$ref"].as_str() {
                    place = schema.pointer(&reference[1..]).expect("a definition");
                }
                place = &place["properties"][part];
            }
            assert!(place.is_object(), "{key} is not in the schema");
        }
    }
}
