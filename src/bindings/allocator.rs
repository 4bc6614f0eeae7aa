//! The widget's and the paying client's memory: blocks of powers of two, and a list of free ones for each size.
//!
//! The allocator of the standard library is 4 kB more to download. Nothing here gives memory back to the page, and what is
//! freed is used again for what is as large: a program that runs for days has, of each size, as much as it once needed at once.
#![allow(unsafe_code, reason = "an allocator hands out raw memory")]
#![allow(clippy::as_conversions, reason = "addresses are numbers here")]

use core::{
    alloc::{GlobalAlloc, Layout},
    arch::wasm32::memory_grow,
    cell::UnsafeCell,
    ptr::null_mut,
};

const PAGE: usize = 65_536;
/// The smallest block, and what every block is aligned to.
const LEAST: usize = 16;

struct Memory {
    /// The first free block of each size; a free block holds the address of the next.
    free: [usize; 32],
    /// What was never handed out.
    from: usize,
    until: usize,
}

struct Blocks(UnsafeCell<Memory>);

// SAFETY: this build of WebAssembly has one thread.
unsafe impl Sync for Blocks {}

#[global_allocator]
static BLOCKS: Blocks = Blocks(UnsafeCell::new(Memory {
    free: [0; 32],
    from: 0,
    until: 0,
}));

/// The power of two of the block for so many bytes.
const fn power(bytes: usize) -> usize {
    let bytes = if bytes < LEAST { LEAST } else { bytes };
    (usize::BITS.wrapping_sub(bytes.wrapping_sub(1).leading_zeros())) as usize
}

// SAFETY: a block is as large as asked for, in one list or handed out, never both; blocks do not overlap, for each
// begins where the one before has ended, in memory that was grown for it.
unsafe impl GlobalAlloc for Blocks {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let power = power(layout.size());
        // SAFETY: one thread, and nothing below calls back.
        let memory = unsafe { &mut *self.0.get() };
        let Some(first) = memory.free.get_mut(power).filter(|_| layout.align() <= LEAST) else {
            return null_mut();
        };
        if *first != 0 {
            let block = *first as *mut usize;
            // SAFETY: a free block, which `dealloc` has written to.
            *first = unsafe { block.read() };
            return block.cast();
        }
        let size = 1_usize << power;
        if memory.until.wrapping_sub(memory.from) < size {
            let pages = size.div_ceil(PAGE);
            let before = memory_grow::<0>(pages);
            if before == usize::MAX {
                return null_mut();
            }
            let begin = before.wrapping_mul(PAGE);
            if begin != memory.until {
                memory.from = begin;
            }
            memory.until = begin.wrapping_add(pages.wrapping_mul(PAGE));
        }
        let block = memory.from;
        memory.from = block.wrapping_add(size);
        block as *mut u8
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above; the block is no one else's any more.
        let memory = unsafe { &mut *self.0.get() };
        if let Some(first) = memory.free.get_mut(power(layout.size())) {
            // SAFETY: every block has room for an address, and its alignment.
            unsafe { block.cast::<usize>().write(*first) };
            *first = block as usize;
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if power(layout.size()) == power(size) {
            return block;
        }
        // SAFETY: the caller's promises, and a size that is not zero.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !new.is_null() {
                new.copy_from_nonoverlapping(block, layout.size().min(size));
                self.dealloc(block, layout);
            }
            new
        }
    }
}
