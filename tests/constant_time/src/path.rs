//! Which code of the backend runs. blst has two forms of its field arithmetic, with and without the ADX instructions, and
//! asks a flag of its own at every call. valgrind's processor has no ADX, but it executes the instructions, so the flag alone
//! decides: it is set here, in the very build that ships, and what then runs is read off a report.

#[cfg(feature = "blst")]
use crate::valgrind;

/// Sets the path and gives its name.
#[cfg(not(feature = "blst"))]
pub fn choose(adx: bool) -> &'static str {
    assert!(!adx, "the portable backend has one path");
    "rust"
}

#[cfg(feature = "blst")]
unsafe extern "C" {
    /// Bit 0: ADX. Bit 1: SHA-NI. Set by blst when the program starts.
    static mut __blst_platform_cap: core::ffi::c_int;
}

/// Sets the path and gives its name.
#[cfg(feature = "blst")]
pub fn choose(adx: bool) -> &'static str {
    // SAFETY: one thread; blst only reads the flag from now on.
    let detected = unsafe { __blst_platform_cap };
    eprintln!("detected by blst: ADX {}, SHA-NI {}", detected & 1, detected >> 1 & 1);
    // SAFETY: as above. Without the SHA instructions, which valgrind does not execute.
    unsafe { __blst_platform_cap = i32::from(adx) };
    show();
    if adx { "adx" } else { "no-adx" }
}

/// Multiplies into memory that may not be touched: the report names the function that wrote.
#[cfg(feature = "blst")]
fn show() {
    let one = blst::blst_fp { l: [1, 0, 0, 0, 0, 0] };
    let mut product = Box::new(blst::blst_fp::default());
    eprintln!("begin: what multiplies");
    valgrind::forbid(&mut *product);
    // SAFETY: three live values of the type that the function declares.
    unsafe { blst::blst_fp_mul(&mut *product, &one, &one) };
    valgrind::allow(&mut *product);
    eprintln!("end: what multiplies");
}
