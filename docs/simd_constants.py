#!/usr/bin/env python3
"""Writes src/simd/constants.rs: python3 docs/simd_constants.py > src/simd/constants.rs

Every constant of the eight-lane arithmetic, computed from the curve's parameters alone (draft-irtf-cfrg-pairing-friendly-curves,
section 4.2.1). Radix 2^49, eight limbs, Montgomery factor R = 2^392; see src/simd/notes.md.
"""

X = -0xD201000000010000  # the parameter of the family
R_ORDER = X**4 - X**2 + 1
P = (X - 1) ** 2 * R_ORDER // 3 + X
BITS, LIMBS = 49, 8
MASK = (1 << BITS) - 1
R = 1 << (BITS * LIMBS)
assert P.bit_length() == 381 and P % 6 == 1

def limbs(v):
    out = [(v >> (BITS * i)) & MASK for i in range(LIMBS - 1)]
    return out + [v >> (BITS * (LIMBS - 1))]

def show(v):
    return "[" + ", ".join(f"0x{l:x}" for l in limbs(v)) + "]"

def lines(rows):
    return "[\n" + "".join(f"    {row},\n" for row in rows) + "]"

def fp(name, v, doc):
    print(f"/// {doc}\npub(crate) const {name}: [u64; 8] = {show(v)};")

def mont(v):
    return v * R % P

# Fp2 = Fp[i]/(i^2 + 1), elements as pairs.
def mul2(a, b):
    return ((a[0] * b[0] - a[1] * b[1]) % P, (a[0] * b[1] + a[1] * b[0]) % P)

def pow2(a, n):
    out = (1, 0)
    while n:
        if n & 1:
            out = mul2(out, a)
        a, n = mul2(a, a), n >> 1
    return out

XI = (1, 1)  # w^6 = v^3 = 1 + i

print("//! Constants of the field and of the curve. Written by `docs/simd_constants.py`; do not edit by hand.\n")
print("#![allow(clippy::unreadable_literal)]\n")
fp("P", P, "The field's prime.")
c = -pow(P, -1, 1 << BITS) % (1 << BITS)
print(f"/// `-1/p mod 2^49`.\npub(crate) const P_INV: u64 = 0x{c:x};")
fp("FRIENDLY", (c * P + 1) >> BITS, "`(c p + 1) / 2^49` with `c = -1/p mod 2^49`: adding `q c p` to a number whose low limb is `q` clears that limb, and what is left is `q` times this.")
fp("ONE", mont(1), "1.")
fp("R2", R * R % P, "`R^2 mod p`: into Montgomery form.")
fp("PLAIN_ONE", 1, "The plain 1: out of Montgomery form.")
print(f"/// The absolute value of the (negative) parameter `x`.\npub(crate) const X: u64 = 0x{-X:x};")

# Frobenius: w^(p^k - 1) and its powers, w^6 = xi; coefficient of w^j goes to conj^k(c_j) * gamma_{k,j}.
for k in (1, 2, 3):
    rows = []
    for j in range(6):
        e = j * (P**k - 1)
        assert e % 6 == 0
        g = pow2(XI, e // 6)
        rows.append(g)
        if k == 2:
            assert g[1] == 0
    body = lines(f"[{show(mont(a))}, {show(mont(b))}]" for a, b in rows)
    print(f"/// `xi^(j (p^{k} - 1) / 6)` for j = 0..6: what the Frobenius map of order {k} multiplies the coefficient of `w^j` by.")
    print(f"pub(crate) const FROBENIUS_{k}: [[[u64; 8]; 2]; 6] = {body};")

# Endomorphisms. G1: (X, Y) -> (beta X, Y) is multiplication by -x^2; G2: psi(X, Y) = (c0 conj(X), c1 conj(Y)) is multiplication by x.
G1 = (
    0x17F1D3A73197D7942695638C4FA9AC0FC3688C4F9774B905A14E3A3F171BAC586C55E83FF97A1AEFFB3AF00ADB22C6BB,
    0x08B3F481E3AAA0F1A09E30ED741D8AE4FCF5E095D5D00AF600DB18CB2C04B3EDD03CC744A2888AE40CAA232946C5E7E1,
)

def add1(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        m = 3 * a[0] * a[0] * pow(2 * a[1], -1, P)
    else:
        m = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (m * m - a[0] - b[0]) % P
    return x, (m * (a[0] - x) - a[1]) % P

def mul1(k, a):
    out = None
    for bit in bin(k)[2:]:
        out = add1(out, out)
        if bit == "1":
            out = add1(out, a)
    return out

minus = mul1(X * X, G1)
minus = (minus[0], -minus[1] % P)
beta = minus[0] * pow(G1[0], -1, P) % P
assert pow(beta, 3, P) == 1 and beta != 1 and minus[1] == G1[1]
fp("BETA", mont(beta), "The cube root of unity with `[-x^2](X, Y) = (BETA X, Y)` on G1.")

def inverse2(a):
    n = pow(a[0] * a[0] + a[1] * a[1], -1, P)
    return a[0] * n % P, -a[1] * n % P

for name, e in (("PSI_X", (P - 1) // 3), ("PSI_Y", (P - 1) // 2)):
    c = inverse2(pow2(XI, e))
    print(f"/// What `psi` multiplies the conjugate of the {'first' if name == 'PSI_X' else 'second'} coordinate by; `psi = [x]` on G2.")
    print(f"pub(crate) const {name}: [[u64; 8]; 2] = [{show(mont(c[0]))}, {show(mont(c[1]))}];")

fp("HALF_P", (P - 1) // 2, "`(p - 1) / 2`, plain: the largest y that the encoding calls the smaller one.")
fp("FOUR", mont(4), "The constant of the curve over Fp; both coordinates of that of the curve over Fp2.")
fp("HALF", mont(pow(2, -1, P)), "1/2.")
fp("SHIFT_256", (1 << 256) * R * R % P, "`2^256 R^2 mod p`: into Montgomery form, times `2^256`.")

# The power (p - 3) / 4: square roots and inverses. Sliding windows of five bits over that exponent.
assert P % 4 == 3
chain, bits = [], bin((P - 3) // 4)[2:]
i, squarings = 0, 0
while i < len(bits):
    if bits[i] == "0":
        squarings, i = squarings + 1, i + 1
        continue
    width = min(5, len(bits) - i)
    while bits[i + width - 1] == "0":
        width -= 1
    chain.append((squarings + width, int(bits[i : i + width], 2) // 2))
    squarings, i = 0, i + width
chain.append((squarings, None))
value = 0
for squarings, odd in chain:
    value = (value << squarings) + (0 if odd is None else 2 * odd + 1)
assert value == (P - 3) // 4
body = ", ".join(f"({s}, {o})" for s, o in chain[:-1])
print("/// The power `(p - 3) / 4`, from one: squarings, then a product with the odd power `2 n + 1`.")
print(f"pub(crate) const POWER: [(u32, usize); {len(chain) - 1}] = [{body}];")
print(f"/// The squarings after the last of those products.\npub(crate) const POWER_TAIL: u32 = {chain[-1][0]};")

# Subgroups. phi + x^2 has degree r; psi - x has degree p - x = h1 r, and h1 and h2 have no common factor.
def gcd(a, b):
    return gcd(b, a % b) if b else a

H1 = (X - 1) ** 2 // 3
H2 = (X**8 - 4 * X**7 + 5 * X**6 - 4 * X**4 + 6 * X**3 - 4 * X**2 - 4 * X + 13) // 9
assert X**4 - X**2 + 1 == R_ORDER and P - X == H1 * R_ORDER and gcd(H1, H2) == 1 and H1 % 2 == H2 % 2 == 1

# Hash to G1 (RFC 9380 section 8.8.1 and appendix E.2): curve, non-residue and the isogeny of degree 11, whose denominators are the
# square and the cube of one polynomial D of degree 5. Lowest coefficient first.
SSWU_A = 0x144698A3B8E9433D693A02C96D4982B0EA985383EE66A8D8E8981AEFD881AC98936F8DA0E0F97F5CF428082D584C1D
SSWU_B = 0x12E2908D11688030018B12E8753EEE3B2016C1F0F24F4070A0B9C14FCEF35EF55A23215A316CEAA5D1CC48E98E172BE0
SSWU_Z = 11
ISO_D = (
    0x133341FB0962A34CB0504A9C4FADA0A5090D38679B4C040D5D1C3AFB023A3409FCC0815FEA66D8B02BBEF9C8B5A66E07,
    0x264908AF037BCEDE00D054CF5D4775E83EB6CF63C76B969F8ED174FB59FCFF78D201F46F6CFC4ED6552E59CE75177B0,
    0x1335C502C1F54C49ACEEA65E87FD7203BA0F626F305FC0CFD606A5DAE9F3C8E81A4B3B69600129FABD307C69BF319D39,
    0x94440F65F408A6E930E16E3E92DD17BF60D6E9679A8D3D58593DE55AC23703042D609537EB3549AAC234D896CA82944,
    0x4AFE09D5CF4956A23B6B71F59D2B3407B415A774B7BE81BBB6FA99CBC798E0AC98BA725A5BC328016B1C268B4766E85,
    0x1,
)
ISO_N = (
    0x11A05F2B1E833340B809101DD99815856B303E88A2D7005FF2627B56CDB4E2C85610C2D5F2E62D6EAEAC1662734649B7,
    0x17294ED3E943AB2F0588BAB22147A81C7C17E75B2F6A8417F565E33C70D1E86B4838F2A6F318C356E834EEF1B3CB83BB,
    0xD54005DB97678EC1D1048C5D10A9A1BCE032473295983E56878E501EC68E25C958C3E3D2A09729FE0179F9DAC9EDCB0,
    0x1778E7166FCC6DB74E0609D307E55412D7F5E4656A8DBF25F1B33289F1B330835336E25CE3107193C5B388641D9B6861,
    0xE99726A3199F4436642B4B3E4118E5499DB995A1257FB3F086EEB65982FAC18985A286F301E77C451154CE9AC8895D9,
    0x1630C3250D7313FF01D1201BF7A74AB5DB3CB17DD952799B9ED3AB9097E68F90A0870D2DCAE73D19CD13C1C66F652983,
    0xD6ED6553FE44D296A3726C38AE652BFB11586264F0F8CE19008E218F9C86B2A8DA25128C1052ECADDD7F225A139ED84,
    0x17B81E7701ABDBE2E8743884D1117E53356DE5AB275B4DB1A682C62EF0F2753339B7C8F8C8F475AF9CCB5618E3F0C88E,
    0x80D3CF1F9A78FC47B90B33563BE990DC43B756CE79F5574A2C596C928C5D1DE4FA295F296B74E956D71986A8497E317,
    0x169B1F8E1BCFA7C42E0C37515D138F22DD2ECB803A0C5C99676314BAF4BB1B7FA3190B2EDC0327797F241067BE390C9E,
    0x10321DA079CE07E272D8EC09D2565B0DFA7DCCDDE6787F96D50AF36003B14866F69B771F8C285DECCA67DF3F1605FB7B,
    0x6E08C248E260E70BD1E962381EDEE3D31D79D7E22C837BC23C0BF1BC24C6B68C24B1B80B64D391FA9C8BA2E8BA2D229,
)
ISO_M = (
    0x90D97C81BA24EE0259D1F094980DCFA11AD138E48A869522B52AF6C956543D3CD0C7AEE9B3BA3C2BE9845719707BB33,
    0x134996A104EE5811D51036D776FB46831223E96C254F383D0F906343EB67AD34D6C56711962FA8BFE097E75A2E41C696,
    0xCC786BAA966E66F4A384C86A3B49942552E2D658A31CE2C344BE4B91400DA7D26D521628B00523B8DFE240C72DE1F6,
    0x1F86376E8981C217898751AD8746757D42AA7B90EEB791C09E4A3EC03251CF9DE405ABA9EC61DECA6355C77B0E5F4CB,
    0x8CC03FDEFE0FF135CAF4FE2A21529C4195536FBE3CE50B879833FD221351ADC2EE7F8DC099040A841B6DAECF2E8FEDB,
    0x16603FCA40634B6A2211E11DB8F0A6A074A7D0D4AFADB7BD76505C3D3AD5544E203F6326C95A807299B23AB13633A5F0,
    0x4AB0B9BCFAC1BBCB2C977D027796B3CE75BB8CA2BE184CB5231413C4D634F3747A87AC2460F415EC961F8855FE9D6F2,
    0x987C8D5333AB86FDE9926BD2CA6C674170A05BFE3BDD81FFD038DA6C26C842642F64550FEDFE935A15E4CA31870FB29,
    0x9FC4018BD96684BE88C9E221E4DA1BB8F3ABD16679DC26C1E8B6E6A1F20CABE69D65201C78607A360370E577BDBA587,
    0xE1BBA7A1186BDB5223ABDE7ADA14A23C42A0CA7915AF6FE06985E7ED1E4D43B9B3F7055DD4EBA6F2BAFAAEBCA731C30,
    0x19713E47937CD1BE0DFD0B8F1D43FB93CD2FCBCB6CAF493FD1183E416389E61031BF3A5CCE3FBAFCE813711AD011C132,
    0x18B46A908F36F6DEB918C143FED2EDCC523559B8AAF0C2462E6BFE7F911F643249D9CDF41B44D606CE07C8A4D0074D8E,
    0xB182CAC101B9399D155096004F53F447AA7B12A3426B08EC02710E807B4633F06C851C1919211F20D4C04F00B971EF8,
    0x245A394AD1ECA9B72FC00AE7BE315DC757B3B080D4C158013E6632D3C40659CC6CF90AD1C232A6442D9D3F5DB980133,
    0x5C129645E44CF1102A159F748C4A3FC5E673D81D7E86568D9AB0F5D396A7CE46BA1049B6579AFB7866B1E715475224B,
    0x15E6BE4E990F03CE4EA50B3B42DF2EB5CB181D8F84965A3957ADD4FA95AF01B2B665027EFEC01C7704B456BE69C8B604,
)


def times(a, b):
    out = [0] * (len(a) + len(b) - 1)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            out[i + j] = (out[i + j] + x * y) % P
    return out

def power(a, n):
    return times(power(a, n - 1), a) if n > 1 else list(a)

# The image lies on the curve: f M^2 = N^3 + 4 D^6 as polynomials, with f that of the curve where the map starts.
left = times((SSWU_B, SSWU_A, 0, 1), power(ISO_M, 2))
right, d6 = power(ISO_N, 3), power(ISO_D, 6)
assert left == [(a + 4 * b) % P for a, b in zip(right, d6 + [0] * 3)]
assert pow(SSWU_Z, (P - 1) // 2, P) == P - 1
root = pow(-SSWU_Z, (P + 1) // 4, P)
assert root * root % P == P - SSWU_Z
for name, v, doc in (("SSWU_A", SSWU_A, "`A'` of the curve that hashing maps to first."), ("SSWU_B", SSWU_B, "`B'` of it."),
                     ("SSWU_B3", 3 * SSWU_B, "`3 B'`."), ("SSWU_Z", SSWU_Z, "The non-residue `Z`."),
                     ("SSWU_ZA", SSWU_Z * SSWU_A, "`Z A'`."), ("SQRT_MINUS_Z", root, "A square root of `-Z`.")):
    fp(name, mont(v % P), doc)
for name, c, doc in (("ISO_D", ISO_D[:-1], "the root of the denominators, without its highest, which is one"),
                     ("ISO_N", ISO_N, "the numerator of x"), ("ISO_M", ISO_M[:-1] if ISO_M[-1] == 1 else ISO_M, "the numerator of y")):
    body = lines(show(mont(v)) for v in c)
    print(f"/// The isogeny back, lowest coefficient first: {doc}.\npub(crate) const {name}: [[u64; 8]; {len(c)}] = {body};")
