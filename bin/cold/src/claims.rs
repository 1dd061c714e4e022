//! S9 between processes: one store of claims that all workers of a machine share, in SQLite.
//!
//! A claim is one immediate transaction: every test and both writes, or nothing. It is on the disk
//! before it is answered, so neither a crash nor a power failure can lead to a second emission.
//! Time is passed in. A store that cannot answer says so, and then nobody emits.
//!
//! A store belongs to one [`Program`] (K15): another build or configuration is refused when it opens
//! the store, and one that was taken over from is refused at its next claim.

use std::fmt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use undertow_core::types::Nanos;
use undertow_strategies::decide::claim::{Claim, ClaimStore, Request, Token};
use undertow_strategies::decide::identity::{Fingerprint, SignalId};

use crate::provenance::{Program, ProgramId};

/// Marks a file as ours: "UTcl".
const APPLICATION_ID: i32 = 0x5554_636C;

/// The layout of the tables.
const LAYOUT: i32 = 2;

const TABLES: &str = "
    CREATE TABLE emitted (
        id BLOB PRIMARY KEY, worker INTEGER NOT NULL, attempt INTEGER NOT NULL,
        until INTEGER NOT NULL
    ) WITHOUT ROWID, STRICT;
    CREATE TABLE cooling (
        fingerprint BLOB PRIMARY KEY, until INTEGER NOT NULL
    ) WITHOUT ROWID, STRICT;
    CREATE TABLE program (
        one INTEGER PRIMARY KEY CHECK (one = 1), build TEXT NOT NULL, config INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX emitted_until ON emitted (until);
    CREATE INDEX cooling_until ON cooling (until);
";

/// Between two tries for the writers' lock. The same for all at all times: SQLite's own waiting
/// tries less and less often, so that under load who has waited long waits for ever.
const BUSY_STEP: Duration = Duration::from_micros(500);

/// Tries before giving up, which are ten seconds or more.
const BUSY_TRIES: i32 = 20_000;

/// Ended claims stay for an hour, for a worker whose events come later than another's.
const GRACE_NS: u64 = 3_600_000_000_000;

/// Ended claims are looked for once in so many that are won.
const WINS_PER_PURGE: u32 = 1_024;

/// The shared store.
#[derive(Debug)]
pub struct SharedClaims {
    connection: Connection,
    path: PathBuf,
    /// Whose claims it takes here.
    program: Program,
    wins: u32,
}

/// Why the store does not answer.
#[derive(Debug)]
pub struct ClaimsError {
    path: PathBuf,
    doing: &'static str,
    cause: Cause,
}

#[derive(Debug)]
enum Cause {
    Database(rusqlite::Error),
    NotOurs { application_id: i32, layout: i32 },
    NoWriteAheadLog { mode: String },
    Foreign { theirs: Program, ours: Program },
}

impl From<rusqlite::Error> for Cause {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl SharedClaims {
    /// Opens the store for `program`, and makes it if the file is not there. One of the program
    /// that is named in `succeeds` is taken over: whoever has it open as that one is refused then.
    ///
    /// # Errors
    /// The file cannot be opened, is of something else or of another program, or lies where
    /// SQLite's write-ahead log does not work, such as a network share.
    pub fn open(
        path: &Path,
        program: &Program,
        succeeds: Option<ProgramId>,
    ) -> Result<Self, ClaimsError> {
        let fail = |doing, cause| ClaimsError {
            path: path.to_owned(),
            doing,
            cause,
        };
        let database = |doing| move |error| fail(doing, Cause::Database(error));
        let mut connection = Connection::open(path).map_err(database("open"))?;
        connection
            .busy_handler(Some(wait_for_writer))
            .map_err(database("set the busy handler of"))?;
        let mode: String = connection
            .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
            .map_err(database("set the journal mode of"))?;
        if mode != "wal" {
            return Err(fail("open", Cause::NoWriteAheadLog { mode }));
        }
        connection
            .pragma_update(None, "synchronous", "FULL")
            .map_err(database("set the durability of"))?;
        let (application_id, layout) =
            prepare(&mut connection).map_err(database("prepare the tables of"))?;
        if (application_id, layout) != (APPLICATION_ID, LAYOUT) {
            let cause = Cause::NotOurs {
                application_id,
                layout,
            };
            return Err(fail("open", cause));
        }
        own(&mut connection, program, succeeds).map_err(|cause| fail("open", cause))?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            program: program.clone(),
            wins: 0,
        })
    }

    fn decide(&mut self, request: &Request, now: Nanos) -> Result<Claim, Cause> {
        // A claim that is taken stays so until it ends, so that the losers, who are nearly all,
        // need not wait for the writers' lock. Both tests must see one state of the store.
        let reading = self.connection.transaction()?;
        check_owner(&reading, &self.program)?;
        if let Some(taken) = test(&reading, request, now)? {
            return Ok(taken);
        }
        reading.finish()?;
        let behavior = TransactionBehavior::Immediate;
        let transaction = self.connection.transaction_with_behavior(behavior)?;
        check_owner(&transaction, &self.program)?;
        if let Some(taken) = test(&transaction, request, now)? {
            return Ok(taken);
        }
        take(&transaction, request, now)?;
        if self.wins.is_multiple_of(WINS_PER_PURGE) {
            purge(&transaction, now)?;
        }
        transaction.commit()?;
        self.wins = self.wins.wrapping_add(1);
        Ok(Claim::Won)
    }
}

impl ClaimStore for SharedClaims {
    type Error = ClaimsError;

    fn claim(&mut self, request: &Request, now: Nanos) -> Result<Claim, ClaimsError> {
        self.decide(request, now).map_err(|cause| ClaimsError {
            path: self.path.clone(),
            doing: "claim in",
            cause,
        })
    }
}

impl ClaimsError {
    /// The program that the store belongs to, if that is what is wrong.
    #[must_use]
    pub const fn owner(&self) -> Option<&Program> {
        match &self.cause {
            Cause::Foreign { theirs, .. } => Some(theirs),
            _ => None,
        }
    }
}

impl fmt::Display for ClaimsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        write!(f, "cannot {} the claim store {path}: ", self.doing)?;
        match &self.cause {
            Cause::Database(error) => {
                write!(f, "{error}; check that the disk is writable and not full")
            }
            Cause::NotOurs {
                application_id,
                layout,
            } => write!(
                f,
                "it is of application {application_id:#x}, layout {layout}, not \
                 {APPLICATION_ID:#x}, layout {LAYOUT}; name another file"
            ),
            Cause::NoWriteAheadLog { mode } => write!(
                f,
                "its journal mode is {mode}, not wal; put it on a local disk"
            ),
            Cause::Foreign { theirs, ours } => {
                write!(f, "it belongs to {theirs}, and this is {ours}")
            }
        }
    }
}

impl std::error::Error for ClaimsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.cause {
            Cause::Database(error) => Some(error),
            Cause::NotOurs { .. } | Cause::NoWriteAheadLog { .. } | Cause::Foreign { .. } => None,
        }
    }
}

/// Waits a little for another process's transaction, and says whether to try again.
fn wait_for_writer(tries: i32) -> bool {
    thread::sleep(BUSY_STEP);
    tries < BUSY_TRIES
}

/// Makes the tables in an empty file, and says whose file it is.
fn prepare(connection: &mut Connection) -> rusqlite::Result<(i32, i32)> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let number = |name: &str| transaction.pragma_query_value(None, name, |row| row.get(0));
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let found: (i32, i32) = (number("application_id")?, number("user_version")?);
    if tables > 0 || found != (0, 0) {
        return Ok(found);
    }
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", LAYOUT)?;
    transaction.commit()?;
    Ok((APPLICATION_ID, LAYOUT))
}

/// Whose store it is; nobody's when it was just made.
fn owner(connection: &Connection) -> rusqlite::Result<Option<Program>> {
    connection
        .prepare_cached("SELECT build, config FROM program")?
        .query_row([], |row| {
            Ok(Program {
                build: row.get(0)?,
                config: row.get::<_, i64>(1)?.cast_unsigned(),
            })
        })
        .optional()
}

/// The store is still the program's own, or the claim may not be decided.
fn check_owner(connection: &Connection, program: &Program) -> Result<(), Cause> {
    match owner(connection)? {
        Some(theirs) if theirs != *program => Err(Cause::Foreign {
            theirs,
            ours: program.clone(),
        }),
        _ => Ok(()),
    }
}

/// Makes a store that is nobody's, or `succeeds`'s, the program's own.
fn own(
    connection: &mut Connection,
    program: &Program,
    succeeds: Option<ProgramId>,
) -> Result<(), Cause> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let theirs = owner(&transaction)?;
    if theirs.is_some_and(|theirs| Some(theirs.id()) != succeeds) {
        return check_owner(&transaction, program);
    }
    transaction.execute(
        "INSERT OR REPLACE INTO program VALUES (1, ?, ?)",
        params![program.build, program.config.cast_signed()],
    )?;
    transaction.commit()?;
    Ok(())
}

/// Every test, in the order of S9: the id first, then the cooldown.
fn test(connection: &Connection, request: &Request, now: Nanos) -> rusqlite::Result<Option<Claim>> {
    let Fingerprint(fingerprint) = request.identity.fingerprint;
    let SignalId(id) = request.identity.id;
    let holder = connection
        .prepare_cached("SELECT worker, attempt FROM emitted WHERE id = ? AND until > ?")?
        .query_row(params![id, time(now.0)], |row| {
            Ok(Token {
                worker: row.get::<_, i64>(0)?.cast_unsigned(),
                attempt: row.get::<_, i64>(1)?.cast_unsigned(),
            })
        })
        .optional()?;
    if let Some(holder) = holder {
        let is_own = holder == request.token;
        return Ok(Some(if is_own {
            Claim::WonBefore
        } else {
            Claim::Duplicate
        }));
    }
    let is_cooling = connection
        .prepare_cached("SELECT 1 FROM cooling WHERE fingerprint = ? AND until > ?")?
        .exists(params![fingerprint, time(now.0)])?;
    Ok(is_cooling.then_some(Claim::Cooldown))
}

fn take(transaction: &Transaction, request: &Request, now: Nanos) -> rusqlite::Result<()> {
    let Fingerprint(fingerprint) = request.identity.fingerprint;
    let SignalId(id) = request.identity.id;
    let Token { worker, attempt } = request.token;
    let until = |span: u64| time(now.0.saturating_add(span));
    transaction
        .prepare_cached("INSERT OR REPLACE INTO emitted VALUES (?, ?, ?, ?)")?
        .execute(params![
            id,
            worker.cast_signed(),
            attempt.cast_signed(),
            until(request.ttl_ns),
        ])?;
    transaction
        .prepare_cached("INSERT OR REPLACE INTO cooling VALUES (?, ?)")?
        .execute(params![fingerprint, until(request.cooldown_ns)])?;
    Ok(())
}

fn purge(transaction: &Transaction, now: Nanos) -> rusqlite::Result<()> {
    let before = time(now.0.saturating_sub(GRACE_NS));
    transaction.execute("DELETE FROM emitted WHERE until <= ?", [before])?;
    transaction.execute("DELETE FROM cooling WHERE until <= ?", [before])?;
    Ok(())
}

/// Nanoseconds as SQLite's integer, which ends in the year 2262.
fn time(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX)
}
