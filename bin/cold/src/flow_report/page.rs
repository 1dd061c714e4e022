//! The report on one page.

use super::FlowReport;

/// The page.
#[must_use]
pub fn html(_report: &FlowReport) -> String {
    String::new()
}
