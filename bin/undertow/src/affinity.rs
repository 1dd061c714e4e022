//! Temporary.
#![allow(missing_docs)]
pub fn pin_current(_core: usize) -> Result<(), std::io::Error> {
    Ok(())
}
