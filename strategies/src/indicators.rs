//! Technical indicators, one value at a time.
