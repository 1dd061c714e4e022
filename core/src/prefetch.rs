//! A hint to the processor: this line will be wanted soon.
//!
//! The intrinsic takes a raw pointer, and so needs `unsafe`. Where the processor has no such hint,
//! this does nothing; it never changes a result.
#![allow(unsafe_code)]

/// Asks for the cache line of `value`, without waiting for it.
#[inline(always)]
pub(crate) fn read<T>(value: &T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing and faults on nothing, and the pointer comes from a
        // reference, so it is valid anyway. SSE is part of every x86_64 target.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(core::ptr::from_ref(value).cast()) }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = value;
}

/// Asks for the first `lines` cache lines of `value`, or for all of it if it has fewer.
#[inline(always)]
pub(crate) fn start<T>(value: &T, lines: usize) {
    const LINE: usize = 64;
    for line in 0..lines.min(size_of::<T>().div_ceil(LINE)) {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let byte = core::ptr::from_ref(value)
                .cast::<i8>()
                .wrapping_add(line * LINE);
            // SAFETY: as in `read`: a prefetch reads nothing and faults on nothing, whatever
            // the address, and this one lies within the value.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(byte) }
        }
        #[cfg(not(all(target_arch = "x86_64", not(miri))))]
        let _ = (value, line);
    }
}

/// Asks for every cache line of `value`, but for what it only points to.
#[inline(always)]
pub fn whole<T>(value: &T) {
    start(value, usize::MAX);
}

#[cfg(test)]
mod tests {
    #[test]
    fn prefetch_changes_nothing() {
        let values = [1_u64, 2, 3];
        super::read(&values[1]);
        super::read(&());
        super::start(&values, 9);
        super::start(&(), 1);
        assert_eq!(values, [1, 2, 3]);
    }
}
