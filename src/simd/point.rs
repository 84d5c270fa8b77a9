//! Points of both curves, eight at a time, in projective coordinates.
//!
//! The formulas are complete: infinity, equal and opposite points in any lane take the same way as all others. They hold for
//! every point of the curves over Fp and Fp2, not only for those of order r, because both orders are odd.
//!
//! Source: Renes, Costello and Batina, "Complete addition formulas for prime order elliptic curves" (Eurocrypt 2016), algorithms 7
//! and 9, with two products and one reduction for each coordinate of a sum.

/// The formulas over one field: `$b3` is the product with three times the constant of the curve.
macro_rules! formulas {
    ($(#[$doc:meta])* $name:ident, $field:ident, $F:ident, $Fe:ident, $raw:ident, |$v:ident| $b3:expr) => {
        $(#[$doc])*
        pub(super) mod $name {
            use crate::simd::$field::{$F, $Fe};
            use crate::simd::kernels::{Lane, $raw};

            /// `3 b v`, below 2p.
            #[inline(always)]
            fn mul_b3<V: Lane, const B: u32>($v: $F<V, 9, B>) -> $F<V, 9, 2> {
                $b3
            }

            /// `v = (a + b)(c + d) - e - f`, where that is `a d + b c`.
            #[inline(always)]
            fn cross<V: Lane>(ab: [&$Fe<V>; 2], cd: [&$Fe<V>; 2], e: &$Fe<V>, f: &$Fe<V>) -> $F<V, 9, 20> {
                let (s, t): ($F<V, 18, 8>, $F<V, 18, 8>) = (ab[0].add(ab[1]), cd[0].add(cd[1]));
                let ef: $F<V, 18, 8> = e.add(f);
                let v: $F<V, 63, 20> = s.carry().mul(&t.carry()).sub(&ef);
                v.carry()
            }

            /// Kernel: `a + b`.
            #[inline(always)]
            pub(in crate::simd) fn add<V: Lane>(a: &mut [$raw<V>; 3], b: &[$raw<V>; 3]) {
                let (x1, y1, z1): ($Fe<V>, $Fe<V>, $Fe<V>) = ($F(a[0]), $F(a[1]), $F(a[2]));
                let (x2, y2, z2): ($Fe<V>, $Fe<V>, $Fe<V>) = ($F(b[0]), $F(b[1]), $F(b[2]));
                let (t0, t1, t2) = (x1.mul(&x2), y1.mul(&y2), z1.mul(&z2));
                let t3 = cross([&x1, &y1], [&x2, &y2], &t0, &t1);
                let t4 = cross([&y1, &z1], [&y2, &z2], &t1, &t2);
                let t5 = mul_b3(cross([&x1, &z1], [&x2, &z2], &t0, &t2));
                let t2 = mul_b3(t2);
                let z: $F<V, 18, 6> = t1.add(&t2);
                let w: $F<V, 63, 8> = t1.sub(&t2);
                let (z, w) = (z.carry(), w.carry());
                let n: $F<V, 18, 8> = t0.double();
                let n: $F<V, 27, 12> = n.add(&t0);
                let n = n.carry();
                a[0] = t3.difference2(&w, &t4, &t5).0;
                a[1] = w.sum2(&z, &t5, &n).0;
                a[2] = z.sum2(&t4, &n, &t3).0;
            }

            /// Kernel: `-a` where the mask is all ones.
            #[inline(always)]
            pub(in crate::simd) fn negate<V: Lane>(a: &mut [$raw<V>; 3], mask: V) {
                let y: $Fe<V> = $F(a[1]);
                let n: $F<V, 25, 20> = y.neg();
                a[1] = y.select(&n.squeeze().relax(), mask).0;
            }

            /// Kernel: `2 a`.
            #[inline(always)]
            pub(in crate::simd) fn double<V: Lane>(a: &mut [$raw<V>; 3]) {
                let (x, y, z): ($Fe<V>, $Fe<V>, $Fe<V>) = ($F(a[0]), $F(a[1]), $F(a[2]));
                let (t0, t1, xy) = (y.square(), y.mul(&z), x.mul(&y));
                let t2 = mul_b3(z.square());
                let n: $F<V, 18, 8> = t0.double();
                let n: $F<V, 36, 16> = n.double();
                let n: $F<V, 18, 32> = n.carry().double();
                let n = n.carry();
                let s: $F<V, 18, 6> = t0.add(&t2);
                let m: $F<V, 18, 4> = t2.double();
                let m: $F<V, 27, 6> = m.add(&t2);
                let d: $F<V, 63, 12> = t0.sub(&m);
                let d = d.carry();
                let d2: $F<V, 18, 24> = d.double();
                a[0] = d2.carry().mul(&xy).0;
                a[1] = d.sum2(&s.carry(), &n, &t2).0;
                a[2] = t1.mul(&n).0;
            }
        }
    };
}

formulas!(
    /// `y^2 = x^3 + 4` over Fp.
    g1, fp, Fp, Fe, Raw, |v| {
        let v: Fp<V, 9, 20> = v.relax();
        let n: Fp<V, 18, 40> = v.double();
        let n: Fp<V, 27, 60> = n.add(&v);
        let n: Fp<V, 18, 120> = n.carry().double();
        let n: Fp<V, 36, 240> = n.double();
        n.squeeze()
    }
);
formulas!(
    /// `y^2 = x^3 + 4 (1 + i)` over Fp2.
    g2, fp2, Fp2, Fe2, Raw2, |v| {
        let v: Fp2<V, 9, 20> = v.relax();
        let x: Fp2<V, 63, 48> = v.mul_xi();
        let x = x.carry();
        let n: Fp2<V, 18, 96> = x.double();
        let n: Fp2<V, 27, 144> = n.add(&x);
        let n: Fp2<V, 18, 288> = n.carry().double();
        let n: Fp2<V, 36, 576> = n.double();
        n.squeeze()
    }
);
