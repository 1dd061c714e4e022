//! Trading days and sessions of NYSE and CME Globex.
