//! Messages of every kind: written by hand, and drawn at random.

use ibake::mikey::numbers::*;
use ibake::mikey::*;
use proptest::collection::vec;
use proptest::prelude::*;

/// A payload that owns its bytes, so that it can be drawn.
#[derive(Clone, Debug)]
pub(crate) enum Owned {
    Kemac(u8, Vec<u8>, u8, Vec<u8>),
    Pke(u8, Vec<u8>),
    Dh(u8, Vec<u8>, u8, Validity),
    Sign(u8, Vec<u8>),
    T(u8, u64),
    Id(u8, Vec<u8>),
    Cert(u8, Vec<u8>),
    CertHash(u8, Vec<u8>),
    V(u8, Vec<u8>),
    Sp(u8, u8, Vec<u8>),
    Rand(Vec<u8>),
    Err(u8, u16),
    Tr(u8, u8, u64),
    Idr(u8, u8, Vec<u8>),
    RandR(u8, Vec<u8>),
    Tp([u8; 3], u16, u8, u16, Vec<u8>),
    Ticket([u8; 3], u16, u8, u16, Vec<u8>, Vec<u8>, Vec<u8>),
    KeyData(u8, Vec<u8>, Vec<u8>, Validity),
    Extension(u8, Vec<u8>),
    Ibake(Vec<u8>),
    Esk(Vec<u8>),
    Sk(u8, Vec<u8>, Validity),
    EccPoint(u8, Vec<u8>, u8, u16, u8, Validity),
    Sakke(u8, u8, Vec<u8>),
}

#[derive(Clone, Debug)]
pub(crate) enum Validity {
    Null,
    Spi(Vec<u8>),
    Interval(Vec<u8>, Vec<u8>),
}

impl Validity {
    fn view(&self) -> KeyValidity<'_> {
        match self {
            Self::Null => KeyValidity::Null,
            Self::Spi(spi) => KeyValidity::Spi(spi),
            Self::Interval(from, to) => KeyValidity::Interval { from, to },
        }
    }
}

impl Owned {
    pub(crate) fn view(&self) -> Payload<'_> {
        let policy = |[subtype, version, prf]: &[u8; 3], kind: &u16, reserved: &u8, flags: &u16| TicketPolicy {
            kind: TicketType(*kind),
            subtype: *subtype,
            version: *version,
            prf: PrfFunc(prf & 0x7f),
            flags: flags & 0x0fff,
            reserved: reserved & 0x1f,
            data: &[],
        };
        match self {
            Self::Kemac(encr, data, mac, tag) => Payload::Kemac(Kemac {
                encr_alg: EncrAlg(*encr),
                encr_data: data,
                mac_alg: MacAlg(*mac),
                mac: &tag[..MacAlg(*mac).tag_len().unwrap()],
            }),
            Self::Pke(c, data) => Payload::Pke(Pke { cache: CacheType(*c), data }),
            Self::Dh(group, value, reserved, kv) => Payload::Dh(Dh {
                group: DhGroup(*group),
                value: &value[..DhGroup(*group).value_len().unwrap()],
                reserved: *reserved,
                validity: kv.view(),
            }),
            Self::Sign(kind, signature) => Payload::Sign(Sign { kind: SType(*kind), signature }),
            Self::T(kind, value) => Payload::T(timestamp(*kind, *value)),
            Self::Id(kind, data) => Payload::Id(Id { kind: IdType(*kind), data }),
            Self::Cert(kind, data) => Payload::Cert(Cert { kind: CertType(*kind), data }),
            Self::CertHash(func, hash) => {
                let func = HashFunc(*func);
                Payload::CertHash(CertHash { func, hash: &hash[..func.hash_len().unwrap()] })
            }
            Self::V(alg, tag) => {
                let alg = MacAlg(*alg);
                Payload::V(Verification { alg, data: &tag[..alg.tag_len().unwrap()] })
            }
            Self::Sp(number, protocol, params) => {
                Payload::Sp(Policy::new(*number, ProtType(*protocol), params).unwrap())
            }
            Self::Rand(rand) => Payload::Rand(rand),
            Self::Err(number, reserved) => Payload::Err(ErrorPayload { number: ErrorNo(*number), reserved: *reserved }),
            Self::Tr(role, kind, value) => {
                Payload::Tr(TimestampR { role: TsRole(*role), timestamp: timestamp(*kind, *value) })
            }
            Self::Idr(role, kind, data) => {
                Payload::Idr(IdR { role: IdRole(*role), id: Id { kind: IdType(*kind), data } })
            }
            Self::RandR(role, rand) => Payload::RandR(RandR { role: RandRole(*role), rand }),
            Self::Tp(three, kind, reserved, flags, data) => {
                Payload::Tp(TicketPolicy { data, ..policy(three, kind, reserved, flags) })
            }
            Self::Ticket(three, kind, reserved, flags, data, ticket, initiator) => Payload::Ticket(Ticket {
                policy: TicketPolicy { data, ..policy(three, kind, reserved, flags) },
                data: ticket,
                initiator_data: initiator,
            }),
            Self::KeyData(kind, key, salt, kv) => {
                let kind = KeyType(*kind);
                let salt = kind.has_salt().unwrap().then_some(&salt[..]);
                Payload::KeyData(KeyData { kind, key, salt, validity: kv.view() })
            }
            Self::Extension(kind, data) => Payload::Extension(Extension { kind: ExtensionType(*kind), data }),
            Self::Ibake(data) => Payload::Ibake(data),
            Self::Esk(data) => Payload::Esk(data),
            Self::Sk(kind, key, kv) => Payload::Sk(SecretKey { kind: SkType(*kind), key, validity: kv.view() }),
            Self::EccPoint(curve, point, alg, tgk_len, reserved, kv) => {
                let curve = EccCurve(*curve);
                Payload::EccPoint(EccPoint {
                    curve,
                    point: &point[..curve.point_len(point[0]).unwrap()],
                    auth_alg: MacAlg(*alg),
                    tgk_len: *tgk_len,
                    reserved: *reserved,
                    validity: kv.view(),
                })
            }
            Self::Sakke(params, id_scheme, data) => {
                Payload::Sakke(Sakke { params: *params, id_scheme: *id_scheme, data })
            }
        }
    }
}

fn timestamp(kind: u8, value: u64) -> Timestamp {
    let kind = TsType(kind);
    Timestamp { kind, value: if kind.value_len() == Some(8) { value } else { value >> 32 } }
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..40)
}

pub(crate) fn validity() -> impl Strategy<Value = Validity> {
    prop_oneof![
        Just(Validity::Null),
        bytes().prop_map(Validity::Spi),
        (bytes(), bytes()).prop_map(|(a, b)| Validity::Interval(a, b)),
    ]
}

/// Any payload that may stand in a message and is not the last by nature.
pub(crate) fn payload() -> impl Strategy<Value = Owned> {
    let tag = || vec(any::<u8>(), 32);
    let params = vec((any::<u8>(), vec(any::<u8>(), 0..9)), 0..6).prop_map(|all| {
        let views: Vec<(u8, &[u8])> = all.iter().map(|(t, v)| (*t, &v[..])).collect();
        Policy::encode_params(&views).unwrap()
    });
    let ticket = || (any::<[u8; 3]>(), any::<u16>(), any::<u8>(), any::<u16>(), bytes());
    prop_oneof![
        (any::<u8>(), bytes(), 0u8..3, tag()).prop_map(|(a, b, c, d)| Owned::Kemac(a, b, c, d)),
        (0u8..4, bytes()).prop_map(|(a, b)| Owned::Pke(a, b)),
        (0u8..3, vec(any::<u8>(), 192), 0u8..16, validity()).prop_map(|(a, b, c, d)| Owned::Dh(a, b, c, d)),
        (0u8..4, any::<u64>()).prop_map(|(a, b)| Owned::T(a, b)),
        (any::<u8>(), bytes()).prop_map(|(a, b)| Owned::Id(a, b)),
        (any::<u8>(), bytes()).prop_map(|(a, b)| Owned::Cert(a, b)),
        (0u8..3, tag()).prop_map(|(a, b)| Owned::CertHash(a, b)),
        (0u8..3, tag()).prop_map(|(a, b)| Owned::V(a, b)),
        (any::<u8>(), any::<u8>(), params).prop_map(|(a, b, c)| Owned::Sp(a, b, c)),
        bytes().prop_map(Owned::Rand),
        (any::<u8>(), any::<u16>()).prop_map(|(a, b)| Owned::Err(a, b)),
        (any::<u8>(), 0u8..4, any::<u64>()).prop_map(|(a, b, c)| Owned::Tr(a, b, c)),
        (any::<u8>(), any::<u8>(), bytes()).prop_map(|(a, b, c)| Owned::Idr(a, b, c)),
        (any::<u8>(), bytes()).prop_map(|(a, b)| Owned::RandR(a, b)),
        ticket().prop_map(|(a, b, c, d, e)| Owned::Tp(a, b, c, d, e)),
        (ticket(), bytes(), bytes()).prop_map(|((a, b, c, d, e), f, g)| Owned::Ticket(a, b, c, d, e, f, g)),
        (any::<u8>(), bytes()).prop_map(|(a, b)| Owned::Extension(a, b)),
        bytes().prop_map(Owned::Ibake),
        bytes().prop_map(Owned::Esk),
        (any::<u8>(), any::<u8>(), bytes()).prop_map(|(a, b, c)| Owned::Sakke(a, b, c)),
    ]
}

/// Any share, of every curve and form.
pub(crate) fn share() -> impl Strategy<Value = Owned> {
    let curve = (0..EccCurve::ALL.len()).prop_map(|i| EccCurve::ALL[i]);
    let point = (curve, 2u8..5, vec(any::<u8>(), 1249)).prop_filter_map("a form", |(curve, first, mut point)| {
        point[0] = first;
        curve.point_len(first).map(|_| (curve.0, point))
    });
    (point, any::<u8>(), any::<u16>(), 0u8..16, validity())
        .prop_map(|((curve, point), a, b, c, kv)| Owned::EccPoint(curve, point, a, b, c, kv))
}

/// Header fields, and the bytes of a map with so many entries.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    pub(crate) data_type: u8,
    pub(crate) v: bool,
    pub(crate) prf: u8,
    pub(crate) csb_id: u32,
    pub(crate) count: u8,
    pub(crate) map: u8,
    pub(crate) info: Vec<u8>,
}

impl Head {
    pub(crate) fn view(&self) -> Header<'_> {
        Header {
            data_type: DataType(self.data_type),
            v: self.v,
            prf: PrfFunc(self.prf),
            csb_id: self.csb_id,
            crypto_sessions: self.count,
            map: match self.map {
                0 => CsIdMap::SrtpId(SrtpIds::new(&self.info).unwrap()),
                1 => CsIdMap::Empty,
                _ => CsIdMap::GenericId(GenericIds::new(&self.info, self.count).unwrap()),
            },
        }
    }
}

pub(crate) fn head() -> impl Strategy<Value = Head> {
    let srtp = vec(any::<(u8, u32, u32)>(), 0..6).prop_map(|all| {
        let ids: Vec<_> =
            all.iter().map(|(policy, ssrc, roc)| SrtpId { policy: *policy, ssrc: *ssrc, roc: *roc }).collect();
        (0u8, ids.len() as u8, SrtpIds::encode(&ids))
    });
    let generic = vec((any::<(u8, u8, bool)>(), bytes(), bytes(), bytes()), 0..6).prop_map(|all| {
        let ids: Vec<_> = all
            .iter()
            .map(|((cs_id, protocol, s), policies, session_data, spi)| GenericId {
                cs_id: *cs_id,
                protocol: ProtType(*protocol),
                s: *s,
                policies,
                session_data,
                spi,
            })
            .collect();
        (2u8, ids.len() as u8, GenericIds::encode(&ids).unwrap())
    });
    let empty = any::<u8>().prop_map(|n| (1u8, n, vec![]));
    (any::<(u8, bool, u32)>(), 0u8..128, prop_oneof![srtp, generic, empty]).prop_map(
        |((data_type, v, csb_id), prf, (map, count, info))| Head { data_type, v, prf, csb_id, count, map, info },
    )
}

/// Header and payloads that make a message: no SP with the Empty map, SIGN at most as the last of several.
pub(crate) fn message() -> impl Strategy<Value = (Head, Vec<Owned>)> {
    let sign = proptest::option::of((0u8..16, bytes()).prop_map(|(a, b)| Owned::Sign(a, b)));
    (head(), vec(payload(), 1..12), sign).prop_map(|(head, mut payloads, sign)| {
        if head.map == 1 {
            payloads.retain(|p| !matches!(p, Owned::Sp(..)));
        }
        if payloads.is_empty() {
            payloads.push(Owned::Rand(vec![1; 16]));
        }
        payloads.extend(sign);
        (head, payloads)
    })
}

/// The bytes of a message.
pub(crate) fn encoded(head: &Head, payloads: &[Owned]) -> Vec<u8> {
    let views: Vec<_> = payloads.iter().map(Owned::view).collect();
    encode(&head.view(), &views).unwrap()
}

/// A message with one payload of every type that may stand in one.
pub(crate) fn everything() -> Vec<u8> {
    let ids = [
        GenericId { cs_id: 1, protocol: ProtType::SRTP, s: true, policies: &[0], session_data: &[7; 10], spi: &[1, 2] },
        GenericId { cs_id: 2, protocol: ProtType(9), s: false, policies: &[], session_data: &[], spi: &[] },
    ];
    let info = GenericIds::encode(&ids).unwrap();
    let header = Header {
        data_type: DataType::TRANSFER_INIT,
        v: true,
        prf: PrfFunc::HMAC_SHA_256,
        csb_id: 0xdead_beef,
        crypto_sessions: 2,
        map: CsIdMap::GenericId(GenericIds::new(&info, 2).unwrap()),
    };
    let id = Id { kind: IdType::URI, data: b"sip:alice@example.org" };
    let policy = SrtpPolicy { encr_alg: Some(1), auth_key_len: Some(20), auth_tag_len: Some(10), ..Default::default() };
    let policy = policy.encode();
    let tp = TicketPolicy {
        kind: TicketType::MIKEY_BASE,
        subtype: 1,
        version: 1,
        prf: PrfFunc::HMAC_SHA_256,
        flags: 0b1010_1010_1010,
        reserved: 0,
        data: &[0],
    };
    let payloads = [
        Payload::T(Timestamp::ntp_utc(1_800_000_000, 5)),
        Payload::Rand(&[3; 16]),
        Payload::RandR(RandR { role: RandRole::INITIATOR, rand: &[4; 16] }),
        Payload::Id(id),
        Payload::Idr(IdR { role: IdRole::INITIATOR, id }),
        Payload::Cert(Cert { kind: CertType::X509_URL, data: b"http://example.org/c" }),
        Payload::CertHash(CertHash { func: HashFunc::MD5, hash: &[5; 16] }),
        Payload::Pke(Pke { cache: CacheType::CACHE, data: &[6; 20] }),
        Payload::Dh(Dh {
            group: DhGroup::OAKLEY_1,
            value: &[7; 96],
            reserved: 0,
            validity: KeyValidity::Interval { from: &[0; 6], to: &[1; 6] },
        }),
        Payload::Sp(Policy::new(0, ProtType::SRTP, &policy).unwrap()),
        Payload::Err(ErrorPayload { number: ErrorNo::INVALID_PRF, reserved: 0 }),
        Payload::Tr(TimestampR { role: TsRole::END, timestamp: Timestamp { kind: TsType::NTP_UTC_32, value: 9 } }),
        Payload::Tp(tp),
        Payload::Ticket(Ticket { policy: tp, data: &[8; 9], initiator_data: &[9; 3] }),
        Payload::Extension(Extension { kind: ExtensionType::SDP_IDS, data: b"mikey" }),
        Payload::Ibake(&[10; 30]),
        Payload::Esk(&[11; 31]),
        Payload::Sakke(Sakke { params: 1, id_scheme: 1, data: &[12; 10] }),
        Payload::Kemac(Kemac { encr_alg: EncrAlg::AES_CM_256, encr_data: &[13; 33], mac_alg: MacAlg::NULL, mac: &[] }),
        Payload::V(Verification { alg: MacAlg::HMAC_SHA_256_256, data: &[14; 32] }),
    ];
    encode(&header, &payloads).unwrap()
}
