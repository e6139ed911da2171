#![allow(unsafe_code)] // prefetches, and madvise(2)
//! Hints to processor and kernel on memory that is about to be used. They change nothing but time.

/// Bytes of a cache line.
pub(crate) const LINE: usize = 64;

/// Bytes of a page.
pub(crate) const PAGE: usize = 4096;

/// Bytes of a huge page: with one entry of the TLB for so much, a look at any of many records misses it less often.
pub(crate) const HUGE_PAGE: usize = 2 << 20;

/// Asks the processor for the cache lines of `value`, without waiting for them: for what is needed a little later. It
/// does nothing on other processors than x86-64.
#[inline(always)]
pub fn prefetch<T>(value: &T) {
    let start = std::ptr::from_ref(value).cast::<u8>();
    for at in (0..size_of::<T>()).step_by(LINE) {
        prefetch_line(start.wrapping_add(at));
    }
}

/// As [`prefetch`], of those cache lines of `value` alone whose bit is set in `lines`: bit 0 is the first one's.
#[inline(always)]
pub fn prefetch_lines<T>(value: &T, lines: u32) {
    let start = std::ptr::from_ref(value).cast::<u8>();
    for (line, at) in (0..size_of::<T>()).step_by(LINE).enumerate().take(32) {
        if lines & 1 << line != 0 {
            prefetch_line(start.wrapping_add(at));
        }
    }
}

#[inline(always)]
pub(crate) fn prefetch_line(at: *const u8) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing and never faults, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) };
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = at;
}

/// As [`prefetch_line`], of a line that will be written: another core's copy is sent for at once.
#[inline(always)]
pub(crate) fn prefetch_line_to_write(at: *const u8) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: as above. The intrinsic gives this instruction only to builds for newer processors; older ones do nothing here.
    unsafe {
        std::arch::asm!("prefetchw [{}]", in(reg) at, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = at;
}

/// Asks the kernel to back memory by huge pages (madvise(2), MADV_HUGEPAGE), from the page that `start` is in to the one
/// that the last byte is in.
pub(crate) fn advise_huge_pages(start: *const u8, len: usize) {
    #[cfg(all(target_os = "linux", not(miri)))]
    {
        let skipped = start.addr() % PAGE;
        let whole = (skipped + len).next_multiple_of(PAGE);
        // SAFETY: the kernel looks at no byte, and the advice changes nothing but the size of the pages. A kernel without
        // transparent huge pages refuses, and the memory stays as it is.
        unsafe { libc::madvise(start.wrapping_sub(skipped).cast_mut().cast(), whole, libc::MADV_HUGEPAGE) };
    }
    #[cfg(not(all(target_os = "linux", not(miri))))]
    let _ = (start, len);
}
