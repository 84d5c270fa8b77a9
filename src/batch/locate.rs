//! Finding the items that make a product fail.
//!
//! Pure logic over a [`Check`], so that it can be tried without curves:
//!
//! ```text
//! product(all) is one: nobody is at fault
//! otherwise: take the first open range that fails; if it has fewer than 8 items it is a leaf
//!            left = product(left half)     right = product(range) / left      keep the halves whose product is not one
//! after n/16 products every open range is a leaf; all items of all leaves are verified singly, together
//! ```
//!
//! One false item among `n` costs `log2(n / 8)` products of halving ranges, so `n` more terms of weighted sums in all.
//! If many are false, bisecting would cost more than verifying singly; the bound on products keeps the loss to a few
//! percent.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::ops::Range;

use super::BatchError;

/// Below this, a failing range is verified item by item.
pub(super) const LEAF: usize = 8;
/// One product for so many items may be computed.
pub(super) const SHARE: usize = 16;

/// What the search needs of whoever has the items.
pub(super) trait Check {
    /// The value of a product over a range; one if all of its items are good.
    type Product;

    /// Computes the product of a range.
    fn product(&mut self, range: Range<usize>) -> Result<Self::Product, BatchError>;
    /// Whether the product says that all items are good.
    fn is_one(&self, product: &Self::Product) -> bool;
    /// The product of the right half, from those of the whole and of the left half.
    fn divide(&self, whole: &Self::Product, left: &Self::Product) -> Self::Product;
    /// Which of these items are good, each by itself and exactly.
    fn singly(&mut self, items: &[usize]) -> Result<Vec<bool>, BatchError>;
}

/// The places of the bad ones of `n` items, ascending. `whole` is the product of all of them, which has been computed.
pub(super) fn locate<C: Check>(n: usize, whole: C::Product, check: &mut C) -> Result<Vec<usize>, BatchError> {
    let mut products = 1;
    let mut failing = VecDeque::new();
    let mut leaves = Vec::new();
    if !check.is_one(&whole) {
        failing.push_back((0..n, whole));
    }
    while let Some((range, product)) = failing.pop_front() {
        if range.len() < LEAF || products >= n / SHARE {
            leaves.extend(range);
            continue;
        }
        let middle = range.start + range.len() / 2;
        let left = check.product(range.start..middle)?;
        products += 1;
        let right = check.divide(&product, &left);
        for (half, product) in [(range.start..middle, left), (middle..range.end, right)] {
            if !check.is_one(&product) {
                failing.push_back((half, product));
            }
        }
    }
    leaves.sort_unstable();
    let good = check.singly(&leaves)?;
    Ok(leaves.into_iter().zip(good).filter(|(_, good)| !good).map(|(i, _)| i).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// Items whose errors are numbers: a product is their sum, modulo 2^64, under odd weights.
    struct Mock {
        errors: Vec<u64>,
        products: usize,
        terms: usize,
        singles: usize,
    }

    impl Check for Mock {
        type Product = u64;

        fn product(&mut self, range: Range<usize>) -> Result<u64, BatchError> {
            self.products += 1;
            self.terms += range.len();
            Ok(self.value(range))
        }

        fn is_one(&self, product: &u64) -> bool {
            *product == 0
        }

        fn divide(&self, whole: &u64, left: &u64) -> u64 {
            whole.wrapping_sub(*left)
        }

        fn singly(&mut self, items: &[usize]) -> Result<Vec<bool>, BatchError> {
            self.singles += items.len();
            Ok(items.iter().map(|i| self.errors[*i] == 0).collect())
        }
    }

    impl Mock {
        fn new(n: usize, bad: &[usize]) -> Self {
            let mut errors = vec![0; n];
            bad.iter().for_each(|i| errors[*i] = 1);
            Self { errors, products: 0, terms: 0, singles: 0 }
        }

        fn value(&self, range: Range<usize>) -> u64 {
            let weight = |i: usize| (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            range.fold(0, |sum, i| sum.wrapping_add(self.errors[i].wrapping_mul(weight(i))))
        }

        fn run(&mut self) -> Vec<usize> {
            let n = self.errors.len();
            let whole = self.product(0..n).unwrap();
            let found = locate(n, whole, self).unwrap();
            assert!(self.products <= (n / SHARE).max(1), "{} products for {n}", self.products);
            found
        }
    }

    #[test]
    fn nobody_is_blamed_if_all_are_good() {
        for n in [0, 1, 7, 8, 9, 100, 16_384] {
            let mut mock = Mock::new(n, &[]);
            assert!(mock.run().is_empty());
            assert_eq!((mock.products, mock.singles), (1, 0));
        }
    }

    #[test]
    fn one_bad_of_16384_is_found_wherever_it_is() {
        for at in [0, 1, 4_095, 8_191, 8_192, 12_345, 16_383] {
            let mut mock = Mock::new(16_384, &[at]);
            assert_eq!(mock.run(), [at]);
            // 16,384 / 2^12 = 4 items are left after twelve halvings.
            assert_eq!((mock.products, mock.singles), (13, 4));
            assert!(mock.terms < 2 * 16_384);
        }
    }

    #[test]
    fn every_pattern_of_small_batches_is_found() {
        for n in 1..=13usize {
            for pattern in 0u32..1 << n {
                let bad: Vec<usize> = (0..n).filter(|i| pattern >> i & 1 == 1).collect();
                assert_eq!(Mock::new(n, &bad).run(), bad);
            }
        }
    }

    #[test]
    fn many_bad_cost_little_more_than_verifying_singly() {
        let all: Vec<usize> = (0..1000).collect();
        let mut mock = Mock::new(1000, &all);
        assert_eq!(mock.run(), all);
        assert_eq!((mock.products, mock.singles), (62, 1000));
        for step in [2, 3, 7, 50, 333] {
            let some: Vec<usize> = (0..1000).step_by(step).collect();
            assert_eq!(Mock::new(1000, &some).run(), some);
        }
    }

    #[test]
    fn a_product_that_fails_without_a_bad_item_blames_nobody() {
        let mut mock = Mock::new(64, &[]);
        assert!(locate(64, 5, &mut mock).unwrap().is_empty());
        assert!(mock.singles > 0);
    }

    #[test]
    fn errors_of_the_check_end_the_search() {
        struct Stops(Mock);
        impl Check for Stops {
            type Product = u64;
            fn product(&mut self, range: Range<usize>) -> Result<u64, BatchError> {
                if self.0.products == 2 { Err(BatchError::Cancelled) } else { self.0.product(range) }
            }
            fn is_one(&self, product: &u64) -> bool {
                self.0.is_one(product)
            }
            fn divide(&self, whole: &u64, left: &u64) -> u64 {
                self.0.divide(whole, left)
            }
            fn singly(&mut self, items: &[usize]) -> Result<Vec<bool>, BatchError> {
                self.0.singly(items)
            }
        }
        let mut stops = Stops(Mock::new(512, &[300]));
        assert_eq!(locate(512, 1, &mut stops), Err(BatchError::Cancelled));
        assert_eq!(stops.0.products, 2);
    }
}
