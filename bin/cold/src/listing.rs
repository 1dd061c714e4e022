//! How long a listing is: short unless all of it is asked for, with the rest told as a count. What
//! is for programs is never cut.

use latency_report::text::thousands;

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listing {
    /// As much of each as fits a screen.
    #[default]
    Short,
    /// Everything.
    All,
}

impl Listing {
    /// Most rows of a listing that fits a screen with `rows`.
    #[must_use]
    pub const fn most(self, rows: usize) -> usize {
        match self {
            Self::Short => rows,
            Self::All => usize::MAX,
        }
    }

    /// The line below a listing of `count` rows that fits a screen with `rows`: how many are
    /// left, as `told` puts it. Empty if none is.
    pub fn rest(self, count: usize, rows: usize, told: impl Fn(String) -> String) -> String {
        match count.saturating_sub(self.most(rows)) as u64 {
            0 => String::new(),
            more => format!("  and {} (--all lists them)\n", told(thousands(more))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_counted_and_only_then() {
        let more = |left| format!("{left} more");
        assert_eq!(Listing::Short.most(12), 12);
        assert_eq!(Listing::Short.rest(12, 12, more), "");
        let rest = Listing::Short.rest(1_159, 12, more);
        assert_eq!(rest, "  and 1,147 more (--all lists them)\n");
        assert_eq!(Listing::All.rest(1_159, 12, more), "");
        assert!(Listing::All.most(12) > 1_159);
    }
}
