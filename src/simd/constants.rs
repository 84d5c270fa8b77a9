//! Constants of the field and of the curve. Written by `docs/simd_constants.py`; do not edit by hand.

#![allow(clippy::unreadable_literal)]

/// The field's prime.
pub(crate) const P: [u64; 8] = [
    0xffffffffaaab,
    0x158a9ffffdcff,
    0x3d8907aaffff,
    0x1ece61a541ed6,
    0x174b84f38512b,
    0x1b21a5d66bb23,
    0x1ff9a692c6e9e,
    0x340223d472,
];
/// `-1/p mod 2^49`.
pub(crate) const P_INV: u64 = 0x1fffcfffcfffd;
/// `(c p + 1) / 2^49` with `c = -1/p mod 2^49`: adding `q c p` to a number whose low limb is `q` clears that limb, and what is left is `q` times this.
pub(crate) const FRIENDLY: [u64; 8] = [
    0x15f03e90193ad,
    0x890ee400d801,
    0x1cb57ffdebbaf,
    0x1ad9055ce207a,
    0x114c9d68479d7,
    0x12be94add5805,
    0x7b39e600541b,
    0x3401d5d0ef,
];
/// 1.
pub(crate) const ONE: [u64; 8] = [
    0x347fcb8,
    0x1369001588cec,
    0x431c84b80337,
    0x6ecd3f07441,
    0x109b42da0f73e,
    0xcc7894bdd84d,
    0x1e804b29f1457,
    0xaef4cb3f9,
];
/// `R^2 mod p`: into Montgomery form.
pub(crate) const R2: [u64; 8] = [
    0x11c34510370ed,
    0xe29f121eb136,
    0x1f4ec7596bb11,
    0x169e6d4012662,
    0x10ea725d74088,
    0x53ac32e88c60,
    0x167f573541cc8,
    0x191a99914e,
];
/// The plain 1: out of Montgomery form.
pub(crate) const PLAIN_ONE: [u64; 8] = [0x1, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0];
/// The absolute value of the (negative) parameter `x`.
pub(crate) const X: u64 = 0xd201000000010000;
/// `xi^(j (p^1 - 1) / 6)` for j = 0..6: what the Frobenius map of order 1 multiplies the coefficient of `w^j` by.
pub(crate) const FROBENIUS_1: [[[u64; 8]; 2]; 6] = [
    [
        [
            0x347fcb8,
            0x1369001588cec,
            0x431c84b80337,
            0x6ecd3f07441,
            0x109b42da0f73e,
            0xcc7894bdd84d,
            0x1e804b29f1457,
            0xaef4cb3f9,
        ],
        [0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0],
    ],
    [
        [
            0x152b319f1ba38,
            0xad1898f8c76,
            0x17cd6f78fe4ca,
            0x18dee8caf8949,
            0xcd4ff266b7cc,
            0x1b446571cc695,
            0x1be984c48490e,
            0x387ce5a6e,
        ],
        [
            0x1ad4ce60df073,
            0x14dd876705088,
            0xc0b2101b1b35,
            0x5ef78da4958c,
            0xa7685cd1995f,
            0x1fdd40649f48e,
            0x41021ce4258f,
            0x307a557a04,
        ],
    ],
    [
        [0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0],
        [
            0xe48672421b59,
            0xc20e988015f,
            0x133142191d8,
            0x155d12378edb8,
            0x377c4ac70ad2,
            0xab4723435c7f,
            0x7e3d686017b4,
            0x1a348056b8,
        ],
    ],
    [
        [
            0xa25aa33e2f27,
            0x24f13e50e919,
            0x530fdc1eb078,
            0x40216f60ab95,
            0x1a86aa3b93794,
            0x102252a26f1ea,
            0x56719b69555a,
            0x19d4671d8a,
        ],
        [
            0xa25aa33e2f27,
            0x24f13e50e919,
            0x530fdc1eb078,
            0x40216f60ab95,
            0x1a86aa3b93794,
            0x102252a26f1ea,
            0x56719b69555a,
            0x19d4671d8a,
        ],
    ],
    [
        [
            0xe486758a1811,
            0x142b0eae08e4b,
            0x444f98d9950f,
            0x15cbdf76961f9,
            0x1413078680210,
            0x177bfb80134cc,
            0x66421aff2c0b,
            0x2523cd0ab2,
        ],
        [0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0],
    ],
    [
        [
            0x1f50dbd2fe95f,
            0x2fc2c7e0758f,
            0x1cfe6d3ae9542,
            0x1ce0ffc1034de,
            0x75ba961fef60,
            0xb66b8143b880,
            0x1509e7b19e69,
            0x1d5c3577f9,
        ],
        [
            0x10af242cfc14c,
            0x128e7381f676f,
            0x6da233fc6abd,
            0x1ed61e43e9f7,
            0xfefdb91861cb,
            0xfbaedc2302a3,
            0x1ea90817ad035,
            0x16a5ee5c79,
        ],
    ],
];
/// `xi^(j (p^2 - 1) / 6)` for j = 0..6: what the Frobenius map of order 2 multiplies the coefficient of `w^j` by.
pub(crate) const FROBENIUS_2: [[[u64; 8]; 2]; 6] = [
    [
        [
            0x347fcb8,
            0x1369001588cec,
            0x431c84b80337,
            0x6ecd3f07441,
            0x109b42da0f73e,
            0xcc7894bdd84d,
            0x1e804b29f1457,
            0xaef4cb3f9,
        ],
        [0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0],
    ],
    [
        [
            0x1b798dbd8f52,
            0x14c891677dba0,
            0x3c55f3896e27,
            0x9714f6db311e,
            0x13d3c04714659,
            0x106d33a235ea4,
            0x1815d00cc56ea,
            0x19cda37dba,
        ],
        [0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0],
    ],
    [
        [
            0x1b798a75929a,
            0x15f9151f4eb4,
            0x1f9396ed16af0,
            0x902822eabcdc,
            0x3387d6d04f1b,
            0x3a5aa5658657,
            0x199584e2d4293,
            0xede56c9c0,
        ],
        [0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0],
    ],
    [
        [
            0xfffffcb7adf3,
            0x2219fea75013,
            0x1fa6c82f2fcc8,
            0x1e5f94663aa94,
            0x6b04219759ed,
            0xe5a1c8a8e2d6,
            0x1795b68d5a47,
            0x2912d72079,
        ],
        [0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0],
    ],
    [
        [
            0xe48672421b59,
            0xc20e988015f,
            0x133142191d8,
            0x155d12378edb8,
            0x377c4ac70ad2,
            0xab4723435c7f,
            0x7e3d686017b4,
            0x1a348056b8,
        ],
        [0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0],
    ],
    [
        [
            0xe486758a1811,
            0x142b0eae08e4b,
            0x444f98d9950f,
            0x15cbdf76961f9,
            0x1413078680210,
            0x177bfb80134cc,
            0x66421aff2c0b,
            0x2523cd0ab2,
        ],
        [0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0],
    ],
];
/// `xi^(j (p^3 - 1) / 6)` for j = 0..6: what the Frobenius map of order 3 multiplies the coefficient of `w^j` by.
pub(crate) const FROBENIUS_3: [[[u64; 8]; 2]; 6] = [
    [
        [
            0x347fcb8,
            0x1369001588cec,
            0x431c84b80337,
            0x6ecd3f07441,
            0x109b42da0f73e,
            0xcc7894bdd84d,
            0x1e804b29f1457,
            0xaef4cb3f9,
        ],
        [0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0],
    ],
    [
        [
            0x5da55cc17b84,
            0x133b8c1aef3e6,
            0x1ea792b8c4f87,
            0x1acc4aaf37340,
            0x1cc4dab7f1997,
            0xaff5333fc938,
            0x1a928cdc31944,
            0x1a2dbcb6e8,
        ],
        [
            0xa25aa33e2f27,
            0x24f13e50e919,
            0x530fdc1eb078,
            0x40216f60ab95,
            0x1a86aa3b93794,
            0x102252a26f1ea,
            0x56719b69555a,
            0x19d4671d8a,
        ],
    ],
    [
        [0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0],
        [
            0x347fcb8,
            0x1369001588cec,
            0x431c84b80337,
            0x6ecd3f07441,
            0x109b42da0f73e,
            0xcc7894bdd84d,
            0x1e804b29f1457,
            0xaef4cb3f9,
        ],
    ],
    [
        [
            0x5da55cc17b84,
            0x133b8c1aef3e6,
            0x1ea792b8c4f87,
            0x1acc4aaf37340,
            0x1cc4dab7f1997,
            0xaff5333fc938,
            0x1a928cdc31944,
            0x1a2dbcb6e8,
        ],
        [
            0x5da55cc17b84,
            0x133b8c1aef3e6,
            0x1ea792b8c4f87,
            0x1acc4aaf37340,
            0x1cc4dab7f1997,
            0xaff5333fc938,
            0x1a928cdc31944,
            0x1a2dbcb6e8,
        ],
    ],
    [
        [
            0xfffffcb7adf3,
            0x2219fea75013,
            0x1fa6c82f2fcc8,
            0x1e5f94663aa94,
            0x6b04219759ed,
            0xe5a1c8a8e2d6,
            0x1795b68d5a47,
            0x2912d72079,
        ],
        [0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0],
    ],
    [
        [
            0xa25aa33e2f27,
            0x24f13e50e919,
            0x530fdc1eb078,
            0x40216f60ab95,
            0x1a86aa3b93794,
            0x102252a26f1ea,
            0x56719b69555a,
            0x19d4671d8a,
        ],
        [
            0x5da55cc17b84,
            0x133b8c1aef3e6,
            0x1ea792b8c4f87,
            0x1acc4aaf37340,
            0x1cc4dab7f1997,
            0xaff5333fc938,
            0x1a928cdc31944,
            0x1a2dbcb6e8,
        ],
    ],
];
/// The cube root of unity with `[-x^2](X, Y) = (BETA X, Y)` on G1.
pub(crate) const BETA: [u64; 8] = [
    0x1b798a75929a,
    0x15f9151f4eb4,
    0x1f9396ed16af0,
    0x902822eabcdc,
    0x3387d6d04f1b,
    0x3a5aa5658657,
    0x199584e2d4293,
    0xede56c9c0,
];
/// What `psi` multiplies the conjugate of the first coordinate by; `psi = [x]` on G2.
pub(crate) const PSI_X: [[u64; 8]; 2] = [
    [0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0, 0x0],
    [
        0xe486758a1811,
        0x142b0eae08e4b,
        0x444f98d9950f,
        0x15cbdf76961f9,
        0x1413078680210,
        0x177bfb80134cc,
        0x66421aff2c0b,
        0x2523cd0ab2,
    ],
];
/// What `psi` multiplies the conjugate of the second coordinate by; `psi = [x]` on G2.
pub(crate) const PSI_Y: [[u64; 8]; 2] = [
    [
        0x5da55cc17b84,
        0x133b8c1aef3e6,
        0x1ea792b8c4f87,
        0x1acc4aaf37340,
        0x1cc4dab7f1997,
        0xaff5333fc938,
        0x1a928cdc31944,
        0x1a2dbcb6e8,
    ],
    [
        0xa25aa33e2f27,
        0x24f13e50e919,
        0x530fdc1eb078,
        0x40216f60ab95,
        0x1a86aa3b93794,
        0x102252a26f1ea,
        0x56719b69555a,
        0x19d4671d8a,
    ],
];
