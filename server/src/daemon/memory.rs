//! How the allocator deals with what is freed.

/// Bytes that are allocated and freed once.
const RAISED_TO: usize = 8 << 20;

/// Has glibc keep what is freed for the next buffer, and not give it back to the
/// system at each of them: what flows through a link comes in pieces of 32 KiB, and
/// each piece would cost page faults anew, a tenth of a stream's speed.
///
/// Both thresholds follow the largest block that was freed, up to 32 MiB (mallopt(3),
/// `M_MMAP_THRESHOLD`): blocks below 8 MiB then come from the heap, and a heap's end
/// is given back from 16 MiB on. Another C library is not told anything.
pub fn keep_freed_memory() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(RAISED_TO)));
}
