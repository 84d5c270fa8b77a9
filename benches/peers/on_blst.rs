//! The curve part of the rival: blst's C functions as they are, and what an expert adds around them.
//!
//! Scalar multiplication, pairing and hashing are blst's own and constant time. What blst lacks is written here twice: in
//! **constant time** as the crate's own code is (the rival of the figures), and for speed alone, with table indices and
//! branches that depend on the scalar (**variable time**, reported beside it). [`set_timing`] chooses.
//!
//! | added | constant time | variable time |
//! | --- | --- | --- |
//! | `[k]P2` | signed 5-bit windows, all entries of a row read under masks, 165 KB, no doubling | signed 7-bit windows, 450 KB |
//! | one or two powers in Gt | four 64-bit digits by the Frobenius map, joint table of 16 | width-5 NAF, 32 entries |
//! | many powers of one base in Gt | Lim-Lee comb, 5 teeth by 13 columns for each digit, 74 KB | 6 teeth by 11, 145 KB |
//! | product of two prepared pairings | one Miller loop with shared squarings (no secret scalar) | the same |
#![allow(unsafe_code, dead_code, unreachable_pub, clippy::unwrap_used)]

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use blst::*;

static VARIABLE: AtomicBool = AtomicBool::new(false);

/// Chooses the form of everything that is added to blst, for all that follows.
pub fn set_timing(variable: bool) {
    VARIABLE.store(variable, Relaxed);
}

pub fn variable() -> bool {
    VARIABLE.load(Relaxed)
}

/// Calls a blst function that writes its first argument, and gives that value.
macro_rules! get {
    ($ty:ty, $f:ident $(, $arg:expr)*) => {{
        let mut value = <$ty>::default();
        // SAFETY: all pointers are to live values of the types that the C function declares.
        unsafe { $f(&mut value $(, $arg)*) };
        value
    }};
}

#[path = "on_blst_bulk.rs"]
pub mod bulk;
#[path = "on_blst_hash.rs"]
pub mod hash;

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

/// Complete.
pub fn add_g1(p: &blst_p1, q: &blst_p1) -> blst_p1 {
    get!(blst_p1, blst_p1_add_or_double, p, q)
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

pub fn encode_affine_g1(p: &blst_p1_affine) -> [u8; 48] {
    let mut out = [0; 48];
    // SAFETY: writes 48 bytes.
    unsafe { blst_p1_affine_compress(out.as_mut_ptr(), p) };
    out
}

pub fn encode_affine_g2(p: &blst_p2_affine) -> [u8; 96] {
    let mut out = [0; 96];
    // SAFETY: writes 96 bytes.
    unsafe { blst_p2_affine_compress(out.as_mut_ptr(), p) };
    out
}

pub fn encode_g2(p: &blst_p2) -> [u8; 96] {
    let mut out = [0; 96];
    // SAFETY: writes 96 bytes.
    unsafe { blst_p2_compress(out.as_mut_ptr(), p) };
    out
}

/// A point of the curve, perhaps not of the group.
pub fn uncompress_g1(bytes: &[u8; 48]) -> Option<blst_p1_affine> {
    let mut p = blst_p1_affine::default();
    // SAFETY: reads 48 bytes, writes one value.
    let done = unsafe { blst_p1_uncompress(&mut p, bytes.as_ptr()) };
    (done == BLST_ERROR::BLST_SUCCESS).then_some(p)
}

/// A point of the group, not infinity.
pub fn decode_affine_g1(bytes: &[u8; 48]) -> Option<blst_p1_affine> {
    // SAFETY: the checks read one live value.
    uncompress_g1(bytes).filter(|p| unsafe { !blst_p1_affine_is_inf(p) && blst_p1_affine_in_g1(p) })
}

/// A point of the group, not infinity.
pub fn decode_g1(bytes: &[u8; 48]) -> Option<blst_p1> {
    decode_affine_g1(bytes).map(|p| from_affine_g1(&p))
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
    pairing_prepared_affine(&to_affine_g1(p), q)
}

/// The same with affine `p`.
pub fn pairing_prepared_affine(p: &blst_p1_affine, q: &Lines) -> blst_fp12 {
    let f = get!(blst_fp12, blst_miller_loop_lines, q.0.as_ptr(), p);
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

/// Multiples of a public point of G2 in both forms.
pub struct TableG2(Windows<5>, Windows<7>);

impl TableG2 {
    pub fn new(p: &blst_p2) -> Self {
        Self(Windows::new(p), Windows::new(p))
    }

    /// `[k]P`.
    pub fn mul(&self, k: &blst_scalar) -> blst_p2 {
        if variable() { self.1.mul_vartime(k) } else { self.0.mul(k) }
    }
}

/// Signed windows of `W` bits: row `i` has the multiples 1 to `2^(W-1)` of `[2^(W i)]P`.
struct Windows<const W: usize>(Vec<blst_p2_affine>);

impl<const W: usize> Windows<W> {
    const ROW: usize = 1 << (W - 1);

    fn new(p: &blst_p2) -> Self {
        let mut all = Vec::new();
        let mut base = *p;
        for _ in 0..256 / W + 1 {
            let mut multiple = base;
            for _ in 0..Self::ROW {
                all.push(multiple);
                multiple = get!(blst_p2, blst_p2_add_or_double, &multiple, &base);
            }
            for _ in 0..W {
                base = get!(blst_p2, blst_p2_double, &base);
            }
        }
        let mut affine = vec![blst_p2_affine::default(); all.len()];
        let pointers = [all.as_ptr(), core::ptr::null()];
        // SAFETY: reads and writes `all.len()` elements.
        unsafe { blst_p2s_to_affine(affine.as_mut_ptr(), pointers.as_ptr(), all.len()) };
        Self(affine)
    }

    /// Wrong with negligible probability for a random `k`, because the addition is incomplete.
    fn mul_vartime(&self, k: &blst_scalar) -> blst_p2 {
        let mut sum = blst_p2::default();
        let mut carry = 0;
        for (i, row) in self.0.chunks_exact(Self::ROW).enumerate() {
            let digit = bits(&k.b, i * W, W) + carry;
            carry = usize::from(digit > Self::ROW);
            let negative = carry == 1;
            let magnitude = if negative { 2 * Self::ROW - digit } else { digit };
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

    fn mul(&self, k: &blst_scalar) -> blst_p2 {
        let mut sum = blst_p2::default();
        for (i, row) in self.0.chunks_exact(Self::ROW).enumerate() {
            // Booth: the window and the bit below it.
            let window = match i {
                0 => bits(&k.b, 0, W) << 1,
                _ => bits(&k.b, i * W - 1, W + 1),
            };
            let negative = window >> W;
            let positive = (window + 1) >> 1;
            let flip = negative.wrapping_neg();
            let magnitude = (positive & !flip) | ((1usize << W).wrapping_sub(positive) & flip);
            let mut entry = blst_p2_affine::default();
            for half in 0..2 {
                for c in 0..2 {
                    let field = |e: &blst_p2_affine| if half == 0 { e.x.fp[c] } else { e.y.fp[c] };
                    let mut found = blst_fp::default();
                    for (m, e) in row.iter().enumerate() {
                        let mask = equal(m + 1, magnitude);
                        found.l.iter_mut().zip(field(e).l).for_each(|(f, l)| *f |= l & mask);
                    }
                    *(if half == 0 { &mut entry.x.fp[c] } else { &mut entry.y.fp[c] }) = found;
                }
            }
            let minus = get!(blst_fp2, blst_fp2_cneg, &entry.y, true);
            for (y, m) in entry.y.fp.iter_mut().zip(minus.fp) {
                y.l.iter_mut().zip(m.l).for_each(|(y, m)| *y = *y & !(flip as u64) | m & flip as u64);
            }
            sum = get!(blst_p2, blst_p2_add_or_double_affine, &sum, &entry);
        }
        sum
    }
}

/// All ones where the two are equal, without a branch.
fn equal(a: usize, b: usize) -> u64 {
    let d = (a ^ b) as u64;
    ((d | d.wrapping_neg()) >> 63).wrapping_sub(1)
}

/// The entry of a table, every entry read.
fn read(table: &[blst_fp12], index: usize) -> blst_fp12 {
    let mut out = blst_fp12::default();
    for half in 0..2 {
        for i in 0..3 {
            for c in 0..2 {
                let mut found = [0; 6];
                for (m, e) in table.iter().enumerate() {
                    let mask = equal(m, index);
                    found.iter_mut().zip(e.fp6[half].fp2[i].fp[c].l).for_each(|(f, l)| *f |= l & mask);
                }
                out.fp6[half].fp2[i].fp[c].l = found;
            }
        }
    }
    out
}

/// `n` bits from bit `at` up, `n` at most 9.
fn bits(le: &[u8; 32], at: usize, n: usize) -> usize {
    let byte = |i: usize| usize::from(*le.get(i).unwrap_or(&0));
    (byte(at / 8) | byte(at / 8 + 1) << 8) >> (at % 8) & ((1 << n) - 1)
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
    if !variable() {
        return core::array::from_fn(|_| {
            let mut rem = 0u64;
            for limb in limbs.iter_mut().rev() {
                for bit in (0..64).rev() {
                    let carry = rem >> 63;
                    rem = rem << 1 | *limb >> bit & 1;
                    let (less, borrow) = rem.overflowing_sub(ABS_X);
                    let fits = carry | u64::from(!borrow);
                    rem = less & fits.wrapping_neg() | rem & fits.wrapping_sub(1);
                    *limb = *limb & !(1 << bit) | fits << bit;
                }
            }
            rem
        });
    }
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

/// For a few powers of one base: the products of the four `g^(|x|^i)`, or in variable time the odd powers 1 to 15 of each.
pub enum FewPowers {
    Joint(Box<[blst_fp12; 16]>),
    Odd(Box<[[blst_fp12; ODD]; 4]>),
}

impl FewPowers {
    pub fn new(g: &blst_fp12) -> Self {
        if !variable() {
            let mut joint = [blst_fp12::default(); 16];
            for i in 0..4 {
                let base = power_of_x(g, i);
                for j in 0..1 << i {
                    joint[(1 << i) + j] = if j == 0 { base } else { mul(&joint[j], &base) };
                }
            }
            return Self::Joint(Box::new(joint));
        }
        let square = sqr(g);
        let mut odd = [*g; ODD];
        for i in 1..ODD {
            odd[i] = mul(&odd[i - 1], &square);
        }
        Self::Odd(Box::new(core::array::from_fn(|i| odd.map(|g| power_of_x(&g, i)))))
    }

    pub fn pow(&self, k: &blst_scalar) -> blst_fp12 {
        match self {
            Self::Joint(table) => {
                let digits = digits(k);
                let entry = |at: usize| {
                    read(&table[..], digits.iter().enumerate().fold(0, |n, (i, d)| n | ((d >> at & 1) as usize) << i))
                };
                (0..63).rev().fold(entry(63), |power, at| mul(&sqr(&power), &entry(at)))
            }
            Self::Odd(tables) => Self::pow_vartime(tables, k),
        }
    }

    fn pow_vartime(tables: &[[blst_fp12; ODD]; 4], k: &blst_scalar) -> blst_fp12 {
        let nafs = digits(k).map(naf);
        let mut power = blst_fp12::default();
        let mut started = false;
        for column in (0..65).rev() {
            if started {
                power = sqr(&power);
            }
            for (naf, table) in nafs.iter().zip(tables) {
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

/// A Lim-Lee comb for many powers of one base: 5 teeth by 13 columns, in variable time 6 by 11. Entry 0 is one.
pub struct ManyPowers {
    teeth: usize,
    columns: usize,
    tables: Vec<Vec<blst_fp12>>,
}

impl ManyPowers {
    pub fn new(g: &blst_fp12) -> Self {
        let (teeth, columns) = if variable() { (6, 11) } else { (5, 13) };
        let mut first = vec![blst_fp12::default(); 1 << teeth];
        let mut tooth = *g;
        for i in 0..teeth {
            for j in 0..1 << i {
                first[(1 << i) + j] = if j == 0 { tooth } else { mul(&first[j], &tooth) };
            }
            if i + 1 < teeth {
                tooth = (0..columns).fold(tooth, |t, _| sqr(&t));
            }
        }
        let tables = (0..4).map(|i| first.iter().map(|g| power_of_x(g, i)).collect()).collect();
        Self { teeth, columns, tables }
    }

    pub fn pow(&self, k: &blst_scalar) -> blst_fp12 {
        let digits = digits(k);
        let variable = self.teeth == 6;
        let mut power = blst_fp12::default();
        for column in (0..self.columns).rev() {
            power = sqr(&power);
            for (digit, table) in digits.iter().zip(&self.tables) {
                let places = (0..self.teeth).map(|t| t * self.columns + column).enumerate().filter(|(_, at)| *at < 64);
                let index = places.fold(0, |n, (t, at)| n | ((digit >> at & 1) as usize) << t);
                if !variable {
                    power = mul(&power, &read(table, index));
                } else if index != 0 {
                    power = mul(&power, &table[index]);
                }
            }
        }
        power
    }
}

pub fn from_affine_g1(p: &blst_p1_affine) -> blst_p1 {
    get!(blst_p1, blst_p1_from_affine, p)
}
