//! Which rows of a chain count towards exposure, and what was turned away and why (A11).
//!
//! Strikes with next to no open interest ("ghost strikes") and impossible Greeks are left out by
//! rule. So is an open interest that dwarfs the chain: one broken strike of 10^9 contracts would
//! decide every total. Everything left out is counted, and outliers are named.

use alloc::vec::Vec;

use super::chain::{Row, Snapshot};

/// Limits of what counts. See the constant for the ones in use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Admission {
    /// Fewer contracts than this are a ghost strike.
    pub open_interest_min: u64,
    /// Greatest size of a delta.
    pub delta_max: f64,
    /// An open interest beyond this multiple of the chain's upper quartile is an outlier.
    pub outlier_multiple: u64,
    /// The quartile is taken to be at least this.
    pub quartile_min: u64,
}

impl Admission {
    /// The limits of the specification, and the outlier rule: a thousand times the upper quartile
    /// (by nearest rank) of open interests above 0, the quartile being at least 100. Real chains
    /// stay below a third of that.
    pub const STANDARD: Self = Self {
        open_interest_min: 5,
        delta_max: 1.2,
        outlier_multiple: 1_000,
        quartile_min: 100,
    };

    /// Sorts the rows of a chain into those that count and those that do not.
    #[must_use]
    pub fn admit<'a>(&self, chain: &Snapshot<'a>) -> Admitted<'a> {
        let limit = self.outlier_limit(chain.rows);
        let mut admitted = Admitted {
            rows: Vec::with_capacity(chain.rows.len()),
            counts: [0; Refusal::ALL.len()],
            outliers: Vec::new(),
        };
        for row in chain.rows {
            match self.check(row, chain, limit) {
                Ok(holding) => admitted.rows.push(holding),
                Err(refusal) => {
                    admitted.counts[refusal as usize] += 1;
                    if refusal == Refusal::Outlier {
                        admitted.outliers.push(row);
                    }
                }
            }
        }
        admitted
    }

    fn check<'a>(
        &self,
        row: &'a Row,
        chain: &Snapshot<'_>,
        limit: u64,
    ) -> Result<Holding<'a>, Refusal> {
        if row.is_expired(chain.now) {
            return Err(Refusal::Expired);
        }
        let contracts = row.open_interest.ok_or(Refusal::NoOpenInterest)?.contracts;
        if contracts < self.open_interest_min {
            return Err(Refusal::Ghost);
        }
        if limit < contracts {
            return Err(Refusal::Outlier);
        }
        let (Some(delta), Some(gamma)) = (row.delta, row.gamma) else {
            return Err(Refusal::NoGreeks);
        };
        if !(0.0..=1.0).contains(&gamma) {
            return Err(Refusal::Gamma);
        }
        if !(-self.delta_max..=self.delta_max).contains(&delta) {
            return Err(Refusal::Delta);
        }
        Ok(Holding {
            row,
            contracts,
            delta,
            gamma,
            underlying: chain.underlying(row),
        })
    }

    fn outlier_limit(&self, rows: &[Row]) -> u64 {
        let open = rows.iter().filter_map(|row| row.open_interest);
        let mut open: Vec<u64> = open.map(|it| it.contracts).filter(|it| *it > 0).collect();
        open.sort_unstable();
        let rank = (open.len() * 3).div_ceil(4);
        let quartile = rank.checked_sub(1).map_or(0, |idx| open[idx]);
        quartile
            .max(self.quartile_min)
            .saturating_mul(self.outlier_multiple)
    }
}

/// Why a row does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Refusal {
    /// It is over.
    Expired,
    /// Its open interest is unknown.
    NoOpenInterest,
    /// Its open interest is below the minimum: a ghost strike.
    Ghost,
    /// Its open interest dwarfs the chain.
    Outlier,
    /// Delta or gamma is unknown.
    NoGreeks,
    /// Gamma is not between 0 and 1.
    Gamma,
    /// Delta is beyond what any option has.
    Delta,
}

impl Refusal {
    /// Every reason, in the order in which rows are checked.
    pub const ALL: [Self; 7] = [
        Self::Expired,
        Self::NoOpenInterest,
        Self::Ghost,
        Self::Outlier,
        Self::NoGreeks,
        Self::Gamma,
        Self::Delta,
    ];

    /// The reason in words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::NoOpenInterest => "open interest unknown",
            Self::Ghost => "ghost strike (open interest below 5)",
            Self::Outlier => "outlier (open interest beyond 1000 x the upper quartile)",
            Self::NoGreeks => "no delta or gamma",
            Self::Gamma => "gamma not between 0 and 1",
            Self::Delta => "delta beyond 1.2",
        }
    }
}

/// What came of sorting a chain.
#[derive(Clone, Debug)]
pub struct Admitted<'a> {
    /// Rows that count.
    pub rows: Vec<Holding<'a>>,
    /// Rows with an outlying open interest, for showing.
    pub outliers: Vec<&'a Row>,
    counts: [u64; Refusal::ALL.len()],
}

impl Admitted<'_> {
    /// How many rows were left out for a reason.
    #[must_use]
    pub const fn refused(&self, refusal: Refusal) -> u64 {
        self.counts[refusal as usize]
    }
}

/// A row that counts, with what was checked.
#[derive(Clone, Copy, Debug)]
pub struct Holding<'a> {
    /// The row.
    pub row: &'a Row,
    /// Contracts open.
    pub contracts: u64,
    /// Delta of the holder.
    pub delta: f64,
    /// Gamma per point.
    pub gamma: f64,
    /// What it is an option on, points.
    pub underlying: f64,
}

impl Holding<'_> {
    /// Units of the underlying that the contracts are about.
    #[must_use]
    pub fn units(&self) -> f64 {
        self.contracts as f64 * f64::from(self.row.multiplier)
    }
}
