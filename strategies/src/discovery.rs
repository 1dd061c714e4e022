//! Parameters found in the data.
