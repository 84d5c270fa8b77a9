//! The one table of MIKEY's numbers, by the name spaces of the IANA registry "Multimedia Internet KEYing (MIKEY) Payload
//! Name Spaces" (rules: RFC 6309).
//!
//! Every value that a field can have is kept, named or not; `name` gives the registered name. Sources: RFC 3830 section 6,
//! RFC 4563 (Key ID, Empty map), RFC 4650 section 4.1 (DHHMAC), RFC 4738 section 3.9 (RSA-R), RFC 6043 section 6 (tickets),
//! RFC 6267 section 6 (IBAKE), RFC 6509 section 4 (SAKKE), RFC 7714 section 14.3 (AES-GCM). RFC 4650 prints other values
//! for "Encr alg" and "MAC alg" (its tables 4.2.a and section 4.2); the registry has those of RFC 3830, and so has this table.

/// A name space: a newtype over its integer, constants for what is registered, and the registered names.
macro_rules! registry {
    ($($(#[$doc:meta])* $type:ident($int:ty) { $($name:ident = $value:literal $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(pub $int);

        impl $type {
            $(#[doc = $text] pub const $name: Self = Self($value);)*
            /// Everything that is named here.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The registered name; `None` for a number that is not named here.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($text),)*
                    _ => None,
                }
            }
        }

        impl core::fmt::Display for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, "{} ({})", self.0, self.name().unwrap_or("not registered"))
            }
        }

        impl core::fmt::Debug for $type {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                write!(f, concat!(stringify!($type), " {}"), self)
            }
        }
    )*};
}

registry! {
    /// Data type of the common header: which message it is.
    DataType(u8) {
        PSK = 0 "Pre-shared key message",
        PSK_VERIFICATION = 1 "Verification message of a pre-shared key message",
        PUBLIC_KEY = 2 "Public-key transport message",
        PUBLIC_KEY_VERIFICATION = 3 "Verification message of a public-key message",
        DH_INIT = 4 "D-H init",
        DH_RESPONSE = 5 "D-H resp",
        ERROR = 6 "Error",
        DHHMAC_INIT = 7 "DHHMAC init",
        DHHMAC_RESPONSE = 8 "DHHMAC resp",
        RSA_R_INIT = 9 "RSA-R I_MSG",
        RSA_R_RESPONSE = 10 "RSA-R R_MSG",
        REQUEST_INIT_PSK = 11 "REQUEST_INIT_PSK",
        REQUEST_INIT_PK = 12 "REQUEST_INIT_PK",
        REQUEST_RESP = 13 "REQUEST_RESP",
        TRANSFER_INIT = 14 "TRANSFER_INIT",
        TRANSFER_RESP = 15 "TRANSFER_RESP",
        RESOLVE_INIT_PSK = 16 "RESOLVE_INIT_PSK",
        RESOLVE_INIT_PK = 17 "RESOLVE_INIT_PK",
        RESOLVE_RESP = 18 "RESOLVE_RESP",
        REQUEST_KEY_PSK = 19 "REQUEST_KEY_PSK",
        REQUEST_KEY_PKE = 20 "REQUEST_KEY_PKE",
        REQUEST_KEY_RESP = 21 "REQUEST_KEY_RESP",
        I_MESSAGE_1 = 22 "I_MESSAGE_1",
        R_MESSAGE_1 = 23 "R_MESSAGE_1",
        I_MESSAGE_2 = 24 "I_MESSAGE_2",
        R_MESSAGE_2 = 25 "R_MESSAGE_2",
        SAKKE = 26 "SAKKE msg",
    }

    /// Next payload: what kind of payload follows.
    PayloadType(u8) {
        LAST = 0 "Last payload",
        KEMAC = 1 "KEMAC",
        PKE = 2 "PKE",
        DH = 3 "DH",
        SIGN = 4 "SIGN",
        T = 5 "T",
        ID = 6 "ID",
        CERT = 7 "CERT",
        CHASH = 8 "CHASH",
        V = 9 "V",
        SP = 10 "SP",
        RAND = 11 "RAND",
        ERR = 12 "ERR",
        TR = 13 "TR",
        IDR = 14 "IDR",
        RANDR = 15 "RANDR",
        TP = 16 "TP",
        TICKET = 17 "TICKET",
        KEY_DATA = 20 "Key data",
        GENERAL_EXT = 21 "General Ext.",
        IBAKE = 22 "IBAKE",
        ESK = 23 "ESK",
        SK = 24 "SK",
        ECCPT = 25 "ECCPT",
        SAKKE = 26 "SAKKE",
    }

    /// PRF func of the common header (7 bits).
    PrfFunc(u8) {
        MIKEY_1 = 0 "MIKEY-1",
        HMAC_SHA_256 = 1 "PRF-HMAC-SHA-256",
    }

    /// CS ID map type.
    CsIdMapType(u8) {
        SRTP_ID = 0 "SRTP-ID",
        EMPTY = 1 "Empty map",
        GENERIC_ID = 2 "GENERIC-ID",
    }

    /// Encryption algorithm of KEMAC.
    EncrAlg(u8) {
        NULL = 0 "NULL",
        AES_CM_128 = 1 "AES-CM-128",
        AES_KW_128 = 2 "AES-KW-128",
        AES_CM_256 = 3 "AES-CM-256",
    }

    /// MAC algorithm of KEMAC and V.
    MacAlg(u8) {
        NULL = 0 "NULL",
        HMAC_SHA_1_160 = 1 "HMAC-SHA-1-160",
        HMAC_SHA_256_256 = 2 "HMAC-SHA-256-256",
    }

    /// Envelope key cache indicator of PKE (2 bits).
    CacheType(u8) {
        NO_CACHE = 0 "No cache",
        CACHE = 1 "Cache",
        CACHE_FOR_CSB = 2 "Cache for CSB",
    }

    /// DH-Group.
    DhGroup(u8) {
        OAKLEY_5 = 0 "OAKLEY 5",
        OAKLEY_1 = 1 "OAKLEY 1",
        OAKLEY_2 = 2 "OAKLEY 2",
    }

    /// Signature algorithm of SIGN (4 bits).
    SType(u8) {
        RSA_PKCS1 = 0 "RSA/PKCS#1/1.5",
        RSA_PSS = 1 "RSA/PSS",
        ECCSI = 2 "ECCSI",
        // RFC 3830 keeps none of the sixteen values for private use; this is the last one.
        CHA_CHEON = 15 "Cha-Cheon over BLS12-381",
    }

    /// Timestamp type.
    TsType(u8) {
        NTP_UTC = 0 "NTP-UTC",
        NTP = 1 "NTP",
        COUNTER = 2 "COUNTER",
        NTP_UTC_32 = 3 "NTP-UTC-32",
    }

    /// Timestamp role of TR.
    TsRole(u8) {
        ISSUE = 1 "time of issue",
        START = 2 "start of validity period",
        END = 3 "end of validity period",
        REKEYING = 4 "rekeying interval",
    }

    /// Identity type.
    IdType(u8) {
        NAI = 0 "NAI",
        URI = 1 "URI",
        BYTES = 2 "byte string",
    }

    /// Identity role of IDR.
    IdRole(u8) {
        INITIATOR = 1 "Initiator",
        RESPONDER = 2 "Responder",
        KMS = 3 "KMS",
        PSK = 4 "pre-shared key",
        APPLICATION = 5 "application",
        KMS_OF_INITIATOR = 6 "Initiator's KMS",
        KMS_OF_RESPONDER = 7 "Responder's KMS",
    }

    /// Certificate type.
    CertType(u8) {
        X509 = 0 "X.509v3",
        X509_URL = 1 "X.509v3 URL",
        X509_SIGN = 2 "X.509v3 Sign",
        X509_ENCR = 3 "X.509v3 Encr",
    }

    /// Hash function of CHASH.
    HashFunc(u8) {
        SHA_1 = 0 "SHA-1",
        MD5 = 1 "MD5",
        SHA_256 = 2 "SHA-256",
    }

    /// Security protocol of SP and of GENERIC-ID.
    ProtType(u8) {
        SRTP = 0 "SRTP",
    }

    /// Type of an SRTP policy parameter, table 6.10.1.a of RFC 3830 with RFC 7714.
    SrtpParam(u8) {
        ENCR_ALG = 0 "Encryption algorithm",
        ENCR_KEY_LEN = 1 "Session Encr. key length",
        AUTH_ALG = 2 "Authentication algorithm",
        AUTH_KEY_LEN = 3 "Session Auth. key length",
        SALT_KEY_LEN = 4 "Session Salt key length",
        PRF = 5 "SRTP Pseudo Random Function",
        KEY_DERIVATION_RATE = 6 "Key derivation rate",
        SRTP_ENCR = 7 "SRTP encryption off/on",
        SRTCP_ENCR = 8 "SRTCP encryption off/on",
        FEC_ORDER = 9 "sender's FEC order",
        SRTP_AUTH = 10 "SRTP authentication off/on",
        AUTH_TAG_LEN = 11 "Authentication tag length",
        PREFIX_LEN = 12 "SRTP prefix length",
        AEAD_TAG_LEN = 20 "AEAD authentication tag length",
    }

    /// Value of [`SrtpParam::ENCR_ALG`].
    SrtpEncrAlg(u8) {
        NULL = 0 "NULL",
        AES_CM = 1 "AES-CM",
        AES_F8 = 2 "AES-F8",
        AES_GCM = 6 "AES-GCM",
    }

    /// Value of [`SrtpParam::AUTH_ALG`].
    SrtpAuthAlg(u8) {
        NULL = 0 "NULL",
        HMAC_SHA_1 = 1 "HMAC-SHA-1",
    }

    /// Entity that drew the value of RANDR.
    RandRole(u8) {
        INITIATOR = 1 "Initiator",
        RESPONDER = 2 "Responder",
        KMS = 3 "KMS",
    }

    /// Error number of ERR.
    ErrorNo(u8) {
        AUTH_FAILURE = 0 "Auth failure",
        INVALID_TS = 1 "Invalid TS",
        INVALID_PRF = 2 "Invalid PRF",
        INVALID_MAC = 3 "Invalid MAC",
        INVALID_EA = 4 "Invalid EA",
        INVALID_HA = 5 "Invalid HA",
        INVALID_DH = 6 "Invalid DH",
        INVALID_ID = 7 "Invalid ID",
        INVALID_CERT = 8 "Invalid Cert",
        INVALID_SP = 9 "Invalid SP",
        INVALID_SPPAR = 10 "Invalid SPpar",
        INVALID_DT = 11 "Invalid DT",
        UNSPECIFIED = 12 "Unspecified error",
        UNSUPPORTED_MESSAGE_TYPE = 13 "Unsupported message type",
        INVALID_TICKET = 14 "Invalid TICKET",
        INVALID_TPPAR = 15 "Invalid TPpar",
    }

    /// Type of a Key data sub-payload (4 bits).
    KeyType(u8) {
        TGK = 0 "TGK",
        TGK_SALT = 1 "TGK+SALT",
        TEK = 2 "TEK",
        TEK_SALT = 3 "TEK+SALT",
        GTGK = 4 "GTGK",
        GTGK_SALT = 5 "GTGK+SALT",
        MPK = 6 "MPK",
        K_PR = 7 "K_PR",
    }

    /// Kind of key validity data (4 bits).
    KvType(u8) {
        NULL = 0 "Null",
        SPI = 1 "SPI",
        INTERVAL = 2 "Interval",
    }

    /// Type of an SK sub-payload (4 bits).
    SkType(u8) {
        SK = 1 "SK",
    }

    /// Type of a General Extension payload.
    ExtensionType(u8) {
        VENDOR_ID = 0 "Vendor ID",
        SDP_IDS = 1 "SDP IDs",
        TESLA_I_KEY = 2 "TESLA I-Key",
        KEY_ID = 3 "Key ID",
        CSB_ID = 4 "CSB_ID",
    }

    /// Type of a key identifier inside a Key ID extension.
    KeyIdType(u8) {
        MBMS_KEY_DOMAIN = 0 "MBMS Key Domain ID",
        MBMS_SERVICE_KEY = 1 "MBMS Service Key ID",
        MBMS_TRAFFIC_KEY = 2 "MBMS Traffic Key ID",
    }

    /// Ticket type of TP and TICKET.
    TicketType(u16) {
        MIKEY_BASE = 1 "MIKEY Base Ticket",
        THREE_GPP_BASE = 2 "3GPP Base Ticket",
    }

    /// Curve of an ECCPT sub-payload. 240 to 254 are for private use; the three of them that are named are this project's.
    EccCurve(u8) {
        P192 = 1 "P-192",
        B163 = 2 "B-163",
        K163 = 3 "K-163",
        SECT163R1 = 4 "sect163r1",
        P224 = 5 "P-224",
        B233 = 6 "B-233",
        K233 = 7 "K-233",
        P256 = 8 "P-256",
        B283 = 9 "B-283",
        K283 = 10 "K-283",
        P384 = 11 "P-384",
        B409 = 12 "B-409",
        K409 = 13 "K-409",
        P521 = 14 "P-521",
        B571 = 15 "B-571",
        K571 = 16 "K-571",
        X25519 = 240 "X25519 (private use)",
        P256_ML_KEM_KEY = 241 "P-256 with ML-KEM-768 encapsulation key (private use)",
        P256_ML_KEM_CIPHERTEXT = 242 "P-256 with ML-KEM-768 ciphertext (private use)",
    }
}

impl MacAlg {
    /// Bytes of the tag; `None` where the number says nothing about it.
    #[must_use]
    pub const fn tag_len(self) -> Option<usize> {
        match self {
            Self::NULL => Some(0),
            Self::HMAC_SHA_1_160 => Some(20),
            Self::HMAC_SHA_256_256 => Some(32),
            _ => None,
        }
    }
}

impl TsType {
    /// Bytes of the TS value (RFC 3830 table 6.6, RFC 6043 table 6.8); `None` where unknown.
    #[must_use]
    pub const fn value_len(self) -> Option<usize> {
        match self {
            Self::NTP_UTC | Self::NTP => Some(8),
            Self::COUNTER | Self::NTP_UTC_32 => Some(4),
            _ => None,
        }
    }
}

impl HashFunc {
    /// Bytes of the hash (RFC 3830 table 6.8, RFC 6043 table 6.12); `None` where unknown.
    #[must_use]
    pub const fn hash_len(self) -> Option<usize> {
        match self {
            Self::SHA_1 => Some(20),
            Self::MD5 => Some(16),
            Self::SHA_256 => Some(32),
            _ => None,
        }
    }
}

impl DhGroup {
    /// Bytes of a DH-value (RFC 3830 table 6.4); `None` where unknown.
    #[must_use]
    pub const fn value_len(self) -> Option<usize> {
        match self {
            Self::OAKLEY_5 => Some(192),
            Self::OAKLEY_1 => Some(96),
            Self::OAKLEY_2 => Some(128),
            _ => None,
        }
    }
}

impl KeyType {
    /// Whether Salt len and Salt data follow the key (RFC 3830 section 6.13); `None` for a type that is not registered.
    #[must_use]
    pub const fn has_salt(self) -> Option<bool> {
        match self {
            Self::TGK_SALT | Self::TEK_SALT | Self::GTGK_SALT => Some(true),
            Self::TGK | Self::TEK | Self::GTGK | Self::MPK | Self::K_PR => Some(false),
            _ => None,
        }
    }
}

impl EccCurve {
    /// Bytes of a field element (SEC 2); `None` for numbers that are no curve over a field of known size.
    const fn field_len(self) -> Option<usize> {
        Some(match self {
            Self::P192 => 24,
            Self::B163 | Self::K163 | Self::SECT163R1 => 21,
            Self::P224 => 28,
            Self::B233 | Self::K233 => 30,
            Self::P256 => 32,
            Self::B283 | Self::K283 => 36,
            Self::P384 => 48,
            Self::B409 | Self::K409 => 52,
            Self::P521 => 66,
            Self::B571 | Self::K571 => 72,
            _ => return None,
        })
    }

    /// Bytes of the ECC Point whose first byte is `first`: uncompressed (04) and compressed (02, 03) points of SEC 1 section
    /// 2.3.3, and the shares of the private-use numbers. `None` for any other form and for unknown curves.
    #[must_use]
    pub const fn point_len(self, first: u8) -> Option<usize> {
        match self {
            Self::X25519 => return Some(32),
            Self::P256_ML_KEM_KEY => return if first == 4 { Some(65 + 1184) } else { None },
            Self::P256_ML_KEM_CIPHERTEXT => return if first == 4 { Some(65 + 1088) } else { None },
            _ => {}
        }
        match (self.field_len(), first) {
            (Some(n), 4) => Some(1 + 2 * n),
            (Some(n), 2 | 3) => Some(1 + n),
            _ => None,
        }
    }
}
