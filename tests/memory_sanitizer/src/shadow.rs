//! The shadow memory of MemorySanitizer: which bits are secret.

use core::ffi::c_void;

// SAFETY: the declarations of `sanitizer/msan_interface.h`, in the runtime that the sanitizer links.
unsafe extern "C" {
    fn __msan_poison(from: *const c_void, bytes: usize);
    fn __msan_unpoison(from: *const c_void, bytes: usize);
    fn __msan_test_shadow(from: *const c_void, bytes: usize) -> isize;
}

/// Marks a value as secret: whatever is computed from it is, too.
pub fn mark<T: Copy>(values: &mut [T]) {
    // SAFETY: changes the shadow of live memory alone; the exclusive borrow keeps the compiler from what it knew of it.
    unsafe { __msan_poison(values.as_ptr().cast(), size_of_val(values)) };
    core::hint::black_box(values);
}

/// Takes the mark off.
pub fn unmark(bytes: &mut [u8]) {
    // SAFETY: as above.
    unsafe { __msan_unpoison(bytes.as_ptr().cast(), bytes.len()) };
    core::hint::black_box(bytes);
}

/// How many of the bytes bear a mark.
pub fn marked(bytes: &[u8]) -> usize {
    // SAFETY: reads the shadow of one live byte.
    bytes.iter().filter(|b| unsafe { __msan_test_shadow(core::ptr::from_ref(*b).cast(), 1) } == 0).count()
}

/// A word that is secret in part becomes secret as a whole: the sanitizer's rule for a sum does not follow the carry, so what
/// is moved out of the marked bits would be lost.
pub fn whole(words: &mut [u64; 8]) {
    for word in words {
        // SAFETY: the shadow of one live word.
        unsafe {
            if __msan_test_shadow(core::ptr::from_ref(word).cast(), 8) >= 0 {
                __msan_poison(core::ptr::from_ref(word).cast(), 8);
            }
        }
    }
}
