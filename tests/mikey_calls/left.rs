//! What is left for somebody who does not answer: calls that a mailbox takes, and ESKs made by hand from SPEC.md 13.15.

use ibake::encoding::lp;
use ibake::error::Error;
use ibake::ibe::extract::PrivateKey;
use ibake::ibe::identity::{Identity, Purpose};
use ibake::ibe::kem::Recipient;
use ibake::ibe::sealed::seal;
use ibake::ibe::sign::sign;
use ibake::kdf::{hash, label};
use ibake::mikey::call::{
    Answered, Answering, As, AwaitI2, AwaitR1, AwaitR2, CallError, Content, ContentKey, Delivered, Demand, Deposit,
    DepositLog, End, Outcome, Reply, Sent, Session, Settings,
};
use ibake::mikey::numbers::{IdType, SType, SkType};
use ibake::mikey::{Id, KeyValidity, Message, Payload, SecretKey, Sign, Within, encode_chain};
use ibake::suite::{Aead, Suite};

use crate::common::{ALICE, BOB, DAY, Kgs, NOW, Seeded};
use crate::forged::payloads;
use crate::scene::{Scene, name, offer, session};

pub(crate) const MAILBOX: &str = "sip:mailbox@b.example";
/// A month, in which deposits are taken.
pub(crate) const KEPT: u64 = 30 * DAY;

/// The signing key of a name at a time.
pub(crate) fn signing(kgs: &Kgs, who: &str, at: u64) -> PrivateKey {
    kgs.issuer.extract(&kgs.parameters.identity(name(who), Purpose::Sign, at).unwrap()).unwrap()
}

/// Alice can sign, and everybody demands this.
pub(crate) fn scene(seed: &str, d: Demand) -> Scene {
    let mut s = Scene::with(seed, d);
    s.alice.push(signing(&s.a, ALICE, NOW));
    s
}

/// A call up to where somebody answers who was not called.
pub(crate) struct Half {
    pub(crate) answered: Answered,
    pub(crate) half: AwaitI2,
    pub(crate) i1: Vec<u8>,
    pub(crate) r1: Vec<u8>,
}

pub(crate) fn dial_to(s: &mut Scene, who: &str, suite: Suite) -> (AwaitR1, Vec<u8>) {
    let trust = s.trust();
    let end = End { settings: &s.settings_i, keys: &s.alice, directory: &trust };
    end.call(s.alice[0].identity(), &name(who), &offer(suite), NOW, &mut s.rng).unwrap()
}

pub(crate) fn answered_by(s: &mut Scene, who: &str, mailbox: &[PrivateKey], suite: Suite) -> Half {
    let (dialled, i1) = dial_to(s, who, suite);
    let (half, r1) = s.answer(mailbox, &i1, &Answering { identity: As::Retargeted(&mailbox[0]), ssrcs: &[] }).unwrap();
    let Reply::Other(answered) = s.alice_hears(dialled, &r1).unwrap() else { panic!("the mailbox is not bob") };
    Half { answered, half, i1, r1 }
}

/// A call to bob that a mailbox took.
pub(crate) struct Left {
    pub(crate) alice: Session,
    pub(crate) mailbox: Session,
    pub(crate) i2: Vec<u8>,
}

pub(crate) fn leave_with(s: &mut Scene, mailbox: &[PrivateKey], suite: Suite, content: Option<&ContentKey>) -> Left {
    let Half { answered, half, .. } = answered_by(s, BOB, mailbox, suite);
    let (waiting, i2) = goes_on(s, answered, content);
    let (theirs, r2) = s.hears_i2(mailbox, half, &i2).unwrap();
    let ours = s.alice_ends(waiting, &r2).unwrap();
    match (&ours, &theirs) {
        (Outcome::BoundUnopened(_), Outcome::BoundUnopened(_))
        | (Outcome::Rfc6267Unopened(_), Outcome::Rfc6267Unopened(_)) => {}
        other => panic!("{other:?}"),
    }
    Left { alice: session(ours), mailbox: session(theirs), i2 }
}

pub(crate) fn goes_on(s: &mut Scene, answered: Answered, content: Option<&ContentKey>) -> (AwaitR2, Vec<u8>) {
    let trust = s.trust();
    let end = End { settings: &s.settings_i, keys: &s.alice, directory: &trust };
    let ready = answered.accept();
    match content {
        None => ready.proceed(&end, NOW, &mut s.rng),
        Some(key) => ready.proceed_with(&end, key, NOW, &mut s.rng),
    }
    .unwrap()
}

pub(crate) fn leave(s: &mut Scene, mailbox: &[PrivateKey]) -> Left {
    leave_with(s, mailbox, crate::scene::SUITE, None)
}

pub(crate) fn mailbox(s: &Scene) -> Vec<PrivateKey> {
    vec![s.b.issue(MAILBOX, NOW)]
}

/// Somebody with these keys opens a deposit.
pub(crate) fn open(
    s: &Scene,
    settings: &Settings,
    keys: &[PrivateKey],
    deposit: &Deposit,
    log: &mut DepositLog,
    now: u64,
) -> Result<Delivered, CallError> {
    let trust = s.trust();
    deposit.open(&End { settings, keys, directory: &trust }, log, now)
}

/// Bob opens it, with a log of its own.
pub(crate) fn bob_opens(s: &Scene, deposit: &Deposit) -> Result<Delivered, CallError> {
    open(s, &s.settings_r, &s.bob, deposit, &mut DepositLog::new(10, KEPT), NOW)
}

pub(crate) fn content(delivered: &Delivered) -> &Content {
    match delivered {
        Delivered::BySender(c) | Delivered::ByMailboxOnly(c) => c,
    }
}

pub(crate) fn deposit(session: &Session) -> Deposit {
    session.deposit().expect("a mailbox gets an ESK").clone()
}

pub(crate) fn sent(session: &Session) -> &Content {
    session.sent().map(Sent::content).expect("the sender knows what it sent")
}

/// Encr data of the ESK of a message.
pub(crate) fn esk_of<'a>(message: &Message<'a>) -> &'a [u8] {
    message.payloads().find_map(|p| if let Payload::Esk(data) = p { Some(*data) } else { None }).unwrap()
}

/// The message with other ESKs.
pub(crate) fn with_esks(bytes: &[u8], esks: &[&[u8]]) -> Vec<u8> {
    let message = Message::parse(bytes).unwrap();
    let mut all: Vec<Payload<'_>> = payloads(&message).into_iter().filter(|p| !matches!(p, Payload::Esk(_))).collect();
    all.extend(esks.iter().map(|e| Payload::Esk(e)));
    ibake::mikey::encode(message.header(), &all).unwrap()
}

/// The fields of a deposit, to be changed one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) bound: u8,
    pub(crate) csb_id: u32,
    pub(crate) t: u64,
    pub(crate) rand: Vec<u8>,
    pub(crate) sender: String,
    pub(crate) recipient: String,
    pub(crate) encr_data: Vec<u8>,
}

impl Fields {
    pub(crate) fn of(deposit: &Deposit) -> Self {
        let bytes = deposit.encode();
        let mut at = 22;
        let mut next = || {
            let n = usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
            at += 2 + n;
            bytes[at - n..at].to_vec()
        };
        let text = |b: Vec<u8>| String::from_utf8(b).unwrap();
        let (rand, sender, recipient, encr_data) = (next(), text(next()), text(next()), next());
        assert_eq!((&bytes[..9], at), (&b"IBAKEDEP\x01"[..], bytes.len()));
        let csb_id = u32::from_be_bytes(bytes[10..14].try_into().unwrap());
        let t = u64::from_be_bytes(bytes[14..22].try_into().unwrap());
        Self { bound: bytes[9], csb_id, t, rand, sender, recipient, encr_data }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let lp16 = |x: &[u8]| [&(x.len() as u16).to_be_bytes()[..], x].concat();
        let head = [&b"IBAKEDEP\x01"[..], &[self.bound], &self.csb_id.to_be_bytes(), &self.t.to_be_bytes()].concat();
        let parts = [&self.rand[..], self.sender.as_bytes(), self.recipient.as_bytes(), &self.encr_data];
        [head, parts.iter().flat_map(|p| lp16(p)).collect()].concat()
    }

    pub(crate) fn deposit(&self) -> Result<Deposit, CallError> {
        Deposit::decode(&self.bytes())
    }

    /// What the box is bound to.
    pub(crate) fn place(&self) -> Vec<u8> {
        let mut out = label("mikey esk").as_ref().to_vec();
        out.extend(self.csb_id.to_be_bytes());
        out.extend([&lp(&self.rand)[..], &self.rand, &self.t.to_be_bytes()].concat());
        for n in [&self.sender, &self.recipient] {
            out.extend([&lp(n.as_bytes())[..], n.as_bytes()].concat());
        }
        out
    }

    /// The same with these bytes sealed to this recipient.
    pub(crate) fn sealed(&self, to: &Recipient, plain: &[u8], rng: &mut Seeded) -> Self {
        Self { encr_data: seal(to, Aead::Aes256Gcm, &self.place(), plain, rng).unwrap(), ..self.clone() }
    }

    /// What the sender signs.
    pub(crate) fn signed(&self, kgs: &Kgs, to: &Identity, sk: &[u8]) -> Vec<u8> {
        let der = to.der();
        let pkctx = hash(&[label("id").as_ref(), &[0, 1], kgs.parameters.p_pub_bytes(), &lp(der), der]);
        [&self.place(), &pkctx[..], sk].concat()
    }
}

/// A signature in the context of ESKs.
pub(crate) fn signature(key: &PrivateKey, message: &[u8], rng: &mut Seeded) -> Result<[u8; 96], Error> {
    Ok(*sign(key, b"mikey esk", message, rng)?.as_bytes())
}

pub(crate) fn id_payload(who: &str) -> Payload<'_> {
    let kind = if who.contains(':') { IdType::URI } else { IdType::NAI };
    Payload::Id(Id { kind, data: who.as_bytes() })
}

pub(crate) const fn sk_payload(sk: &[u8]) -> Payload<'_> {
    Payload::Sk(SecretKey { kind: SkType::SK, key: sk, validity: KeyValidity::Null })
}

pub(crate) const fn sign_payload(signature: &[u8]) -> Payload<'_> {
    Payload::Sign(Sign { kind: SType(15), signature })
}

pub(crate) fn chain(payloads: &[Payload<'_>]) -> Vec<u8> {
    encode_chain(payloads, Within::Esk).unwrap().expose().to_vec()
}
