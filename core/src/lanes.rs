//! Sixteen bytes compared at once.
//!
//! `unsafe` only because the compiler wants a promise that the processor has the instruction;
//! elsewhere the same is done byte by byte, with the same result.
#![allow(unsafe_code)]

/// Bit `i`: byte `i` is this one.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn equal(bytes: &[u8; 16], byte: u8) -> u32 {
    use core::arch::x86_64::{_mm_cmpeq_epi8, _mm_movemask_epi8, _mm_set_epi64x, _mm_set1_epi8};
    let whole = u128::from_le_bytes(*bytes);
    let (low, high) = (whole as u64, (whole >> 64) as u64);
    // SAFETY: SSE2 is part of every x86_64 target. No memory is touched.
    let bits = unsafe {
        let bytes = _mm_set_epi64x(high.cast_signed(), low.cast_signed());
        _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte.cast_signed())))
    };
    bits.cast_unsigned()
}

/// Bit `i`: byte `i` is this one.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(crate) fn equal(bytes: &[u8; 16], byte: u8) -> u32 {
    let bits = bytes.iter().enumerate();
    bits.fold(0, |bits, (at, it)| bits | u32::from(*it == byte) << at)
}

#[cfg(test)]
mod tests {
    #[test]
    fn equal_names_every_place_of_a_byte_and_no_other() {
        for byte in 0..=u8::MAX {
            let mut bytes = core::array::from_fn(|at| byte.wrapping_add(1 + at as u8 % 7));
            assert_eq!(super::equal(&bytes, byte), 0);
            for at in [0, 7, 8, 15] {
                bytes[at] = byte;
            }
            assert_eq!(super::equal(&bytes, byte), 0b1000_0001_1000_0001);
        }
    }
}
