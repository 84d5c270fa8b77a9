//! Numbers of BLS12-381 (RFC 9380 section 8.8, draft-irtf-cfrg-pairing-friendly-curves section 4.2.1).
//!
//! Field constants are in Montgomery form with `R = 2^384`, six 64-bit limbs, lowest first, which both backends use.
//! Everything follows from `x = -0xd201000000010000`: `r = x^4 - x^2 + 1`, `p = (x - 1)^2 r / 3 + x`.

use super::backend::Limbs;

/// `|x|`.
pub(crate) const ABS_X: u64 = 0xd201_0000_0001_0000;

/// The group order `r`.
pub(crate) const R: Limbs =
    [0xffff_ffff_0000_0001, 0x53bd_a402_fffe_5bfe, 0x3339_d808_09a1_d805, 0x73ed_a753_299d_7d48];

/// The field order `p` as 48 big-endian bytes.
pub(crate) const P_BYTES: [u8; 48] = [
    0x1a, 0x01, 0x11, 0xea, 0x39, 0x7f, 0xe6, 0x9a, 0x4b, 0x1b, 0xa7, 0xb6, 0x43, 0x4b, 0xac, 0xd7, 0x64, 0x77, 0x4b,
    0x84, 0xf3, 0x85, 0x12, 0xbf, 0x67, 0x30, 0xd2, 0xa0, 0xf6, 0xb0, 0xf6, 0x24, 0x1e, 0xab, 0xff, 0xfe, 0xb1, 0x53,
    0xff, 0xff, 0xb9, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xaa, 0xab,
];

/// `(p - 1) / 2` as a plain number (not Montgomery).
#[cfg(feature = "blst")]
pub(crate) const HALF_P: [u64; 6] = [
    0xdcff_7fff_ffff_d555,
    0x0f55_ffff_58a9_ffff,
    0xb398_6950_7b58_7b12,
    0xb23b_a5c2_79c2_895f,
    0x258d_d3db_21a5_d66b,
    0x0d00_88f5_1cbf_f34d,
];

/// The cube root of unity with `[-x^2](X, Y) = (BETA X, Y)` on G1.
pub(crate) const BETA: [u64; 6] = [
    0x30f1_361b_798a_64e8,
    0xf3b8_ddab_7ece_5a2a,
    0x16a8_ca3a_c615_77f7,
    0xc26a_2ff8_74fd_029b,
    0x3636_b766_6070_1c6e,
    0x051b_a4ab_241b_6160,
];

/// `1 / (1 + u)^((p - 1) / 3)`, real and imaginary part: `psi(X, Y) = (PSI_X conj(X), PSI_Y conj(Y)) = [x](X, Y)` on G2.
pub(crate) const PSI_X: [[u64; 6]; 2] = [
    [0; 6],
    [
        0x890d_c9e4_8675_45c3,
        0x2af3_2253_3285_a5d5,
        0x5088_0866_309b_7e2c,
        0xa20d_1b8c_7e88_1024,
        0x14e4_f04f_e2db_9068,
        0x14e5_6d3f_1564_853a,
    ],
];

/// `1 / (1 + u)^((p - 1) / 2)`.
pub(crate) const PSI_Y: [[u64; 6]; 2] = [
    [
        0x3e2f_585d_a55c_9ad1,
        0x4294_213d_86c1_8183,
        0x3828_44c8_8b62_3732,
        0x92ad_2afd_1910_3e18,
        0x1d79_4e4f_ac7c_f0b9,
        0x0bd5_92fc_7d82_5ec8,
    ],
    [
        0x7bcf_a7a2_5aa3_0fda,
        0xdc17_dec1_2a92_7e7c,
        0x2f08_8dd8_6b4e_bef1,
        0xd1ca_2087_da74_d4a7,
        0x2da2_5966_96ce_bc1d,
        0x0e2b_7eed_bbfd_87d2,
    ],
];

/// Lines of the Miller loop: 63 doublings and 5 additions, for the 64 bits and the weight 6 of `|x|`.
#[cfg(feature = "blst")]
pub(crate) const LINES: usize = 68;

/// `xi^(n (p - 1) / 6)` for `n` in 0..=5, `xi = 1 + u`: factors of the Frobenius map on Fp12.
pub(crate) const FROBENIUS: [[[u64; 6]; 2]; 6] = [
    [
        [
            0x7609_0000_0002_fffd,
            0xebf4_000b_c40c_0002,
            0x5f48_9857_53c7_58ba,
            0x77ce_5853_7052_5745,
            0x5c07_1a97_a256_ec6d,
            0x15f6_5ec3_fa80_e493,
        ],
        [0; 6],
    ],
    [
        [
            0x0708_9552_b319_d465,
            0xc669_5f92_b50a_8313,
            0x97e8_3ccc_d117_228f,
            0xa35b_aeca_b2dc_29ee,
            0x1ce3_93ea_5daa_ce4d,
            0x08f2_220f_b0fb_66eb,
        ],
        [
            0xb2f6_6aad_4ce5_d646,
            0x5842_a06b_fc49_7cec,
            0xcf48_95d4_2599_d394,
            0xc11b_9cba_40a8_e8d0,
            0x2e38_13cb_e5a0_de89,
            0x110e_efda_8884_7faf,
        ],
    ],
    [
        [0; 6],
        [
            0xcd03_c9e4_8671_f071,
            0x5dab_2246_1fcd_a5d2,
            0x5870_42af_d385_1b95,
            0x8eb6_0ebe_01ba_cb9e,
            0x03f9_7d6e_83d0_50d2,
            0x18f0_2065_5463_8741,
        ],
    ],
    [
        [
            0x7bcf_a7a2_5aa3_0fda,
            0xdc17_dec1_2a92_7e7c,
            0x2f08_8dd8_6b4e_bef1,
            0xd1ca_2087_da74_d4a7,
            0x2da2_5966_96ce_bc1d,
            0x0e2b_7eed_bbfd_87d2,
        ],
        [
            0x7bcf_a7a2_5aa3_0fda,
            0xdc17_dec1_2a92_7e7c,
            0x2f08_8dd8_6b4e_bef1,
            0xd1ca_2087_da74_d4a7,
            0x2da2_5966_96ce_bc1d,
            0x0e2b_7eed_bbfd_87d2,
        ],
    ],
    [
        [
            0x890d_c9e4_8675_45c3,
            0x2af3_2253_3285_a5d5,
            0x5088_0866_309b_7e2c,
            0xa20d_1b8c_7e88_1024,
            0x14e4_f04f_e2db_9068,
            0x14e5_6d3f_1564_853a,
        ],
        [0; 6],
    ],
    [
        [
            0x82d8_3cf5_0dbc_e43f,
            0xa281_3e53_df9d_018f,
            0xc6f0_caa5_3c65_e181,
            0x7525_cf52_8d50_fe95,
            0x4a85_ed50_f479_8a6b,
            0x171d_a0fd_6cf8_eebd,
        ],
        [
            0x3726_c30a_f242_c66c,
            0x7c2a_c1aa_d1b6_fe70,
            0xa040_07fb_ba4b_14a2,
            0xef51_7c32_6634_1429,
            0x0095_ba65_4ed2_226b,
            0x02e3_70ec_cc86_f7dd,
        ],
    ],
];
