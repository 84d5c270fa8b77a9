//! Secrets after use: nothing of them is left in memory that is given back, and nothing of them is printed.
//!
//! The allocator looks through every block at the moment it is freed. It sees the heap only; what the compiler leaves in
//! registers and on the stack is out of its sight.
#![allow(clippy::unwrap_used)]

mod common;
#[allow(dead_code)] // as below
#[path = "mikey_calls/forged.rs"]
mod forged;
#[allow(dead_code, clippy::result_large_err)] // the calls' own tests use all of it
#[path = "mikey_calls/scene.rs"]
mod scene;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use common::{BOB, HalfOpen, NOW, World};
use ibake::ibake::Responder;
use ibake::ibake::initiator::AwaitM2;
use ibake::ibake::responder::AwaitM3;
use ibake::ibe::extract::PrivateKey;
use ibake::suite::Suite;

const NEEDLES: usize = 16;
/// Bytes of a needle: a run this long does not turn up by accident.
const LENGTH: usize = 16;

struct Searching;

static mut WANTED: [[u8; LENGTH]; NEEDLES] = [[0; LENGTH]; NEEDLES];
static COUNT: AtomicUsize = AtomicUsize::new(0);
static FOUND: AtomicUsize = AtomicUsize::new(0);
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

thread_local! {
    static WATCHED: Cell<bool> = const { Cell::new(false) };
}

// SAFETY: every call goes to the system's allocator unchanged; a block is only read, while it is still the caller's.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Searching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Zeroed, so that what is found was written in this life of the block.
        // SAFETY: the caller's promises are those of the system's allocator.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, p: *mut u8, layout: Layout) {
        if WATCHED.try_with(Cell::get).unwrap_or(false) {
            // SAFETY: the block is live and initialised (zeroed above), and `layout.size()` bytes long.
            let block = unsafe { std::slice::from_raw_parts(p, layout.size()) };
            // SAFETY: written under the lock before the count says so, and not while it is read. No copy: that would put the
            // needles onto the stack.
            let wanted = unsafe { &*std::ptr::addr_of!(WANTED) };
            for needle in wanted.iter().take(COUNT.load(SeqCst)) {
                if block.windows(LENGTH).any(|w| w == needle) {
                    FOUND.fetch_add(1, SeqCst);
                }
            }
        }
        // SAFETY: as above.
        unsafe { System.dealloc(p, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Searching = Searching;

/// Looks for the first bytes of each secret in every block that `run` frees.
#[allow(unsafe_code)]
fn left_behind(secrets: &[&[u8]], run: impl FnOnce()) -> usize {
    assert!(secrets.len() <= NEEDLES && secrets.iter().all(|s| s.len() >= LENGTH && s.iter().any(|b| *b != 0)));
    for (i, secret) in secrets.iter().enumerate() {
        // SAFETY: one test at a time writes, by the lock that every test holds, and nobody is watched meanwhile.
        unsafe { WANTED[i].copy_from_slice(&secret[..LENGTH]) };
    }
    // What single operations left on the stack before is not of this run, and can become padding of a block.
    overwrite_stack();
    FOUND.store(0, SeqCst);
    COUNT.store(secrets.len(), SeqCst);
    WATCHED.set(true);
    run();
    WATCHED.set(false);
    COUNT.store(0, SeqCst);
    FOUND.load(SeqCst)
}

#[inline(never)]
fn overwrite_stack() {
    std::hint::black_box(&mut [0u8; 256 * 1024]);
}

/// The secrets in the serial form of a half-open state: chaining key and ephemeral secret, kept where nothing frees them.
fn secrets(state: &[u8], sids: usize) -> [[u8; LENGTH]; 2] {
    let mut at = 4 + 16 * sids;
    let ck = state[at..at + LENGTH].try_into().unwrap();
    at += 64;
    let var = |at: usize| usize::from(u16::from_be_bytes([state[at], state[at + 1]]));
    for _ in 0..2 {
        at += 1;
        at += 2 + var(at);
    }
    [ck, state[at + 2..at + 2 + LENGTH].try_into().unwrap()]
}

#[test]
fn control_an_unwiped_block_is_found() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let secret = *b"a secret that is never wiped....";
    assert_eq!(left_behind(&[&secret], || drop(std::hint::black_box(secret.to_vec()))), 1);
    assert_eq!(left_behind(&[&secret], || drop(ibake::secret::SecretVec::new(secret.to_vec()))), 0);
}

#[test]
fn finished_and_failed_exchanges_leave_nothing() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut w = World::new("wiping");
    for suite in Suite::PREFERENCE {
        let HalfOpen { peer, keys, mut guard, i, r, m1, m2, .. } = w.half_open(suite);
        let (of_i, of_r) = (i.to_bytes(), r.to_bytes());
        let needles = [secrets(of_i.expose(), 1), secrets(of_r.expose(), 2)].concat();
        let needles: Vec<&[u8]> = needles.iter().map(|n| &n[..]).collect();

        // Failure on both sides, states and their serial forms included.
        let mut bad = m2.clone();
        *bad.last_mut().unwrap() ^= 1;
        let failed = left_behind(&needles, || {
            let i = AwaitM2::from_bytes(of_i.expose()).unwrap();
            assert!(i.receive(&bad, &w.alice, &peer, b"", NOW, &mut w.rng).is_err());
            let r = AwaitM3::from_bytes(of_r.expose()).unwrap();
            assert!(r.receive(&m1, &keys, b"", &mut guard, NOW).is_err());
            drop(AwaitM3::from_bytes(of_r.expose()).unwrap().to_bytes());
        });
        assert_eq!(failed, 0, "{}: after failure", suite.name());

        let finished = left_behind(&needles, || {
            let (i, m3) = i.receive(&m2, &w.alice, &peer, b"", NOW, &mut w.rng).unwrap();
            let (r, _, m4) = r.receive(&m3, &keys, b"", &mut guard, NOW).unwrap();
            let (i, _) = i.receive(&m4, NOW).unwrap();
            drop((i, r, of_i, of_r));
        });
        assert_eq!(finished, 0, "{}: after success", suite.name());
    }
}

/// A call by MIKEY-IBAKE with an update behind it, with bad messages in between if they are wanted: TGK before and after, the key
/// of a stream, what the states print, and the first three messages.
fn mikey_call(suite: Suite, bad: bool) -> ([Vec<u8>; 3], String, [Vec<u8>; 3]) {
    use scene::{Scene, as_dialled, offer, session};
    let damaged = |m: &[u8]| {
        let mut m = m.to_vec();
        *m.last_mut().unwrap() ^= 1;
        m
    };
    let mut s = Scene::new("wiping calls");
    let (mut dialled, i1) = s.dial_with(&offer(suite));
    let (mut half, r1) = s.bob_answers(&i1).unwrap();
    let mut text = format!("{dialled:?} {half:?}");
    if bad {
        dialled = s.alice_hears(dialled, &damaged(&r1)).unwrap_err().1.unwrap();
    }
    let ready = as_dialled(s.alice_hears(dialled, &r1).unwrap());
    text += &format!("{ready:?}");
    let (mut waiting, i2) = s.alice_goes_on(ready);
    if bad {
        half = s.bob_hears(half, &damaged(&i2)).map(drop).unwrap_err().1.unwrap();
    }
    let (bob, r2) = s.bob_hears(half, &i2).unwrap();
    if bad {
        waiting = s.alice_ends(waiting, &damaged(&r2)).map(drop).unwrap_err().1.unwrap();
    }
    text += &format!("{waiting:?} {bob:?}");
    let (mut alice, mut bob) = (session(s.alice_ends(waiting, &r2).unwrap()), session(bob));
    let tgk = alice.keys().tgk().expose().to_vec();
    let trust = s.trust();
    let i = ibake::mikey::call::End { settings: &s.settings_i, keys: &s.alice, directory: &trust };
    let r = ibake::mikey::call::End { settings: &s.settings_r, keys: &s.bob, directory: &trust };
    let update = alice.update(&i, &Default::default(), NOW, &mut s.rng).unwrap();
    let answered = bob.receive(&r, &update, NOW, &mut s.rng).unwrap();
    text += &format!("{answered:?} {alice:?} {:?}", alice.keys());
    let ibake::mikey::call::Event::Answered { send, .. } = answered else { panic!("answered") };
    drop(alice.receive(&i, &send, NOW, &mut s.rng).unwrap());
    let keys = [tgk, alice.keys().tgk().expose().to_vec(), alice.keys().srtp(1).unwrap().key().to_vec()];
    (keys, text, [i1, r1, i2])
}

#[test]
fn calls_leave_nothing_and_print_nothing() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for suite in Suite::PREFERENCE {
        for bad in [false, true] {
            let (keys, text, [i1, r1, i2]) = mikey_call(suite, bad);
            // The KEM secrets of the messages, which go into K_BOUND, as whoever has the private keys finds them.
            let users = scene::Scene::new("wiping calls");
            let kem =
                [(&i1, &users.bob), (&r1, &users.alice), (&i2, &users.bob)].map(|(m, k)| forged::open(m, &k[0]).1);
            for run in keys.iter().flat_map(|k| k.windows(6)) {
                let decimal = run.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
                assert!(!text.contains(&common::hex(run)) && !text.contains(&decimal), "{text}");
            }
            let kem = kem.iter().map(<[u8; 32]>::as_slice);
            let needles: Vec<&[u8]> = keys.iter().map(Vec::as_slice).chain(kem).collect();
            // The same seed, the same keys; the test's own copies are what it does not free.
            let found = left_behind(&needles, || {
                let again = mikey_call(suite, bad);
                assert_eq!(again.0, keys);
                std::mem::forget(again);
            });
            assert_eq!(found, 0, "{}", suite.name());
        }
    }
}

/// A call that a mailbox takes, a body under the content key, and bob who opens what was left, with bad ones in between: the
/// content key and a media key below it, and what the types print.
fn left_for_bob(suite: Suite) -> ([Vec<u8>; 2], String) {
    use ibake::ibe::{Name, Purpose};
    use ibake::mikey::call::{Answering, As, Delivered, Demand, Deposit, DepositLog, End, Reply, Sent, Settings};
    use ibake::srtp::Profile;
    use scene::{Scene, offer, session};
    let mut s = Scene::new("wiping deposits");
    let signer = s.a.parameters.identity(Name::parse(common::ALICE).unwrap(), Purpose::Sign, NOW).unwrap();
    s.alice.push(s.a.issuer.extract(&signer).unwrap());
    s.settings_r.suites = vec![suite];
    let mailbox = vec![s.b.issue("sip:mailbox@b.example", NOW)];
    let (dialled, i1) = s.dial_with(&offer(suite));
    let answering = Answering { identity: As::Retargeted(&mailbox[0]), ssrcs: &[] };
    let (half, r1) = s.answer(&mailbox, &i1, &answering).unwrap();
    let Reply::Other(answered) = s.alice_hears(dialled, &r1).unwrap() else { panic!("mailbox") };
    let (waiting, i2) = s.alice_goes_on(answered.accept());
    let (theirs, r2) = s.hears_i2(&mailbox, half, &i2).unwrap();
    // The sender's state is wiped whether V is right or not.
    let mut bad = r2.clone();
    *bad.last_mut().unwrap() ^= 1;
    let waiting = s.alice_ends(waiting, &bad).map(drop).unwrap_err().1.unwrap();
    let alice = session(s.alice_ends(waiting, &r2).unwrap());
    let Some(Sent::Signed(ours)) = alice.sent() else { panic!("signed") };
    let body = ours.key().seal(ibake::suite::Aead::Aes256Gcm, b"", b"text", &mut s.rng).unwrap();
    let kept = session(theirs).deposit().unwrap().encode();
    let trust = s.trust();
    let end = |settings| End { settings, keys: &s.bob, directory: &trust };
    let strict = Settings::default();
    // Refused after it has opened: the signature is that of a call in another profile, and the box of another call.
    let lax = Settings { demand: Demand::BoundIfPossible, ..Settings::default() };
    for at in [9, kept.len() - 1] {
        let mut bad = kept.clone();
        bad[at] ^= 1;
        let read = Deposit::decode(&bad).unwrap();
        assert!(read.open(&end(&lax), &mut DepositLog::new(1, common::DAY), NOW).is_err());
    }
    let read = Deposit::decode(&kept).unwrap();
    let delivered = read.open(&end(&strict), &mut DepositLog::new(1, common::DAY), NOW).unwrap();
    let text = format!("{:?} {delivered:?} {read:?} {:?}", alice.sent(), ours.key());
    let Delivered::BySender(theirs) = delivered else { panic!("signed") };
    assert_eq!(theirs.key().duplicate().open(b"", &body).unwrap().expose(), b"text");
    let media = theirs.media(1, Profile::AeadAes256Gcm).unwrap();
    assert_eq!(media.key(), ours.media(1, Profile::AeadAes256Gcm).unwrap().key());
    ([theirs.key().secret().expose().to_vec(), media.key().to_vec()], text)
}

#[test]
fn what_was_left_leaves_no_content_key() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for suite in [Suite::P256Aes256Gcm, Suite::X25519ChaCha20Poly1305] {
        let (keys, text) = left_for_bob(suite);
        for run in keys.iter().flat_map(|k| k.windows(6)) {
            let decimal = run.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
            assert!(!text.contains(&common::hex(run)) && !text.contains(&decimal), "{text}");
        }
        let needles: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let found = left_behind(&needles, || {
            let again = left_for_bob(suite);
            assert_eq!(again.0, keys);
            std::mem::forget(again);
        });
        assert_eq!(found, 0, "{}", suite.name());
    }
}

#[test]
fn issuing_loading_and_opening_leave_no_key() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut w = World::new("wiping keys");
    let stored = w.b.issue(BOB, NOW).to_bytes();
    let point: [u8; 47] = stored.expose()[stored.expose().len() - 47..].try_into().unwrap();
    let master = *w.b.issuer.master().to_bytes().expose();
    let to = w.b.recipient(BOB, NOW);
    let sealed = ibake::ibe::sealed::seal(&to, ibake::suite::Aead::Aes256Gcm, b"", b"text to be sealed.", &mut w.rng);
    let sealed = sealed.unwrap();
    let found = left_behind(&[&point, &master, b"text to be sealed."], || {
        let key = w.b.issue(BOB, NOW);
        key.verify(&w.b.parameters).unwrap();
        let again = [PrivateKey::from_bytes(key.to_bytes().expose(), &w.b.parameters).unwrap()];
        let opened = ibake::ibe::sealed::SealedBox::decode(&sealed).unwrap().open(&again, b"").unwrap();
        assert_eq!(opened.expose(), b"text to be sealed.");
        drop((key, again, opened, stored));
    });
    assert_eq!(found, 0);
}

#[test]
fn signing_leaves_neither_key_nor_nonce() {
    use ibake::ibe::sign::{sign, sign_deterministic};
    use ibake::ibe::{Name, Purpose};
    use ibake::kdf::{Prk, hash, label};
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let w = World::new("wiping signatures");
    let identity = w.a.parameters.identity(Name::parse(common::ALICE).unwrap(), Purpose::Sign, NOW).unwrap();
    let stored = w.a.issuer.extract(&identity).unwrap().to_bytes();
    let (_, point) = stored.expose().split_at(stored.expose().len() - 48);
    // The nonce by SPEC.md 4.9, before it is reduced: without a generator and with one that gives known bytes.
    let lp = |x: &[u8]| [&ibake::encoding::lp(x)[..], x].concat();
    let (p_pub, der) = (w.a.parameters.p_pub_bytes(), lp(identity.der()));
    let pkctx = hash(&[label("id").as_ref(), &[0, 1], p_pub, &der]);
    let m = hash(&[label("sign").as_ref(), &pkctx, &lp(b"test"), b"message"]);
    let mut rng = w.rng.clone();
    let fresh = ibake::secret::Secret::<32>::random(&mut rng.clone()).unwrap();
    let wide = |fresh: &[u8; 32]| {
        Prk::extract(fresh, &[point]).expand::<48>(&[label("sign t").as_ref(), &m]).expose().to_vec()
    };
    let nonces = [wide(&[0; 32]), wide(fresh.expose())];
    let reduced = nonces.each_ref().map(|t| reduce(t));
    let needles: [&[u8]; 6] = [&point[1..], &nonces[0], &nonces[1], &reduced[0], &reduced[1], fresh.expose()];
    // The recording generator keeps what it gave, so it must outlive the watch, and must not grow in it.
    rng.drawn = Vec::with_capacity(100);
    let found = left_behind(&needles, || {
        let key = PrivateKey::from_bytes(stored.expose(), &w.a.parameters).unwrap();
        let signatures = [sign_deterministic(&key, b"test", b"message"), sign(&key, b"test", b"message", &mut rng)];
        for signature in signatures {
            signature.unwrap().verify(&w.a.parameters, &identity, b"test", b"message").unwrap();
        }
    });
    assert_eq!(found, 0);
    assert_eq!(rng.drawn.last().unwrap(), fresh.expose());
}

/// The number modulo the group order as the limbs that a scalar has in memory.
fn reduce(wide: &[u8]) -> Vec<u8> {
    let mut little = [0; 64];
    little.iter_mut().zip(wide.iter().rev()).for_each(|(l, b)| *l = *b);
    bls12_381::Scalar::from_bytes_wide(&little).to_bytes().to_vec()
}

#[test]
fn key_requests_leave_neither_key_nor_credential() {
    use ibake::error::Error;
    use ibake::ibe::{Granularity, Identity, Name, Period, PublicParameters, Purpose};
    use ibake::mikey::Id;
    use ibake::mikey::request::{Algorithms, Answer, Ask, Authority, Handled, Replay, Service, Transit};
    use ibake::secret::SecretVec;

    const PSK: [u8; 32] = *b"a credential of thirty-two bytes";

    struct Kms<'a>(&'a common::Kgs);

    impl Authority for Kms<'_> {
        fn parameters(&self) -> &PublicParameters {
            &self.0.parameters
        }
        fn psk(&self, _: &Id<'_>) -> Option<SecretVec> {
            Some(SecretVec::new(PSK.to_vec()))
        }
        fn allows(&self, _: &Id<'_>, _: &Identity) -> bool {
            true
        }
        fn issue(&self, identity: &Identity) -> Result<PrivateKey, Error> {
            self.0.issuer.extract(identity)
        }
    }

    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let w = World::new("wiping requests");
    let stored = w.alice.to_bytes();
    let point = &stored.expose()[stored.expose().len() - 47..];
    let names = [Name::parse(common::ALICE).unwrap()];
    // So many that lists of keys grow, which copies them.
    let periods = [0, 1, 2, 3, 4, 5].map(|day| Period::containing(Granularity::Day, NOW + day * 86_400).unwrap());
    for transit in [Transit::Sealed, Transit::CredentialOnly] {
        // Generators keep what they gave, so they must outlive the watch.
        let mut recording = [w.rng.clone(), w.rng.clone()];
        recording.iter_mut().for_each(|r| r.drawn = Vec::with_capacity(100));
        let [of_client, of_service] = &mut recording;
        let found = left_behind(&[&PSK, point], || {
            let psk = SecretVec::new(PSK.to_vec());
            let (parameters, algorithms) = (&w.a.parameters, Algorithms::Strong);
            let (names, periods, purposes) = (&names[..], &periods[..], &[Purpose::Decrypt][..]);
            let ask = Ask { parameters, names, periods, purposes, psk_name: None, psk: &psk, transit, algorithms };
            let (pending, request) = ask.request(NOW, of_client).unwrap();
            let mut service = Service::new(Kms(&w.a), Replay::new(10), of_service).unwrap();
            let Handled::Issued { answer, .. } = service.handle(&request, NOW, of_service) else { panic!() };
            let mut cut = answer.clone();
            *cut.last_mut().unwrap() ^= 1;
            assert!(pending.receive(&cut, NOW).is_err());
            let Ok(Answer::Keys(keys)) = pending.receive(&answer, NOW) else { panic!() };
            drop((keys, pending, service, psk));
        });
        assert_eq!(found, 0, "{transit:?}");
    }
}

#[test]
fn batches_leave_no_key() {
    use ibake::batch::{self, Encapsulated, OpenItem, Options, SealItem, To, all};
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let w = World::new("wiping batches");
    let ids: Vec<_> = (0..8).map(|i| w.b.identity(&format!("user{i}@b.example"), NOW)).collect();
    // One job, so that it runs in this thread, which is the one that is watched.
    let options = Options::default();
    let stored: Vec<_> = ids.iter().map(|id| w.b.issuer.extract(id).unwrap().to_bytes()).collect();
    let tail = |i: usize| &stored[i].expose()[stored[i].expose().len() - 47..];
    let master = *w.b.issuer.master().to_bytes().expose();
    // The coins and keys of the encapsulations, from a run before with the same generator.
    let to: Vec<_> = ids.iter().map(|id| To::Identity(&w.b.parameters, id)).collect();
    let mut rng = w.rng.clone();
    rng.drawn.clear();
    let sent = all(batch::encapsulate(&to, &options, &mut rng).unwrap()).unwrap();
    let (coins, k) = (rng.drawn.clone(), [*sent[0].1.expose(), *sent[7].1.expose()]);
    // Generators keep what they gave and are no part of this, so the weights come from another one than the coins.
    let weights = || common::Seeded::new("weights");
    let text = b"text to be sealed.";
    let needles: [&[u8]; 9] = [tail(0), tail(1), tail(6), tail(7), &master, &coins[0], &coins[7], &k[0], &k[1]];
    let found = left_behind(&needles, || {
        let items: Vec<_> = ids.iter().map(|id| (&w.b.issuer, id)).collect();
        let keys = all(batch::extract(&items, &options, &mut weights()).unwrap()).unwrap();
        let items: Vec<_> = keys.iter().map(|k| (k, &w.b.parameters)).collect();
        drop(batch::verify_decoded(&items, &options, &mut weights()).unwrap());
        let items: Vec<_> = stored.iter().map(|k| (k.expose(), &w.b.parameters)).collect();
        let again = all(batch::verify_keys(&items, &options, &mut weights()).unwrap()).unwrap();
        let items: Vec<_> = again.iter().zip(&sent).map(|(k, (e, _))| (k, Encapsulated::from(e))).collect();
        drop(all(batch::decapsulate(&items, &options).unwrap()).unwrap());
        drop((keys, again));
    });
    assert_eq!(found, 0, "extracting, verifying, decapsulating");
    let keys: Vec<_> = ids.iter().map(|id| [w.b.issuer.extract(id).unwrap()]).collect();
    // The recording generator keeps what it gave, so it must outlive the watch.
    let mut recording = [w.rng.clone(), w.rng.clone(), w.rng.clone()];
    recording.iter_mut().for_each(|r| r.drawn = Vec::with_capacity(100));
    let [first, second, third] = &mut recording;
    let found = left_behind(&needles[4..], || {
        drop(all(batch::encapsulate(&to, &options, first).unwrap()).unwrap());
        let items: Vec<_> = to.iter().map(|to| SealItem { to: *to, ad: b"", plaintext: text }).collect();
        let boxes = all(batch::seal(&items, ibake::suite::Aead::Aes256Gcm, &options, second).unwrap()).unwrap();
        let items: Vec<_> = boxes.iter().zip(&keys).map(|(sealed, keys)| OpenItem { sealed, keys, ad: b"" }).collect();
        let opened = all(batch::open(&items, &options).unwrap()).unwrap();
        assert!(opened.iter().all(|o| o.expose() == text));
        drop(batch::sealer(&to, ibake::suite::Aead::Aes256Gcm, b"", &options, third).unwrap());
    });
    assert_eq!(found, 0, "encapsulating, sealing, opening");
}

#[test]
fn nothing_prints_its_secrets() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut w = World::new("printing");
    let suite = Suite::P256MlKem768Aes256Gcm;
    let HalfOpen { config, peer, keys, mut guard, i, r, m2, .. } = w.half_open(suite);
    let responder = Responder { config: &config, keys: &keys, parameters: &w.parameters, peers: &() };
    let (of_i, of_r) = (i.to_bytes(), r.to_bytes());
    let mut text = format!("{i:?} {r:?} {of_i:?} {:?} {:?} {responder:?} {guard:?}", w.alice, w.a.issuer);
    let known: Vec<Vec<u8>> = [secrets(of_i.expose(), 1), secrets(of_r.expose(), 2)]
        .concat()
        .iter()
        .map(|s| s.to_vec())
        .chain([w.alice.to_bytes().expose()[w.alice.to_bytes().expose().len() - 48..].to_vec()])
        .chain([w.a.issuer.master().to_bytes().expose().to_vec()])
        .collect();
    let (i, m3) = i.receive(&m2, &w.alice, &peer, b"", NOW, &mut w.rng).unwrap();
    let (r, data, _) = r.receive(&m3, &keys, b"", &mut guard, NOW).unwrap();
    let exported = common::exported(&r);
    let srtp = r.srtp(ibake::srtp::Profile::AesCm128HmacSha1_80, b"m=0").unwrap();
    text += &format!("{i:?} {r:?} {data:?} {:?} {srtp:?}", r.authentication_string());
    let sas = r.authentication_string();
    for word in sas.words().into_iter().chain([sas.digits().as_str()]) {
        assert!(!text.contains(word), "the authentication string is printed");
    }
    let srtp_key = srtp.send.key().to_vec();
    for secret in known.iter().map(Vec::as_slice).chain([&exported[..], &srtp_key]) {
        for run in secret.windows(6) {
            let hex = common::hex(run);
            let decimal = run.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
            assert!(!text.contains(&hex) && !text.contains(&hex.to_uppercase()) && !text.contains(&decimal), "{text}");
        }
    }
}
