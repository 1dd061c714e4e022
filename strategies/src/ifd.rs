//! Institutional flow detection.
