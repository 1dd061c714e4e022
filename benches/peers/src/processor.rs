//! The time that this thread has had of the processor, which the standard library does not tell.
#![allow(unsafe_code)]

/// Nanoseconds since the thread began, without those in which others had its core.
pub fn processor_ns() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call writes one `timespec` to the place it is given, which is one.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut now) };
    assert_eq!(failed, 0, "Linux keeps this clock");
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
