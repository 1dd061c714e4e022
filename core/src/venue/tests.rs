//! The venue's rules, one by one, on a desk that plays one instrument's records. The slow twin
//! and the random streams are in the crate's `tests`, for real streams use them too.

mod desk;
mod rules;
