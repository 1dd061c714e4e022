//! The kernel's files under `/sys` and `/proc`, below a root that a test may move.

use std::path::PathBuf;

/// Where `/sys` and `/proc` are.
pub(super) struct Files {
    root: PathBuf,
}

impl Files {
    /// Those of this machine.
    pub(super) fn of_host() -> Self {
        Self::below("/")
    }

    /// Those below `root`.
    pub(super) fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// A file's text without the white space around it; `None` if it cannot be read.
    pub(super) fn read(&self, path: &str) -> Option<String> {
        let text = std::fs::read_to_string(self.root.join(path)).ok()?;
        Some(text.trim().to_owned())
    }

    /// A file that holds a list of cores; empty if it cannot be read.
    pub(super) fn cores(&self, path: &str) -> Vec<usize> {
        self.read(path).map_or(Vec::new(), |text| core_list(&text))
    }

    /// The field of a file whose lines are `Name: number unit`.
    pub(super) fn field(&self, path: &str, name: &str) -> Option<u64> {
        let text = self.read(path)?;
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = lines.find(|(key, _)| key.trim() == name)?;
        value.split_whitespace().next()?.parse().ok()
    }
}

/// Reads a list of cores as the kernel writes it: `0-3,8`. What cannot be read is left out.
pub(super) fn core_list(text: &str) -> Vec<usize> {
    let mut cores = Vec::new();
    for part in text.trim().split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.parse(), last.parse::<usize>()) {
            // No kernel has more cores, and a broken file is not to fill the memory.
            cores.extend(first..=last.min(65_535));
        }
    }
    cores
}

/// Writes a list of cores as the kernel does, or `none`.
pub(super) fn core_text(cores: &[usize]) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for core in cores {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == *core => *last = *core,
            _ => runs.push((*core, *core)),
        }
    }
    let run = |(first, last): &(usize, usize)| match first == last {
        true => first.to_string(),
        false => format!("{first}-{last}"),
    };
    let text: Vec<String> = runs.iter().map(run).collect();
    if text.is_empty() {
        "none".to_owned()
    } else {
        text.join(",")
    }
}

/// A tree of such files for tests.
#[cfg(test)]
pub(super) fn tree(entries: &[(&str, &str)]) -> (tempfile::TempDir, Files) {
    let dir = tempfile::tempdir().expect("a directory");
    for (path, text) in entries {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        std::fs::write(path, text).expect("written");
    }
    let files = Files::below(dir.path());
    (dir, files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_lists_read_and_print_as_the_kernel_writes_them() {
        assert_eq!(core_list("0-3,8\n"), [0, 1, 2, 3, 8]);
        assert!(core_list("").is_empty());
        assert!(core_list("(null)").is_empty());
        assert_eq!(core_text(&[0, 1, 2, 3, 8]), "0-3,8");
        assert_eq!(core_text(&[]), "none");
        assert_eq!(core_list("5-99999999999999").len(), 65_531);
    }
}
