//! The requests of a program to valgrind's memcheck, as `valgrind.h` and `memcheck.h` define them for x86-64: four rotations
//! of a register by 128 bits in all and an exchange of another with itself, which together change nothing. Outside of
//! valgrind that is what happens; inside, the request is carried out.

use core::arch::asm;

const RUNNING_ON_VALGRIND: usize = 0x1001;
const COUNT_ERRORS: usize = 0x1201;
/// `VG_USERREQ_TOOL_BASE('M', 'C')`.
const MEMCHECK: usize = (b'M' as usize) << 24 | (b'C' as usize) << 16;
#[cfg(feature = "blst")]
const MAKE_NOACCESS: usize = MEMCHECK;
const MAKE_UNDEFINED: usize = MEMCHECK + 1;
const MAKE_DEFINED: usize = MEMCHECK + 2;
const GET_VBITS: usize = MEMCHECK + 8;

fn request(code: usize, a: usize, b: usize, c: usize) -> usize {
    let arguments = [code, a, b, c, 0, 0];
    let mut result = 0usize;
    // SAFETY: the sequence writes only the flags and, inside valgrind, `rdx` and the shadow memory of the stated range; it
    // reads the six arguments through `rax`. GET_VBITS writes the buffer of the caller, which has the stated length.
    unsafe {
        asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") arguments.as_ptr(),
            inout("rdx") result,
            options(nostack),
        );
    }
    core::hint::black_box(&mut result);
    result
}

/// Whether this runs inside valgrind.
pub fn is_running() -> bool {
    request(RUNNING_ON_VALGRIND, 0, 0, 0) > 0
}

/// Errors reported so far, repeated ones counted, suppressed ones not.
pub fn errors() -> usize {
    request(COUNT_ERRORS, 0, 0, 0)
}

/// Marks bytes as secret: whatever is computed from them is, too.
pub fn mark(bytes: &mut [u8]) {
    request(MAKE_UNDEFINED, bytes.as_mut_ptr() as usize, bytes.len(), 0);
}

/// Takes the mark off.
pub fn unmark(bytes: &[u8]) {
    request(MAKE_DEFINED, bytes.as_ptr() as usize, bytes.len(), 0);
}

/// Makes every access to the value an error, which names the function that does it.
#[cfg(feature = "blst")]
pub fn forbid<T>(value: &mut T) {
    request(MAKE_NOACCESS, core::ptr::from_mut(value) as usize, size_of::<T>(), 0);
}

/// Allows access to the value again.
#[cfg(feature = "blst")]
pub fn allow<T>(value: &mut T) {
    request(MAKE_DEFINED, core::ptr::from_mut(value) as usize, size_of::<T>(), 0);
}

/// Which bits of the bytes are marked; none outside of valgrind.
pub fn marks(bytes: &[u8]) -> Vec<u8> {
    let mut shadow = vec![0u8; bytes.len()];
    request(GET_VBITS, bytes.as_ptr() as usize, shadow.as_mut_ptr() as usize, bytes.len());
    core::hint::black_box(&mut shadow);
    shadow
}

/// The byte without its mark.
pub fn unmarked_byte(byte: u8) -> u8 {
    unmark(core::slice::from_ref(core::hint::black_box(&byte)));
    // SAFETY: reads a live local; volatile, because the request changes what is known of it behind the compiler's back.
    unsafe { core::ptr::read_volatile(&byte) }
}
