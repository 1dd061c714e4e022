//! Files that are there whole or not at all.
//!
//! Bytes go into a file beside, under the name with `.part` behind it, which takes the name once
//! all of them are in it. Who fails leaves what was there before. What is no plain file (a pipe, a
//! device, `/dev/stdout`) is written as it is.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::exit::{Code, Failure};

/// A file on its way.
#[derive(Debug)]
pub struct Outfile {
    path: PathBuf,
    /// Where its bytes are until they are whole; the file itself if it is no plain one.
    part: Option<PathBuf>,
    file: BufWriter<File>,
}

impl Outfile {
    /// Begins a file.
    ///
    /// # Errors
    /// Nothing can be written there.
    pub fn create(path: &Path) -> Result<Self, Failure> {
        let begin = || -> io::Result<Self> {
            // A link leads to the file that is meant.
            let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            let is_special = fs::metadata(&path).is_ok_and(|it| !it.is_file());
            let mut part = path.clone().into_os_string();
            part.push(".part");
            let part = (!is_special).then(|| PathBuf::from(part));
            let file = File::create(part.as_ref().unwrap_or(&path))?;
            let file = BufWriter::with_capacity(1 << 20, file);
            Ok(Self { path, part, file })
        };
        begin().map_err(|error| unwritable("cannot write", path, &error))
    }

    /// Ends it: from here on it is there.
    ///
    /// # Errors
    /// The rest cannot be written; then nothing is there.
    pub fn finish(mut self) -> Result<(), Failure> {
        let ended = self.file.flush().and_then(|()| match &self.part {
            Some(part) => fs::rename(part, &self.path),
            None => Ok(()),
        });
        ended.map_err(|error| self.failure(&error))?;
        self.part = None;
        Ok(())
    }

    /// What a failed write comes to.
    #[must_use]
    pub fn failure(&self, error: &io::Error) -> Failure {
        unwritable("cannot write", &self.path, error)
    }
}

impl Write for Outfile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Outfile {
    fn drop(&mut self) {
        if let Some(part) = &self.part {
            // Nobody could do more about it than remove it by hand.
            let _ = fs::remove_file(part);
        }
    }
}

/// Writes a whole file.
///
/// # Errors
/// It cannot be written; then what was there before is.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
    let mut file = Outfile::create(path)?;
    let written = file.write_all(bytes.as_ref());
    written.map_err(|error| file.failure(&error))?;
    file.finish()
}

/// Makes a directory, with those above it.
///
/// # Errors
/// It cannot be made.
pub fn directory(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(|error| unwritable("cannot make", path, &error))
}

fn unwritable(what: &str, path: &Path, error: &io::Error) -> Failure {
    let cause = format!("{what} {}: {error}", path.display());
    let next = "name a place in a directory that exists, may be written to and has room";
    Failure::new(Code::OUTPUT_UNWRITABLE, cause, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_appears_when_it_is_whole_and_a_failed_one_leaves_what_was_there() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("page.html");
        let names = || fs::read_dir(dir.path()).expect("listed").count();
        write(&path, "first").expect("written");
        let mut second = Outfile::create(&path).expect("begun");
        second.write_all(b"seco").expect("written");
        let content = || fs::read_to_string(&path).expect("read");
        assert_eq!((content().as_str(), names()), ("first", 2));
        drop(second);
        assert_eq!((content().as_str(), names()), ("first", 1));
        write(&path, "third").expect("written");
        assert_eq!((content().as_str(), names()), ("third", 1));
    }

    #[test]
    fn what_is_no_plain_file_is_written_and_not_replaced() {
        write(Path::new("/dev/null"), "gone").expect("written");
        let is_device = !fs::metadata("/dev/null").expect("there").is_file();
        assert!(is_device);
    }

    #[test]
    fn place_that_cannot_be_written_is_named_with_the_next_step() {
        let error = write(Path::new("/nowhere/page.html"), "").expect_err("no directory");
        assert!(
            error.cause.starts_with("cannot write /nowhere/page.html: "),
            "{error}"
        );
        assert!(error.next.contains("directory that exists"), "{error}");
    }
}
