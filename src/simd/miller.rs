//! Miller loop of the optimal ate pairing, eight pairs of points at a time.
//!
//! The second argument lives on the sextic twist `y^2 = x^3 + 4 (1 + i)`, untwisted by `(x, y) -> (x / w^2, y / w^3)`. A line with
//! slope `m` through `(x, y)` of the twist, at a point `(xP, yP)` of the curve and times `w^3`, is
//! `(m x - y) - m xP w^2 + yP w^3`; factors of Fp2 and of `w^3` vanish in the final exponentiation.
//!
//! Sources: Vercauteren, "Optimal pairings" (IEEE Trans. Inf. Theory 56(1), 2010); Costello, Lange and Naehrig, "Faster pairing
//! computations on curves with high-degree twists" (PKC 2010); Aranha, Karabina, Longa, Gebotys and Lopez, "Faster explicit
//! formulas for computing pairings over ordinary curves" (Eurocrypt 2011).

use alloc::vec::Vec;

use super::constants::X;
use super::fp::{CARRIED, Fe, Fp, splat};
use super::fp2::{Fe2, Fp2, SQUARE_COLUMNS, squared};
use super::fp6::{COLUMNS2, product_01, sum, sum6};
use super::fp12::Fp12;
use super::kernels::{Evaluate, Lane, Line, Raw, Raw2};
use super::lane::each;
use super::wide::Wide2;

/// `f` of eight pairs of affine points of order r, none of them infinity.
///
/// The running multiple of `Q` never meets `Q` or its opposite, because the parameter is smaller than the order.
pub(crate) fn miller_loop<V: Lane>(px: &Fe<V>, py: &Fe<V>, qx: &Fe2<V>, qy: &Fe2<V>) -> Fp12<V> {
    let token = px.0[0].token();
    let q = [qx.0, qy.0];
    let p = V::prepare(&px.0, &py.0);
    let mut t = [qx.0, qy.0, Fe2::one(token).0];
    let mut line = t;
    let mut f = Fp12::one(token);
    for bit in (0..63).rev() {
        V::fp12_square(&mut f);
        V::line_double(&mut t, &p, &mut line);
        V::mul_line(&mut f, &line);
        if (X >> bit) & 1 == 1 {
            V::line_add(&mut t, &q, &p, &mut line);
            V::mul_line(&mut f, &line);
        }
    }
    f.conjugate()
}

/// The lines of a Miller loop for one `Q` in the order of their use, before `P` comes in: the coefficient of 1, and what those of
/// `w^2` and `w^3` are multiples of.
#[derive(Debug)]
pub struct PreparedG2(Vec<Lines>);

/// The coefficients in Montgomery form, the real part first.
pub(super) type Lines = [[[u64; 8]; 2]; 3];

/// The lines for the point of the first lane, which is public.
pub(super) fn prepare_lines<V: Lane>(token: V::Token, qx: &Fe2<V>, qy: &Fe2<V>) -> PreparedG2 {
    let q = [qx.0, qy.0];
    let one = Fe::<V>::one(token).0;
    let p = [one; 3];
    let mut t = [qx.0, qy.0, Fe2::one(token).0];
    let mut line = t;
    let mut lines = Vec::new();
    let mut store = |line: &Line<V>| lines.push(line.map(|c| c.map(|c| c.map(|limb| limb.to_words()[0]))));
    for bit in (0..63).rev() {
        V::line_double(&mut t, &p, &mut line);
        store(&line);
        if (X >> bit) & 1 == 1 {
            V::line_add(&mut t, &q, &p, &mut line);
            store(&line);
        }
    }
    PreparedG2(lines)
}

/// The product of the `f` of several pairs; a point at infinity, where the mask is all ones, counts as one.
pub(super) fn miller_product<V: Lane, const N: usize>(
    token: V::Token,
    points: &[(Evaluate<V>, V); N],
    prepared: &[&PreparedG2; N],
) -> Fp12<V> {
    let mut line = [Fe2::one(token).0; 3];
    let mut f = Fp12::one(token);
    let mut next = 0;
    let mut step = |f: &mut Fp12<V>, scale: usize| {
        for ((p, infinite), lines) in points.iter().zip(prepared) {
            V::line_at(&lines.0[next], &p[scale], &p[2], *infinite, &mut line);
            V::mul_line(f, &line);
        }
        next += 1;
    };
    for bit in (0..63).rev() {
        V::fp12_square(&mut f);
        step(&mut f, 0);
        if (X >> bit) & 1 == 1 {
            step(&mut f, 1);
        }
    }
    f.conjugate()
}

/// Kernel: a prepared line at a point.
#[inline(always)]
pub(super) fn line_at<V: Lane>(lines: &Lines, x: &Raw<V>, y: &Raw<V>, infinite: V, line: &mut Line<V>) {
    let token = infinite.token();
    let (zero, one) = (Fe2::<V>::zero(token), Fe2::<V>::one(token));
    let mut c = *line;
    each!(K in [0 1 2] { c[K] = [splat(token, &lines[K][0]), splat(token, &lines[K][1])]; });
    let (l0, l2, l3) = (Fp2::<V, CARRIED, LINE>(c[0]), Fp2::<V, CARRIED, 4>(c[1]), Fp2::<V, CARRIED, 4>(c[2]));
    let (l2, l3) = (l2.mul_fp(&Fe::from_raw(*x)), l3.mul_fp(&Fe::from_raw(*y)));
    *line = [l0.select(&one.relax(), infinite).0, l2.select(&zero, infinite).0, l3.select(&zero, infinite).0];
}

/// Kernel: `-3 xP`, `-xP` and `yP`.
#[inline(always)]
pub(super) fn prepare<V: Lane>(x: &Raw<V>, y: &Raw<V>) -> Evaluate<V> {
    let x: Fe<V> = Fp(*x);
    let n: Fp<V, 25, 20> = x.neg();
    let n: Fp<V, 9, 2> = n.squeeze();
    let n2: Fp<V, 18, 4> = n.double();
    let n3: Fp<V, 27, 6> = n2.add(&n);
    [n3.squeeze().0, n.0, *y]
}

/// Kernel: doubles the point; the tangent at `p`.
///
/// Four times the coordinates of Aranha, Karabina, Longa, Gebotys and Lopez (section 4), to spare their halves. With
/// `E = 3 b' Z^2` the tangent, times `2 Y Z`, is `(Y^2 - E) - 3 X^2 xP w^2 + 2 Y Z yP w^3`.
#[inline(always)]
pub(super) fn line_double<V: Lane>(t: &mut [Raw2<V>; 3], p: &Evaluate<V>, line: &mut Line<V>) {
    let (x, y, z): (Fe2<V>, Fe2<V>, Fe2<V>) = (Fp2(t[0]), Fp2(t[1]), Fp2(t[2]));
    let (b, c, j) = (y.square(), z.square(), x.square());
    // E = 12 (1 + i) C, F = 3 E
    let e: Fp2<V, 34, 20> = c.mul_xi();
    let e2: Fp2<V, 18, 40> = e.carry().double();
    let e3: Fp2<V, 27, 60> = e2.add(&e.carry());
    let e6: Fp2<V, 54, 120> = e3.double();
    let e12: Fp2<V, 18, 4> = e6.squeeze().double();
    let e: Fe2<V> = e12.carry();
    let f: Fp2<V, 18, 8> = e.double();
    let f: Fp2<V, 27, 12> = f.add(&e);
    let f: Fp2<V, 9, 12> = f.carry();
    let g: Fp2<V, 18, 16> = b.add(&f);
    let d: Fp2<V, 34, 28> = b.sub(&f);
    let y2 = Fp2::<V, 9, 8>(sum(&t[1], &t[1]));
    // X3 = 2 X Y (B - F), Y3 = (B + F)^2 - 12 E^2, Z3 = 4 B H with H = 2 Y Z
    let x3 = x.mul(&y2).mul(&d.carry());
    let gg: Wide2<V, SQUARE_COLUMNS, 0, { squared(16) }> = g.carry().square_wide();
    let ee: Wide2<V, SQUARE_COLUMNS, 0, { squared(4) }> = e.square_wide();
    let y3 = gg.reduce_sub_12(&ee);
    let h = y2.mul(&z);
    let b2: Fp2<V, 18, 8> = b.double();
    let b4: Fp2<V, 36, 16> = b2.double();
    let z3 = b4.carry().mul(&h);
    let l0: Fp2<V, 34, LINE> = b.sub(&e);
    let (l2, l3) = (j.mul_fp(&Fe::from_raw(p[0])), h.mul_fp(&Fe::from_raw(p[2])));
    *t = [x3.0, y3.0, z3.0];
    *line = [l0.carry().0, l2.0, l3.0];
}

/// Kernel: adds the affine point `q`; the chord at `p`.
#[inline(always)]
pub(super) fn line_add<V: Lane>(t: &mut [Raw2<V>; 3], q: &[Raw2<V>; 2], p: &Evaluate<V>, line: &mut Line<V>) {
    let (x, y, z): (Fe2<V>, Fe2<V>, Fe2<V>) = (Fp2(t[0]), Fp2(t[1]), Fp2(t[2]));
    let (x2, y2): (Fe2<V>, Fe2<V>) = (Fp2(q[0]), Fp2(q[1]));
    // theta / lambda is the slope of the chord.
    let theta: Fp2<V, 34, 20> = y.sub(&y2.mul(&z));
    let lambda: Fp2<V, 34, 20> = x.sub(&x2.mul(&z));
    let (theta, lambda): (Fe2<V>, Fe2<V>) = (theta.squeeze().relax(), lambda.squeeze().relax());
    let d = lambda.square();
    let (e, f, g) = (lambda.mul(&d), z.mul(&theta.square()), x.mul(&d));
    // H = E + F - 2 G
    let ef: Fp2<V, 18, 8> = e.add(&f);
    let g2: Fp2<V, 18, 8> = g.double();
    let h: Fp2<V, 59, 36> = ef.sub(&g2.carry());
    let h: Fe2<V> = h.squeeze().relax();
    let gh: Fp2<V, 34, 20> = g.sub(&h);
    let y3: Fp2<V, 34, 20> = theta.mul(&gh.carry()).sub(&e.mul(&y));
    let y3: Fe2<V> = y3.squeeze().relax();
    let (x3, z3) = (lambda.mul(&h), z.mul(&e));
    let l0: Fp2<V, 34, LINE> = theta.mul(&x2).sub(&lambda.mul(&y2));
    let (l2, l3) = (theta.mul_fp(&Fe::from_raw(p[1])), lambda.mul_fp(&Fe::from_raw(p[2])));
    *t = [x3.0, y3.0, z3.0];
    *line = [l0.carry().0, l2.0, l3.0];
}

/// Value bound of a line's coefficients.
const LINE: u32 = 16;

/// Kernel: product with a line: 13 products in Fp2, one reduction per coefficient.
#[inline(always)]
pub(super) fn mul_line<V: Lane>(f: &mut Fp12<V>, [l0, l2, l3]: &Line<V>) {
    let v = product_01::<V, 4, LINE, 384>(&f.0[0], l0, l2);
    // f1 (l3 v) = xi w2 + w0 v + w1 v^2
    let w: [Wide2<V, COLUMNS2, 128, 128>; 3] = [
        f.0[1].c(0).wide(&Fp2::<V, CARRIED, LINE>(*l3)),
        f.0[1].c(1).wide(&Fp2::<V, CARRIED, LINE>(*l3)),
        f.0[1].c(2).wide(&Fp2::<V, CARRIED, LINE>(*l3)),
    ];
    let s = sum6(&f.0[0], &f.0[1]);
    let m = product_01::<V, 8, LINE, 768>(&s, l0, &sum(l2, l3));
    v[0].reduce_add_xi(&w[1], &mut f.0[0].0[0]);
    v[1].reduce_add_xi(&w[2], &mut f.0[0].0[1]);
    v[2].reduce_add(&w[0], &mut f.0[0].0[2]);
    m[0].reduce_sub_xi(&v[0], &w[2], &mut f.0[1].0[0]);
    m[1].reduce_sub2(&v[1], &w[0], &mut f.0[1].0[1]);
    m[2].reduce_sub2(&v[2], &w[1], &mut f.0[1].0[2]);
}
