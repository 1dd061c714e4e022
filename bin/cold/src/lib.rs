//! The cold side.
