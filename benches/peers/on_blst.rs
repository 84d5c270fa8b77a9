//! The curve part of the rival: blst's C functions as they are, and what an expert adds around them.
//!
//! Scalar multiplication, pairing and hashing are blst's own and constant time. What blst lacks is written here for speed
//! alone, with table indices and branches that depend on the scalar: **variable time**, which the crate never is.
//!
//! | added | how |
//! | --- | --- |
//! | `[k]P2` | signed 7-bit windows over a table of all of them, 450 KB, no doubling |
//! | one or two powers in Gt | four 64-bit digits by the Frobenius map, width-5 NAF, 32 table entries |
//! | many powers of one base in Gt | Lim-Lee comb, 6 teeth by 11 columns for each digit, 145 KB |
//! | product of two prepared pairings | one Miller loop with shared squarings |
#![allow(unsafe_code, dead_code, unreachable_pub, clippy::unwrap_used)]

use blst::*;

/// Calls a blst function that writes its first argument, and gives that value.
macro_rules! get {
    ($ty:ty, $f:ident $(, $arg:expr)*) => {{
        let mut value = <$ty>::default();
        // SAFETY: all pointers are to live values of the types that the C function declares.
        unsafe { $f(&mut value $(, $arg)*) };
        value
    }};
}

pub const ABS_X: u64 = 0xd201_0000_0001_0000;

/// `OS2IP(bytes) mod r`.
pub fn scalar_from_wide(bytes: &[u8; 48]) -> blst_scalar {
    get!(blst_scalar, blst_scalar_from_be_bytes, bytes.as_ptr(), 48)
}

/// A scalar from 32 big-endian bytes.
pub fn scalar(bytes: &[u8; 32]) -> blst_scalar {
    get!(blst_scalar, blst_scalar_from_bendian, bytes.as_ptr())
}

/// `2 s mod r`.
pub fn twice(s: &blst_scalar) -> blst_scalar {
    let fr = get!(blst_fr, blst_fr_from_scalar, s);
    let sum = get!(blst_fr, blst_fr_add, &fr, &fr);
    get!(blst_scalar, blst_scalar_from_fr, &sum)
}

pub fn hash_g1(message: &[u8], dst: &[u8]) -> blst_p1 {
    let (m, d) = (message, dst);
    get!(blst_p1, blst_hash_to_g1, m.as_ptr(), m.len(), d.as_ptr(), d.len(), core::ptr::null(), 0)
}

pub fn mul_g1(p: &blst_p1, k: &blst_scalar) -> blst_p1 {
    get!(blst_p1, blst_p1_mult, p, k.b.as_ptr(), 255)
}

pub fn mul_g2(p: &blst_p2, k: &blst_scalar) -> blst_p2 {
    get!(blst_p2, blst_p2_mult, p, k.b.as_ptr(), 255)
}

pub fn double_g1(p: &blst_p1) -> blst_p1 {
    get!(blst_p1, blst_p1_double, p)
}

pub fn neg_g1(p: &blst_p1) -> blst_p1 {
    let mut q = *p;
    // SAFETY: one live value.
    unsafe { blst_p1_cneg(&mut q, true) };
    q
}

pub fn same_g1(a: &blst_p1, b: &blst_p1) -> bool {
    // SAFETY: reads two live values.
    unsafe { blst_p1_is_equal(a, b) }
}

pub fn same_g2(a: &blst_p2, b: &blst_p2) -> bool {
    // SAFETY: reads two live values.
    unsafe { blst_p2_is_equal(a, b) }
}

pub fn encode_g1(p: &blst_p1) -> [u8; 48] {
    let mut out = [0; 48];
    // SAFETY: writes 48 bytes.
    unsafe { blst_p1_compress(out.as_mut_ptr(), p) };
    out
}

pub fn encode_g2(p: &blst_p2) -> [u8; 96] {
    let mut out = [0; 96];
    // SAFETY: writes 96 bytes.
    unsafe { blst_p2_compress(out.as_mut_ptr(), p) };
    out
}

/// A point of the group, not infinity.
pub fn decode_g1(bytes: &[u8; 48]) -> Option<blst_p1> {
    let mut p = blst_p1_affine::default();
    // SAFETY: reads 48 bytes, writes one value; the checks read that value.
    let good = unsafe {
        blst_p1_uncompress(&mut p, bytes.as_ptr()) == BLST_ERROR::BLST_SUCCESS
            && !blst_p1_affine_is_inf(&p)
            && blst_p1_affine_in_g1(&p)
    };
    good.then(|| get!(blst_p1, blst_p1_from_affine, &p))
}

/// A point of the group, not infinity.
pub fn decode_g2(bytes: &[u8; 96]) -> Option<blst_p2_affine> {
    let mut p = blst_p2_affine::default();
    // SAFETY: as above.
    let good = unsafe {
        blst_p2_uncompress(&mut p, bytes.as_ptr()) == BLST_ERROR::BLST_SUCCESS
            && !blst_p2_affine_is_inf(&p)
            && blst_p2_affine_in_g2(&p)
    };
    good.then_some(p)
}

pub fn from_affine_g2(p: &blst_p2_affine) -> blst_p2 {
    get!(blst_p2, blst_p2_from_affine, p)
}

pub fn generator_g2() -> blst_p2 {
    // SAFETY: points to a constant of the library.
    unsafe { *blst_p2_generator() }
}

/// Lines of the Miller loop of one point of G2.
pub struct Lines(Vec<blst_fp6>);

const LINES: usize = 68;

impl Lines {
    pub fn new(q: &blst_p2) -> Self {
        let q = get!(blst_p2_affine, blst_p2_to_affine, q);
        let mut lines = vec![blst_fp6::default(); LINES];
        // SAFETY: writes 68 elements.
        unsafe { blst_precompute_lines(lines.as_mut_ptr(), &q) };
        Self(lines)
    }
}

/// `e(p, q)` with prepared `q`.
pub fn pairing_prepared(p: &blst_p1, q: &Lines) -> blst_fp12 {
    let p = get!(blst_p1_affine, blst_p1_to_affine, p);
    let f = get!(blst_fp12, blst_miller_loop_lines, q.0.as_ptr(), &p);
    get!(blst_fp12, blst_final_exp, &f)
}

/// `e(p, q)`.
pub fn pairing(p: &blst_p1_affine, q: &blst_p2_affine) -> blst_fp12 {
    let f = get!(blst_fp12, blst_miller_loop, q, p);
    get!(blst_fp12, blst_final_exp, &f)
}

pub fn to_affine_g1(p: &blst_p1) -> blst_p1_affine {
    get!(blst_p1_affine, blst_p1_to_affine, p)
}

/// Whether `e(a, q) = e(b, p)`: two prepared Miller loops of blst, one final exponentiation.
pub fn same_pairing(a: &blst_p1, q: &Lines, b: &blst_p1, p: &Lines) -> bool {
    let (a, b) = (to_affine_g1(a), to_affine_g1(b));
    let left = get!(blst_fp12, blst_miller_loop_lines, q.0.as_ptr(), &a);
    let right = get!(blst_fp12, blst_miller_loop_lines, p.0.as_ptr(), &b);
    // SAFETY: reads two live values.
    unsafe { blst_fp12_finalverify(&left, &right) }
}

/// The same with one Miller loop that shares the squarings.
pub fn same_pairing_shared(a: &blst_p1, q: &Lines, b: &blst_p1, p: &Lines) -> bool {
    let lines_at = |p: &blst_p1| {
        let p = to_affine_g1(p);
        let x2 = get!(blst_fp, blst_fp_add, &p.x, &p.x);
        (get!(blst_fp, blst_fp_cneg, &x2, true), get!(blst_fp, blst_fp_add, &p.y, &p.y))
    };
    let terms = [(lines_at(&neg_g1(a)), &q.0), (lines_at(b), &p.0)];
    let mut f = blst_fp12::default();
    let mut step = 0;
    let times = |f: &mut blst_fp12, step: usize| {
        for ((x, y), lines) in &terms {
            let mut line = lines[step];
            for (part, by) in line.fp2[1..].iter_mut().zip([x, y]) {
                part.fp = part.fp.map(|c| get!(blst_fp, blst_fp_mul, &c, by));
            }
            *f = get!(blst_fp12, blst_fp12_mul_by_xy00z0, f, &line);
        }
    };
    for bit in (0..63).rev() {
        f = sqr_any(&f);
        times(&mut f, step);
        step += 1;
        if ABS_X >> bit & 1 == 1 {
            times(&mut f, step);
            step += 1;
        }
    }
    // SAFETY: one live value, then two.
    unsafe {
        blst_fp12_conjugate(&mut f);
        blst_fp12_finalverify(&f, blst_fp12_one())
    }
}

fn sqr_any(f: &blst_fp12) -> blst_fp12 {
    get!(blst_fp12, blst_fp12_sqr, f)
}

/// Gt as the twelve coefficients, lowest first.
pub fn gt_bytes(f: &blst_fp12) -> [u8; 576] {
    let mut out = [0; 576];
    let coefficients = f.fp6.iter().flat_map(|c| &c.fp2).flat_map(|c| &c.fp);
    for (bytes, fp) in out.chunks_exact_mut(48).zip(coefficients) {
        // SAFETY: writes 48 bytes.
        unsafe { blst_bendian_from_fp(bytes.as_mut_ptr(), fp) };
    }
    out
}

const WINDOW: usize = 7;
const WINDOWS: usize = 256 / WINDOW + 1;
const ROW: usize = 1 << (WINDOW - 1);

/// Multiples of a public point of G2, variable time.
pub struct TableG2(Vec<blst_p2_affine>);

impl TableG2 {
    pub fn new(p: &blst_p2) -> Self {
        let mut all = Vec::new();
        let mut base = *p;
        for _ in 0..WINDOWS {
            let mut multiple = base;
            for _ in 0..ROW {
                all.push(multiple);
                multiple = get!(blst_p2, blst_p2_add_or_double, &multiple, &base);
            }
            for _ in 0..WINDOW {
                base = get!(blst_p2, blst_p2_double, &base);
            }
        }
        let mut affine = vec![blst_p2_affine::default(); all.len()];
        let pointers = [all.as_ptr(), core::ptr::null()];
        // SAFETY: reads and writes `all.len()` elements.
        unsafe { blst_p2s_to_affine(affine.as_mut_ptr(), pointers.as_ptr(), all.len()) };
        Self(affine)
    }

    /// `[k]P`; wrong with negligible probability for a random `k`, because the addition is incomplete.
    pub fn mul(&self, k: &blst_scalar) -> blst_p2 {
        let mut sum = blst_p2::default();
        let mut carry = 0;
        for (i, row) in self.0.chunks_exact(ROW).enumerate() {
            let digit = bits(&k.b, i * WINDOW) + carry;
            carry = usize::from(digit > ROW);
            let negative = carry == 1;
            let magnitude = if negative { 2 * ROW - digit } else { digit };
            if magnitude != 0 {
                let mut entry = row[magnitude - 1];
                if negative {
                    entry.y = get!(blst_fp2, blst_fp2_cneg, &entry.y, true);
                }
                sum = get!(blst_p2, blst_p2_add_affine, &sum, &entry);
            }
        }
        sum
    }
}

/// [`WINDOW`] bits from bit `at` up.
fn bits(le: &[u8; 32], at: usize) -> usize {
    let byte = |i: usize| usize::from(*le.get(i).unwrap_or(&0));
    (byte(at / 8) | byte(at / 8 + 1) << 8) >> (at % 8) & ((1 << WINDOW) - 1)
}

fn mul(a: &blst_fp12, b: &blst_fp12) -> blst_fp12 {
    get!(blst_fp12, blst_fp12_mul, a, b)
}

fn sqr(a: &blst_fp12) -> blst_fp12 {
    get!(blst_fp12, blst_fp12_cyclotomic_sqr, a)
}

fn inverse(a: &blst_fp12) -> blst_fp12 {
    let mut f = *a;
    // SAFETY: one live value.
    unsafe { blst_fp12_conjugate(&mut f) };
    f
}

/// `g^(|x|^i)`.
fn power_of_x(g: &blst_fp12, i: usize) -> blst_fp12 {
    match i {
        0 => *g,
        2 => get!(blst_fp12, blst_fp12_frobenius_map, g, 2),
        _ => inverse(&get!(blst_fp12, blst_fp12_frobenius_map, g, i)),
    }
}

/// The digits of a scalar base `|x|`.
fn digits(k: &blst_scalar) -> [u64; 4] {
    let mut limbs: [u64; 4] = core::array::from_fn(|i| u64::from_le_bytes(k.b[8 * i..][..8].try_into().unwrap()));
    core::array::from_fn(|_| {
        let mut rem = 0u128;
        for limb in limbs.iter_mut().rev() {
            let n = rem << 64 | u128::from(*limb);
            (*limb, rem) = ((n / u128::from(ABS_X)) as u64, n % u128::from(ABS_X));
        }
        rem as u64
    })
}

const ODD: usize = 8;

/// The odd powers 1 to 15 of `g^(|x|^i)`: for a few powers of one base. Variable time.
pub struct FewPowers(Box<[[blst_fp12; ODD]; 4]>);

impl FewPowers {
    pub fn new(g: &blst_fp12) -> Self {
        let square = sqr(g);
        let mut odd = [*g; ODD];
        for i in 1..ODD {
            odd[i] = mul(&odd[i - 1], &square);
        }
        Self(Box::new(core::array::from_fn(|i| odd.map(|g| power_of_x(&g, i)))))
    }

    pub fn pow(&self, k: &blst_scalar) -> blst_fp12 {
        let nafs = digits(k).map(naf);
        let mut power = blst_fp12::default();
        let mut started = false;
        for column in (0..65).rev() {
            if started {
                power = sqr(&power);
            }
            for (naf, table) in nafs.iter().zip(&*self.0) {
                let digit = naf[column];
                if digit != 0 {
                    let entry = &table[usize::from(digit.unsigned_abs() / 2)];
                    power = if digit < 0 { mul(&power, &inverse(entry)) } else { mul(&power, entry) };
                    started = true;
                }
            }
        }
        power
    }
}

/// Width-5 non-adjacent form.
fn naf(digit: u64) -> [i8; 65] {
    let mut out = [0; 65];
    let mut rest = i128::from(digit);
    let mut i = 0;
    while rest != 0 {
        if rest & 1 == 1 {
            let low = (rest & 31) as i8;
            out[i] = if low > 15 { low - 32 } else { low };
            rest -= i128::from(out[i]);
        }
        rest >>= 1;
        i += 1;
    }
    out
}

const TEETH: usize = 6;
const COLUMNS: usize = 11;

/// A comb for many powers of one base. Variable time.
pub struct ManyPowers(Vec<[blst_fp12; (1 << TEETH) - 1]>);

impl ManyPowers {
    pub fn new(g: &blst_fp12) -> Self {
        let mut first = [blst_fp12::default(); (1 << TEETH) - 1];
        let mut tooth = *g;
        for i in 0..TEETH {
            first[(1 << i) - 1] = tooth;
            for j in 0..(1 << i) - 1 {
                first[(1 << i) + j] = mul(&first[j], &tooth);
            }
            if i + 1 < TEETH {
                for _ in 0..COLUMNS {
                    tooth = sqr(&tooth);
                }
            }
        }
        Self((0..4).map(|i| first.map(|g| power_of_x(&g, i))).collect())
    }

    pub fn pow(&self, k: &blst_scalar) -> blst_fp12 {
        let digits = digits(k);
        let mut power = blst_fp12::default();
        for column in (0..COLUMNS).rev() {
            power = sqr(&power);
            for (digit, table) in digits.iter().zip(&self.0) {
                let mut index = 0;
                for tooth in 0..TEETH {
                    let at = tooth * COLUMNS + column;
                    if at < 64 {
                        index |= ((digit >> at & 1) as usize) << tooth;
                    }
                }
                if index != 0 {
                    power = mul(&power, &table[index - 1]);
                }
            }
        }
        power
    }
}

pub fn from_affine_g1(p: &blst_p1_affine) -> blst_p1 {
    get!(blst_p1, blst_p1_from_affine, p)
}
