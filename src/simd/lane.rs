//! A lane: eight 64-bit words that are computed with in lockstep, one word of each of eight independent instances.
//!
//! Everything above is written once over [`Vector`]. The 512-bit lane is fast; the emulated one is its readable twin, for
//! machines without the instructions, for tests and for tools that cannot follow them.
//!
//! There is no comparison, branch or index on a lane: a choice is a mask of all ones or all zeros in each word.

/// Eight words of 64 bits.
///
/// A value can be made only with a token, and the token only where the instructions exist, so a value is the witness that
/// calls on it are sound.
pub(crate) trait Vector: Copy + Send + Sync + 'static {
    /// What proves that the instructions exist.
    type Token: Copy + Send + Sync;

    /// The token that made this value.
    fn token(self) -> Self::Token;
    /// The same word eight times.
    fn splat(token: Self::Token, word: u64) -> Self;
    /// One word for each lane.
    fn from_words(token: Self::Token, words: &[u64; 8]) -> Self;
    /// The words of all lanes.
    fn to_words(self) -> [u64; 8];
    /// Sum modulo 2^64.
    fn add(self, other: Self) -> Self;
    /// Difference modulo 2^64.
    fn sub(self, other: Self) -> Self;
    /// Bitwise and.
    fn and(self, other: Self) -> Self;
    /// Bitwise or.
    fn or(self, other: Self) -> Self;
    /// Bitwise exclusive or.
    fn xor(self, other: Self) -> Self;
    /// Shift left.
    fn shl<const N: u32>(self) -> Self;
    /// Shift right, zeros move in.
    fn shr<const N: u32>(self) -> Self;
    /// Shift right, the sign moves in.
    fn sar<const N: u32>(self) -> Self;
    /// `self + low 52 bits of a * b`, from the low 52 bits of `a` and `b`.
    fn madd_lo(self, a: Self, b: Self) -> Self;
    /// `self + (a * b >> 52)`, from the low 52 bits of `a` and `b`.
    fn madd_hi(self, a: Self, b: Self) -> Self;

    /// `other` where the mask is all ones, `self` where it is zero.
    #[inline(always)]
    fn select(self, other: Self, mask: Self) -> Self {
        self.xor(mask.and(self.xor(other)))
    }

    /// All ones where the word is zero, else zero.
    #[inline(always)]
    fn is_zero(self) -> Self {
        let zero = Self::splat(self.token(), 0);
        let one = Self::splat(self.token(), 1);
        self.or(zero.sub(self)).shr::<63>().sub(one)
    }
}

/// Repeats a block with a literal index: the compiler leaves plain loops over lanes as loops, at a third of the speed.
macro_rules! each {
    ($i:ident in [$($n:literal)*] $body:block) => { $({
        #[allow(dead_code)]
        const $i: usize = $n;
        $body
    })* };
    ($i:ident in 8 $body:block) => { each!($i in [0 1 2 3 4 5 6 7] $body) };
    ($i:ident in 16 $body:block) => { each!($i in [0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15] $body) };
}
pub(crate) use each;
