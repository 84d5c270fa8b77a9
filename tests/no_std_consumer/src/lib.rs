//! Issues a key, seals to it and opens, without std.
#![no_std]

extern crate alloc;

use core::alloc::{GlobalAlloc, Layout};
use core::sync::atomic::{AtomicUsize, Ordering};

use ibake::error::Error;
use ibake::ibe::extract::MasterKey;
use ibake::ibe::identity::{Identity, Purpose};
use ibake::ibe::kem::Recipient;
use ibake::ibe::name::Name;
use ibake::ibe::params::Description;
use ibake::ibe::period::Granularity;
use ibake::ibe::sealed::{SealedBox, seal};
use ibake::suite::Aead;

/// Hands memory out once and never takes it back.
struct Bump;

const HEAP: usize = 8 << 20;
static mut ARENA: [u8; HEAP] = [0; HEAP];
static USED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call gets a region of its own, aligned, inside the arena; a request that does not fit gets null.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let base = &raw mut ARENA as usize;
        let mut start = 0;
        let claimed = USED.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |used| {
            start = (base + used).next_multiple_of(layout.align()) - base;
            start.checked_add(layout.size()).filter(|end| *end <= HEAP)
        });
        if claimed.is_err() { core::ptr::null_mut() } else { (base + start) as *mut u8 }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: Bump = Bump;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

struct Outside;

unsafe extern "C" {
    /// Random bytes from the environment; 0 on success.
    fn environment_random(out: *mut u8, len: usize) -> i32;
}

impl rand_core::TryRng for Outside {
    type Error = core::num::TryFromIntError;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        let mut out = [0; 4];
        self.try_fill_bytes(&mut out)?;
        Ok(u32::from_le_bytes(out))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        let mut out = [0; 8];
        self.try_fill_bytes(&mut out)?;
        Ok(u64::from_le_bytes(out))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        // SAFETY: pointer and length are those of a live slice.
        let status = unsafe { environment_random(out.as_mut_ptr(), out.len()) };
        if status == 0 { Ok(()) } else { u8::try_from(-1i32).map(|_| ()) }
    }
}

impl rand_core::TryCryptoRng for Outside {}

fn round_trip() -> Result<bool, Error> {
    let description = Description {
        district: ibake::ibe::district::District::parse("https://kgs.example")?,
        serial: 1,
        not_before: 1_700_000_000,
        not_after: 1_900_000_000,
        granularity: Granularity::Day,
        pkg_uri: None,
    };
    let master = MasterKey::generate(&mut Outside)?;
    let parameters = master.public_parameters(description)?;
    let issuer = master.issuer(parameters.clone())?;
    let alice: Identity = parameters.identity(Name::parse("sip:alice@a.example")?, Purpose::Decrypt, 1_800_000_000)?;
    let key = issuer.extract(&alice)?;
    let recipient = Recipient::new(&parameters, &alice)?;
    let sealed = seal(&recipient, Aead::Aes256Gcm, b"test", b"hello", &mut Outside)?;
    let opened = SealedBox::decode(&sealed)?.open(&[key], b"test")?;
    Ok(opened.expose() == b"hello")
}

/// 1 if a sealed message opens, 0 if not.
#[unsafe(no_mangle)]
pub extern "C" fn ibake_round_trip() -> i32 {
    i32::from(matches!(round_trip(), Ok(true)))
}
