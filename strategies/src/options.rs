//! Options: pricing, exposure, and what a chain says.

/// Which right an option gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Right {
    /// To buy.
    Call,
    /// To sell.
    Put,
}
