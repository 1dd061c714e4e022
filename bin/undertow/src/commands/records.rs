//! Files of records, as a command reads them on its own thread: opened, merged, waited for, and
//! judged at the end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use undertow_core::event::{Mbo, Msg};
use undertow_core::types::Nanos;
use undertow_feeds::replay::Replay;

use crate::exit::{Code, Exit, Failure, Failures};
use crate::pump::{Blocks, Position};
use crate::session;

/// How long is waited for the thread that decompresses.
const WAIT: Duration = Duration::from_micros(50);

/// Opened files, merged by time of capture.
#[derive(Debug)]
pub(super) struct Records<'a> {
    paths: &'a [PathBuf],
    feed: Replay<Blocks>,
}

impl<'a> Records<'a> {
    /// Opens every file, and reads the headers.
    ///
    /// # Errors
    /// A file cannot be opened.
    pub(super) fn open(paths: &'a [PathBuf]) -> Result<Self, Failure> {
        let blocks = paths.iter().map(|path| Ok(open(path)?.0));
        let blocks = blocks.collect::<Result<Vec<_>, _>>()?;
        let mut feed = Replay::new(blocks);
        while !feed.read_headers() {
            std::thread::sleep(WAIT);
        }
        session::note_told_twice(paths.iter().map(|path| path.display()), &feed);
        Ok(Self { paths, feed })
    }

    /// When the files begin, as their headers say.
    pub(super) fn first_day(&self) -> Nanos {
        session::first_day(&self.feed)
    }

    /// The next record; none at the end, or at the fault that is the end.
    pub(super) fn next(&mut self) -> Option<Msg<Mbo>> {
        loop {
            if let Some(msg) = self.feed.pop() {
                return Some(msg);
            }
            if self.feed.is_ended() {
                return None;
            }
            std::thread::sleep(WAIT);
        }
    }

    /// What the answer comes to. What was found before a fault is told, and the fault is a failure
    /// all the same; nothing found is no answer when not all could be read.
    ///
    /// # Errors
    /// The faults of the files, or why there is no answer.
    pub(super) fn judged<T>(&self, answer: Result<T, Failure>) -> Result<(T, Verdict), Failures> {
        let places = self.paths.iter().map(|path| path.display());
        let faults = session::faults(places, &self.feed);
        match answer {
            Ok(answer) => Ok((answer, Verdict(faults))),
            Err(why) if faults.is_empty() => Err(Failures(vec![why])),
            Err(_) => Err(Failures(faults)),
        }
    }
}

/// How a command ends that has told its answer.
#[derive(Debug)]
#[must_use]
pub(super) struct Verdict(Vec<Failure>);

impl Verdict {
    /// # Errors
    /// Not all of the files could be read.
    pub(super) fn end(self) -> Result<Exit> {
        if self.0.is_empty() {
            Ok(Exit::Ok)
        } else {
            Err(Failures(self.0).into())
        }
    }

    /// Whether all of the files were read.
    pub(super) const fn is_whole(&self) -> bool {
        self.0.is_empty()
    }
}

/// Opens a file of records.
///
/// # Errors
/// It cannot be opened or read.
pub(super) fn open(path: &Path) -> Result<(Blocks, Position), Failure> {
    Blocks::open(path).map_err(|error| {
        let next = "check the path and that the file may be read";
        Failure::new(Code::FEED_UNREADABLE, format!("{error:#}"), next)
    })
}
