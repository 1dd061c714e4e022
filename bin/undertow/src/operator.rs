//! What an operator and a run say to each other over the run's socket: one JSON document in a line
//! each way.
//!
//! The socket is a file of the run's own host, readable and writable by its owner alone; nothing
//! listens on a network. An order is answered once the chain has said that it heard it: as long as
//! the journal can be written it stands there then. No answer is not a refusal: what became of the
//! order is unknown.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use undertow_cold::standing::Standing;

use crate::config::Config;

/// The socket's name in the directory of reports, unless the configuration names one.
const NAME: &str = "operator.sock";

/// The longest line either side reads, bytes.
const LINE_MAX: u64 = 1 << 20;

/// So long the operator waits for an answer; the run gives up sooner.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// What is asked of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// How it stands; changes nothing.
    Status,
    /// Nothing new is opened.
    Halt,
    /// The gate is opened again.
    Resume {
        /// Why.
        reason: String,
    },
    /// What tripped a breaker is taken on.
    Clear {
        /// Its name.
        breaker: String,
        /// Why.
        reason: String,
    },
    /// Every live order is cancelled.
    CancelAll,
    /// The position of a signal is closed.
    Close {
        /// Its 16 hex digits.
        signal: String,
    },
    /// Halts and closes every position.
    Flatten,
    /// Shuts the gate and cancels every live order.
    Kill,
    /// A strategy emits no more signals.
    Disable {
        /// Its name.
        strategy: String,
        /// On this product; on all if none is named.
        product: Option<String>,
    },
    /// It emits them again.
    Enable {
        /// Its name.
        strategy: String,
        /// On this product; on all if none is named.
        product: Option<String>,
    },
    /// A limit is made tighter: `NAME=VALUE`.
    Tighten {
        /// Which, and to what, as a profile writes it.
        limit: String,
    },
}

/// What a run answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// It was heard, and this is how the run stands.
    Heard(Box<Heard>),
    /// It was refused, and nothing has changed.
    Refused {
        /// Why.
        cause: String,
        /// What to do.
        next: String,
    },
    /// It was handed over, and the chain has not said that it heard it.
    Unheard,
}

/// A run's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// What runs: `backtest FILE`.
    pub run: String,
    /// By which profile.
    pub profile: String,
    /// How it stands.
    pub standing: Standing,
    /// Why a limit was refused, if it was.
    pub limit_refused: Option<String>,
}

/// Where a run listens.
#[must_use]
pub fn socket(config: &Config) -> PathBuf {
    if config.trade.socket.is_empty() {
        Path::new(&config.report.dir).join(NAME)
    } else {
        PathBuf::from(&config.trade.socket)
    }
}

/// Why a run could not be asked.
#[derive(Debug)]
pub enum Silence {
    /// Nobody listens.
    Nobody,
    /// Somebody does, and this went wrong; whether the order was heard is not known.
    Broken(io::Error),
}

/// Asks the run that listens at `path`, and says how long its answer took.
///
/// # Errors
/// Nobody listens, or no answer came.
pub fn ask(path: &Path, request: &Request) -> Result<(Reply, Duration), Silence> {
    let started = Instant::now();
    let mut stream = connect(path)?;
    let broken = Silence::Broken;
    stream.set_read_timeout(Some(ANSWER_MAX)).map_err(broken)?;
    stream.set_write_timeout(Some(ANSWER_MAX)).map_err(broken)?;
    write(&mut stream, request).map_err(broken)?;
    let reply = read(&mut stream).map_err(broken)?;
    Ok((reply, started.elapsed()))
}

fn connect(path: &Path) -> Result<UnixStream, Silence> {
    UnixStream::connect(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Silence::Nobody,
        _ => Silence::Broken(error),
    })
}

/// Writes one document, as a line.
///
/// # Errors
/// The other side is gone.
pub fn write(stream: &mut UnixStream, document: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(document)?;
    line.push(b'\n');
    stream.write_all(&line)
}

/// Reads one document.
///
/// # Errors
/// The other side is gone, says nothing in time, or nothing that is understood.
pub fn read<T: for<'de> Deserialize<'de>>(stream: &mut UnixStream) -> io::Result<T> {
    let mut line = Vec::new();
    let mut reader = BufReader::new(stream.take(LINE_MAX));
    reader.read_until(b'\n', &mut line)?;
    if line.last() != Some(&b'\n') {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    serde_json::from_slice(&line).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}
