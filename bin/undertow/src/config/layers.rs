//! Reading the layers: each value is taken with the place it came from, each error is kept.
//!
//! All errors of all layers are found in one pass. Values of unknown keys and lines of a broken
//! file are never repeated in an error: somebody may have put a secret there.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Config;
use super::values::Secret;
use crate::exit::{Code, Failure, Failures};

/// Where the layers above the defaults are.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file, if any.
    pub file: Option<PathBuf>,
    /// The environment: names and values.
    pub env: Vec<(String, String)>,
    /// The command line.
    pub flags: Vec<FlagValue>,
}

/// A value given on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagValue {
    /// The key it sets.
    pub key: String,
    /// The value, as written.
    pub value: String,
    /// The flag, for the reader: `--layout`.
    pub flag: String,
}

impl Sources {
    /// The file that is read when none is named.
    pub const FILE_FOUND: &str = "undertow.toml";
    /// Names the file in the environment.
    pub const FILE_ENV: &str = "UNDERTOW_CONFIG";
    /// Begins the name of each variable that sets a key.
    pub const ENV_PREFIX: &str = "UNDERTOW_";
    /// Secrets, which are read from the environment and from nowhere else.
    pub const SECRETS: [&str; 2] = ["DATABENTO_API_KEY", "ALPHA_VANTAGE_API_KEY"];

    /// The sources of this process: the file that is named, or named in the environment, or
    /// found in the working directory; the environment; the flags given.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>, flags: Vec<FlagValue>) -> Self {
        let named = || std::env::var_os(Self::FILE_ENV).filter(|name| !name.is_empty());
        let found = || Some(PathBuf::from(Self::FILE_FOUND)).filter(|path| path.exists());
        Self {
            file: file.or_else(|| named().map(PathBuf::from)).or_else(found),
            // Names and values that are not UTF-8 cannot be ours.
            env: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            flags,
        }
    }
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Built in.
    Default,
    /// A line of the file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// A variable of the environment.
    Env {
        /// Its name.
        name: String,
    },
    /// The command line.
    Flag {
        /// The flag.
        flag: String,
    },
}

impl Origin {
    /// The layer, in one word.
    #[must_use]
    pub const fn layer(&self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File { .. } => "file",
            Self::Env { .. } => "env",
            Self::Flag { .. } => "flag",
        }
    }

    /// The place within the layer; empty for a default.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::Default => String::new(),
            Self::File { path, line } => format!("{}:{line}", path.display()),
            Self::Env { name } => name.clone(),
            Self::Flag { flag } => flag.clone(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str(self.layer()),
            _ => write!(f, "{} {}", self.layer(), self.place()),
        }
    }
}

/// The configuration in force, and where it came from.
#[derive(Clone, Debug)]
pub struct Effective {
    /// The values.
    pub config: Config,
    /// The file that was read, if any.
    pub file: Option<PathBuf>,
    /// Where each key that is not at its default was set.
    origins: BTreeMap<String, Origin>,
    /// The secrets that are set.
    secrets: BTreeMap<&'static str, Secret>,
}

impl Effective {
    /// Reads every layer.
    ///
    /// # Errors
    /// Everything that is wrong in any of them.
    pub fn load(sources: &Sources) -> Result<Self, Failures> {
        let mut reader = Reader::new();
        if let Some(path) = &sources.file {
            reader.file(path);
        }
        reader.env(&sources.env);
        for flag in &sources.flags {
            reader.flag(flag);
        }
        reader.finish(sources.file.clone())
    }

    /// Where the value of `key` came from.
    #[must_use]
    pub fn origin(&self, key: &str) -> &Origin {
        self.origins.get(key).unwrap_or(&Origin::Default)
    }

    /// A secret by the name of its variable, if it is set.
    #[must_use]
    pub fn secret(&self, name: &str) -> Option<&Secret> {
        self.secrets.get(name)
    }
}

/// The key that names files below the one it stands in.
const INCLUDE: &str = "include";

/// The layers read so far.
struct Reader {
    config: Config,
    /// Every key, with its default.
    known: BTreeMap<String, Value>,
    origins: BTreeMap<String, Origin>,
    secrets: BTreeMap<&'static str, Secret>,
    failures: Vec<Failure>,
}

impl Reader {
    fn new() -> Self {
        let config = Config::default();
        Self {
            known: config.values().into_iter().collect(),
            config,
            origins: BTreeMap::new(),
            secrets: BTreeMap::new(),
            failures: Vec::new(),
        }
    }

    /// A file, on top of what it includes.
    fn file(&mut self, path: &Path) {
        let entries = self.entries(path);
        let names = |entry: &&(Entry, usize)| entry.0.key == INCLUDE;
        for (entry, _) in entries.iter().filter(names) {
            let Ok(Value::Array(files)) = &entry.value else {
                continue;
            };
            for file in files.iter().filter_map(Value::as_str) {
                self.included(&path.parent().unwrap_or(Path::new("")).join(file));
            }
        }
        for (entry, line) in entries {
            let path = path.to_owned();
            self.entry(entry, Origin::File { path, line });
        }
    }

    fn included(&mut self, path: &Path) {
        let known = self.failures.len();
        for (entry, line) in self.entries(path) {
            let path = path.to_owned();
            let origin = Origin::File { path, line };
            if entry.key == INCLUDE {
                let cause = "an included file cannot include others";
                let next = "name them in the file that includes this one";
                let failure = Failure::new(Code::CONFIG_VALUE, cause, next);
                self.failures.push(failure.at(origin.place()));
            } else {
                self.entry(entry, origin);
            }
        }
        for failure in &mut self.failures[known..] {
            if failure.code == Code::CONFIG_UNREADABLE {
                "name a file that exists and may be read, or take it out of `include`"
                    .clone_into(&mut failure.next);
            }
        }
    }

    /// The entries of a file with their lines, in the order of the file, so that errors are too.
    /// What is wrong with the file as a whole is noted.
    fn entries(&mut self, path: &Path) -> Vec<(Entry, usize)> {
        let text = match read(path) {
            Ok(text) => text,
            Err(failure) => {
                self.failures.push(failure);
                return Vec::new();
            }
        };
        let next = "mend this line; `undertow config show` prints a valid example";
        let table = match toml(path, &text, next) {
            Ok(table) => table,
            Err(failure) => {
                self.failures.push(failure);
                return Vec::new();
            }
        };
        let mut entries = Vec::new();
        self.walk("", table.get_ref(), &mut entries);
        entries.sort_by_key(|entry| entry.offset);
        let with_line = |entry: Entry| {
            let line = line_at(&text, entry.offset);
            (entry, line)
        };
        entries.into_iter().map(with_line).collect()
    }

    /// Collects the entries of a table: values of keys, and whatever is not one.
    fn walk(&self, prefix: &str, table: &DeTable<'_>, out: &mut Vec<Entry>) {
        for (name, value) in table {
            let key = match prefix {
                "" => name.get_ref().to_string(),
                _ => format!("{prefix}.{}", name.get_ref()),
            };
            match value.get_ref() {
                DeValue::Table(section)
                    if !self.known.contains_key(&key)
                        && (self.is_section(&key) || !section.is_empty()) =>
                {
                    self.walk(&key, section, out);
                }
                value => out.push(Entry {
                    key,
                    offset: name.span().start,
                    value: json(value),
                }),
            }
        }
    }

    fn entry(&mut self, entry: Entry, origin: Origin) {
        if !self.known.contains_key(&entry.key) {
            let failure = if self.is_section(&entry.key) {
                Failure::new(
                    Code::CONFIG_VALUE,
                    format!("\"{}\" is a section, not a value", entry.key),
                    format!("write [{}] on a line of its own, its keys below", entry.key),
                )
            } else {
                unknown_key(&entry.key, &self.known)
            };
            return self.failures.push(failure.at(origin.place()));
        }
        self.set(&entry.key, entry.value, origin);
    }

    fn env(&mut self, env: &[(String, String)]) {
        let names: BTreeMap<String, String> = self
            .known
            .keys()
            .map(|key| (env_name(key), key.clone()))
            .collect();
        let mut env: Vec<&(String, String)> = env.iter().collect();
        env.sort();
        for (name, text) in env {
            if let Some(secret) = Sources::SECRETS.iter().find(|secret| *secret == name) {
                if !text.is_empty() {
                    self.secrets.insert(secret, Secret::new(text.clone()));
                }
            } else if let Some(key) = names.get(name) {
                let value = self.value_of_text(key, text);
                self.set(key, Ok(value), Origin::Env { name: name.clone() });
            } else if let Some(meant) = misspelt_env(name, names.keys()) {
                self.failures.push(
                    Failure::new(
                        Code::CONFIG_UNKNOWN_KEY,
                        "no key has this variable",
                        format!("did you mean {meant}? unset it otherwise"),
                    )
                    .at(name.clone()),
                );
            }
        }
    }

    fn flag(&mut self, flag: &FlagValue) {
        let origin = Origin::Flag {
            flag: flag.flag.clone(),
        };
        let value = self.value_of_text(&flag.key, &flag.value);
        let entry = Entry {
            key: flag.key.clone(),
            offset: 0,
            value: Ok(value),
        };
        self.entry(entry, origin);
    }

    /// A value written outside TOML: what the key's default is made of says how it is meant.
    fn value_of_text(&self, key: &str, text: &str) -> Value {
        let as_toml = |text: &str| {
            DeValue::parse(text)
                .ok()
                .and_then(|value| json(value.get_ref()).ok())
        };
        let parsed = match self.known.get(key) {
            Some(Value::String(_)) | None => None,
            Some(Value::Array(_)) if !text.starts_with('[') => as_toml(&format!("[{text}]")),
            Some(_) => as_toml(text),
        };
        parsed.unwrap_or_else(|| Value::String(text.to_owned()))
    }

    fn set(&mut self, key: &str, value: Result<Value, String>, origin: Origin) {
        if key == INCLUDE && !matches!(origin, Origin::File { .. }) {
            let cause = "only a file can include another";
            let next = "write it into a file and name that with --config";
            let failure = Failure::new(Code::CONFIG_VALUE, cause, next);
            return self.failures.push(failure.at(origin.place()));
        }
        let set = value.and_then(|value| self.config.set(key, value));
        match set {
            Ok(()) => {
                self.origins.insert(key.to_owned(), origin);
            }
            Err(cause) => self.failures.push(
                Failure::new(
                    Code::CONFIG_VALUE,
                    format!("{key} {cause}"),
                    format!("its default is {}", self.known[key]),
                )
                .at(origin.place()),
            ),
        }
    }

    fn finish(mut self, file: Option<PathBuf>) -> Result<Effective, Failures> {
        for (key, cause, next) in self.config.conflicts() {
            let origin = self.origins.get(key).unwrap_or(&Origin::Default);
            let failure = Failure::new(Code::CONFIG_CONFLICT, format!("{key}: {cause}"), next);
            self.failures.push(failure.at(origin.place()));
        }
        if !self.failures.is_empty() {
            return Err(Failures(self.failures));
        }
        Ok(Effective {
            config: self.config,
            file,
            origins: self.origins,
            secrets: self.secrets,
        })
    }

    fn is_section(&self, key: &str) -> bool {
        let prefix = format!("{key}.");
        self.known.keys().any(|known| known.starts_with(&prefix))
    }
}

/// One entry of the file.
struct Entry {
    key: String,
    /// Bytes before its name.
    offset: usize,
    value: Result<Value, String>,
}

/// A configuration of more bytes than this is none.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Reads a file whole, if it is text of a sane size.
fn read(path: &Path) -> Result<String, Failure> {
    let place = path.display().to_string();
    let unreadable = |cause: String, next: &str| {
        Failure::new(Code::CONFIG_UNREADABLE, cause, next).at(place.clone())
    };
    let exists = "name a file that exists and may be read, or leave --config out";
    // A device or a pipe does not say its size, so the reading itself is bounded.
    let mut bytes = Vec::new();
    let read = File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(format!("cannot be read: {error}"), exists))?;
    if read as u64 > FILE_BYTES_MAX {
        return Err(unreadable(
            format!("has more than the {FILE_BYTES_MAX} bytes of any configuration"),
            "name a configuration file",
        ));
    }
    let syntax = |offset: usize, cause: &str| {
        let line = 1 + bytes[..offset]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        Failure::new(
            Code::CONFIG_SYNTAX,
            cause,
            "save the file as UTF-8 without a BOM",
        )
        .at(format!("{place}:{line}"))
    };
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(syntax(0, "begins with a byte order mark"));
    }
    match String::from_utf8(bytes.clone()) {
        Ok(text) => Ok(text),
        Err(error) => Err(syntax(
            error.utf8_error().valid_up_to(),
            "is not UTF-8 text",
        )),
    }
}

/// A file as TOML.
///
/// # Errors
/// Its first mistake, and no other: what follows it is often the same one, found again.
pub(crate) fn toml<'t>(
    path: &Path,
    text: &'t str,
    next: &str,
) -> Result<Spanned<DeTable<'t>>, Failure> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let place = |error: &toml::de::Error| error.span().map_or(0, |span| span.start);
    let Some(first) = errors.iter().min_by_key(|error| place(error)) else {
        return Ok(table);
    };
    let (line, column) = (line_at(text, place(first)), column_at(text, place(first)));
    let cause = format!("not valid TOML: {}", first.message());
    let place = format!("{}:{line}:{column}", path.display());
    Err(Failure::new(Code::CONFIG_SYNTAX, cause, next).at(place))
}

/// The line of a byte, from 1.
pub(crate) fn line_at(text: &str, offset: usize) -> usize {
    1 + before(text, offset).matches('\n').count()
}

/// The place of a byte in its line, in letters from 1.
fn column_at(text: &str, offset: usize) -> usize {
    let line = before(text, offset).rsplit('\n').next();
    1 + line.map_or(0, |line| line.chars().count())
}

fn before(text: &str, offset: usize) -> &str {
    text.get(..offset).unwrap_or(text)
}

/// The variable that sets `key`.
#[must_use]
pub fn env_name(key: &str) -> String {
    let key = key.to_uppercase().replace('.', "_");
    format!("{}{key}", Sources::ENV_PREFIX)
}

/// A value of TOML as JSON.
fn json(value: &DeValue<'_>) -> Result<Value, String> {
    Ok(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(Value::from)
            .map_err(|_| format!("is too large: {number}"))?,
        DeValue::Float(number) => {
            let number: f64 = number.as_str().replace('_', "").parse().unwrap_or(f64::NAN);
            Value::from(number)
        }
        DeValue::Boolean(flag) => Value::Bool(*flag),
        DeValue::Datetime(moment) => Value::String(moment.to_string()),
        DeValue::Array(items) => items
            .iter()
            .map(|item| json(item.get_ref()))
            .collect::<Result<_, _>>()?,
        DeValue::Table(table) => {
            let entry = |(name, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
                let name: &std::borrow::Cow<'_, str> = name.get_ref();
                Ok::<_, String>((name.to_string(), json(value.get_ref())?))
            };
            Value::Object(table.iter().map(entry).collect::<Result<_, _>>()?)
        }
    })
}

/// A key that does not exist, with the one that may have been meant.
fn unknown_key(key: &str, known: &BTreeMap<String, Value>) -> Failure {
    if let Some((cause, next)) = super::retired(key) {
        return Failure::new(Code::CONFIG_UNKNOWN_KEY, cause, next);
    }
    let list = "`undertow config show` lists every key";
    let upper = key.to_uppercase();
    let secret = Sources::SECRETS.iter().find(|name| upper.ends_with(**name));
    let next = if let Some(name) = secret {
        format!("secrets come from the environment only: remove this line and set {name}")
    } else if let Some(meant) = nearest(key, known.keys()) {
        format!("did you mean \"{meant}\"? {list}")
    } else {
        list.to_owned()
    };
    Failure::new(
        Code::CONFIG_UNKNOWN_KEY,
        format!("unknown key \"{key}\""),
        next,
    )
}

/// The name that `written` is most likely meant to be: the nearest by slips of the hand, or the
/// one that ends the same and lies in another section.
fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a String> + Clone) -> Option<&'a str> {
    let last = |name: &'a str| name.rsplit('.').next().unwrap_or(name);
    let written_last = written.rsplit('.').next().unwrap_or(written);
    let slips = |name: &&'a String| strsim::damerau_levenshtein(written, name);
    let near = names.clone().min_by_key(slips);
    near.filter(|name| slips(name) <= 1 + written.len() / 4)
        .or_else(|| names.clone().find(|name| last(name) == written_last))
        .or_else(|| {
            let slips = |name: &&'a String| strsim::damerau_levenshtein(written_last, last(name));
            let near = names.min_by_key(slips);
            near.filter(|name| slips(name) <= 1 + written_last.len() / 4)
        })
        .map(String::as_str)
}

/// The variable that one of our prefix but of no key is likely to be meant for. Others of our
/// prefix are left alone, for tests and wrappers have theirs.
fn misspelt_env<'a>(written: &str, names: impl Iterator<Item = &'a String>) -> Option<&'a str> {
    if !written.starts_with(Sources::ENV_PREFIX) || written == Sources::FILE_ENV {
        return None;
    }
    let slips = |name: &&'a String| strsim::damerau_levenshtein(written, name);
    let near = names.min_by_key(slips)?;
    (slips(&near) <= 2).then_some(near.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// Loads a file of this text and nothing else.
    fn load(text: &[u8]) -> Result<Effective, Failures> {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(text).expect("written");
        Effective::load(&Sources {
            file: Some(file.path().to_owned()),
            ..Sources::default()
        })
    }

    /// The only failure of a file: its line, its code, its text.
    fn refused(text: &[u8]) -> (String, &'static str, String) {
        let failures = load(text).expect_err("an invalid file").0;
        assert_eq!(failures.len(), 1, "{failures:?}");
        let failure = &failures[0];
        // A temporary file has no colon in its name.
        let line = failure.place.split(':').nth(1).unwrap_or("").to_owned();
        let told = format!("{}; {}", failure.cause, failure.next);
        (line, failure.code.name, told)
    }

    #[test]
    fn later_layers_win_and_the_origin_is_known() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(b"# mine\nlayout = \"split\"\nidle = \"spin\"\n\n[book]\norders_max = 7\n")
            .expect("written");
        let effective = Effective::load(&Sources {
            file: Some(file.path().to_owned()),
            env: vec![
                ("UNDERTOW_LAYOUT".into(), "fused".into()),
                ("UNDERTOW_CORES".into(), "2,3".into()),
                ("UNDERTOW_REPORT_DIR".into(), "2024".into()),
                ("PATH".into(), "/bin".into()),
            ],
            flags: vec![FlagValue {
                key: "layout".into(),
                value: "dedicated".into(),
                flag: "--layout".into(),
            }],
        })
        .expect("valid");
        let origin = |key| effective.origin(key).to_string();
        let place = |line: usize| format!("file {}:{line}", file.path().display());
        assert_eq!(origin("layout"), "flag --layout");
        assert_eq!(origin("cores"), "env UNDERTOW_CORES");
        assert_eq!(origin("idle"), place(3));
        assert_eq!(origin("book.orders_max"), place(6));
        assert_eq!(origin("book.pages_max"), "default");
        assert_eq!(effective.config.cores, [2, 3]);
        assert_eq!(effective.config.book.orders_max.get(), 7);
        // A number where text is due stays text.
        assert_eq!(effective.config.report.dir, "2024");
    }

    #[test]
    fn k16_retired_keys_are_refused_for_ever_and_never_given_to_anything_else() {
        let (at, code, told) = refused(b"\n[book]\nlevels_max = 9\n");
        assert_eq!((at.as_str(), code), ("3", "E-CONF-003"), "{told}");
        assert!(told.contains("`book.levels_max` is retired"), "{told}");
        assert!(told.contains("book.pages_max"), "{told}");
        for (key, _) in crate::config::RETIRED {
            let known = crate::config::Config::default().values();
            assert!(
                known.iter().all(|(other, _)| other != key),
                "{key} is in use again"
            );
        }
    }

    #[test]
    fn z10_unknown_key_is_refused_with_line_and_nearest_name() {
        let cases: [(&[u8], &str, &str); 5] = [
            (b"\nlayuot = \"fused\"\n", "2", "did you mean \"layout\"?"),
            (
                b"[book]\n\nordres_max = 5\n",
                "3",
                "did you mean \"book.orders_max\"?",
            ),
            (
                b"[bok]\norders_max = 5\n",
                "2",
                "did you mean \"book.orders_max\"?",
            ),
            (
                b"orders_max = 5\n",
                "1",
                "did you mean \"book.orders_max\"?",
            ),
            (
                b"[replay]\nlatency.sample_every = 4\n",
                "2",
                "\"latency.sample_every\"?",
            ),
        ];
        for (text, line, meant) in cases {
            let (at, code, told) = refused(text);
            assert_eq!((at.as_str(), code), (line, "E-CONF-003"), "{told}");
            assert!(told.contains(meant), "{told}");
        }
        let (_, _, told) = refused(b"[weather]\n");
        assert!(!told.contains("did you mean"), "{told}");
    }

    #[test]
    fn z10_duplicate_key_is_refused_with_its_line() {
        for text in [
            &b"layout = \"fused\"\nlayout = \"split\"\n"[..],
            &b"[book]\norders_max = 1\n[book]\npages_max = 1\n"[..],
        ] {
            let (line, code, told) = refused(text);
            assert!(told.contains("duplicate key"), "{told}");
            assert_eq!(code, "E-CONF-002");
            assert_ne!(line, "1");
        }
    }

    #[test]
    fn z10_what_is_no_toml_is_told_once_with_line_and_column() {
        for (text, place) in [
            ("layout = \"fused\"\n\n  layout fused\n", ":3:10"),
            ("layout = \"fused\nidle = \"spin\"\n[book\n", ":1:16"),
            ("gr\u{fc}n = 3\n", ":1:3"),
        ] {
            let failures = load(text.as_bytes()).expect_err("no TOML").0;
            let [failure] = &failures[..] else {
                panic!("told {} times: {failures:?}", failures.len());
            };
            assert_eq!(failure.code, Code::CONFIG_SYNTAX);
            assert!(failure.place.ends_with(place), "{failure}");
            assert!(failure.cause.starts_with("not valid TOML: "), "{failure}");
        }
    }

    #[test]
    fn z10_bom_and_bytes_that_are_no_text_are_refused_with_place() {
        let (line, code, told) = refused(b"\xEF\xBB\xBFlayout = \"fused\"\n");
        assert_eq!((line.as_str(), code), ("1", "E-CONF-002"));
        assert!(told.contains("byte order mark"), "{told}");
        let (line, _, told) = refused(b"layout = \"fused\"\nidle = \"\xFF\"\n");
        assert_eq!(line, "2");
        assert!(told.contains("not UTF-8"), "{told}");
    }

    #[test]
    fn z10_nesting_bomb_and_giant_file_are_refused() {
        let nested = format!("cores = {}1{}\n", "[".repeat(10_000), "]".repeat(10_000));
        let failures = load(nested.as_bytes()).expect_err("too deep").0;
        assert!(
            failures.iter().all(|f| f.code == Code::CONFIG_SYNTAX),
            "{failures:?}"
        );
        let giant = vec![b'#'; usize::try_from(FILE_BYTES_MAX).expect("fits") + 1];
        let failures = load(&giant).expect_err("too large").0;
        assert_eq!(failures[0].code, Code::CONFIG_UNREADABLE);
        // A file without an end, too.
        let endless = Effective::load(&Sources {
            file: Some("/dev/zero".into()),
            ..Sources::default()
        });
        let failures = endless.expect_err("no configuration").0;
        assert_eq!(failures[0].code, Code::CONFIG_UNREADABLE);
    }

    #[test]
    fn z10_no_damage_to_a_file_is_a_panic() {
        let whole = super::super::DEFAULT_TOML.replace("# ", "").into_bytes();
        let clean = super::super::DEFAULT_TOML.as_bytes();
        // A multiplicative congruential generator is enough to choose where to damage.
        let mut state = 1_u64;
        let mut next = |below: usize| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            usize::try_from(state >> 33).expect("fits") % below
        };
        let mut refused = 0;
        for round in 0..2_000 {
            let mut text = if round % 2 == 0 {
                clean.to_vec()
            } else {
                whole.clone()
            };
            for _ in 0..=next(4) {
                let at = next(text.len());
                match next(3) {
                    0 => text[at] = u8::try_from(next(256)).expect("a byte"),
                    1 => text.truncate(at + 1),
                    _ => text.extend_from_within(at..),
                }
            }
            if let Err(failures) = load(&text) {
                assert!(failures.0.iter().all(|failure| failure.place.contains(':')));
                refused += 1;
            }
        }
        assert!(refused > 1_000, "{refused}");
    }

    #[test]
    fn z10_include_is_a_list_of_files_that_are_there() {
        let (_, code, _) = refused(b"include = \"other.toml\"\n");
        assert_eq!(code, "E-CONF-004");
        let (_, code, _) = refused(b"include = [\"there-is-no-such.toml\"]\n");
        assert_eq!(code, "E-CONF-001");
    }

    #[test]
    fn bad_value_says_what_is_accepted_and_where() {
        let cases: [(&[u8], &str); 9] = [
            (b"layout = \"fussed\"", "expected one of `auto`, `fused`"),
            (
                b"link_depth = 100",
                "power of two from 64 to 1048576, is 100",
            ),
            (b"batch_max = \"many\"", "must be a whole number"),
            (b"cores = 1", "expected a sequence"),
            (b"cores = [-1]", "invalid value: integer `-1`"),
            (b"replay.pace = \"fast\"", "\"1x\" or \"8x\""),
            (
                b"latency.duty_cycle_threshold_ns = \"50 parsecs\"",
                "like \"50us\"",
            ),
            (b"book = 5", "is a section"),
            (b"batch_max = 99999999999999999999", "is too large"),
        ];
        for (text, said) in cases {
            let (line, code, told) = refused(text);
            assert_eq!((line.as_str(), code), ("1", "E-CONF-004"), "{told}");
            assert!(told.contains(said), "{told}");
        }
    }

    #[test]
    fn everything_wrong_is_found_in_one_pass() {
        let failures = load(b"layuot = 1\nlink_depth = 3\n[book]\norders_max = 0\n")
            .expect_err("invalid")
            .0;
        let codes: Vec<&str> = failures.iter().map(|failure| failure.code.name).collect();
        assert_eq!(codes, ["E-CONF-003", "E-CONF-004", "E-CONF-004"]);
    }

    #[test]
    fn conflict_is_blamed_on_the_line_that_made_it() {
        let (line, code, told) = refused(b"link_depth = 64\n\nbatch_max = 128\n");
        assert_eq!((line.as_str(), code), ("3", "E-CONF-005"));
        assert!(told.contains("lower batch_max"), "{told}");
    }

    #[test]
    fn misspelt_variable_is_refused_and_a_foreign_one_is_left_alone() {
        let load = |name: &str| {
            Effective::load(&Sources {
                env: vec![(name.into(), "x-CANARY".into())],
                ..Sources::default()
            })
        };
        assert!(load("UNDERTOW_DATA").is_ok());
        assert!(load("UNDERTOW_CONFIG").is_ok());
        let told = load("UNDERTOW_LAYOT").expect_err("misspelt").to_string();
        assert!(told.contains("did you mean UNDERTOW_LAYOUT?"), "{told}");
        assert!(!told.contains("CANARY"), "{told}");
    }

    #[test]
    fn no_two_keys_share_a_variable() {
        let keys = Config::default().values();
        let names: std::collections::BTreeSet<String> =
            keys.iter().map(|(key, _)| env_name(key)).collect();
        assert_eq!(names.len(), keys.len());
    }

    #[test]
    fn z01_no_error_repeats_what_may_be_a_secret() {
        for text in [
            "databento_api_key = \"db-CANARY\"\n",
            "DATABENTO_API_KEY = \"db-CANARY\"\n",
            "DATABENTO_API_KEY=db-CANARY\n",
            "token = \"db-CANARY\nlayout = \"fused\"\n",
            "password = \"db-CANARY\"\n",
        ] {
            let told = load(text.as_bytes()).expect_err("invalid").to_string();
            assert!(!told.contains("CANARY"), "{told}");
        }
        let (_, _, told) = refused(b"[feeds]\ndatabento_api_key = \"db-CANARY\"\n");
        assert!(told.contains("set DATABENTO_API_KEY"), "{told}");
    }
}
