//! What a job is given: an engine, and marks for its secrets in one of its two runs.

use std::cell::{Cell, RefCell};

use ibake::simd::Engine;

use crate::shadow;

/// A job or a leak, by name.
pub type Case = (&'static str, fn(&Run));

pub struct Run {
    pub engine: Engine,
    secret: bool,
    results: RefCell<Vec<Vec<u8>>>,
    inputs: Cell<usize>,
    unmarked: Cell<usize>,
}

impl Run {
    fn new(engine: Engine, secret: bool) -> Self {
        Self { engine, secret, results: RefCell::default(), inputs: Cell::new(0), unmarked: Cell::new(0) }
    }

    /// Runs a job on the emulated lane without a mark, and on the 512-bit lane with its secrets marked: the results must be the
    /// same, and in the second run every byte of them secret.
    pub fn job(job: fn(&Self)) -> Result<(), &'static str> {
        let plain = Self::new(Engine::emulated(), false);
        job(&plain);
        let secret = Self::new(Engine::avx512().ok_or("no AVX-512 IFMA")?, true);
        job(&secret);
        let (plain, results) = (plain.results.into_inner(), secret.results.into_inner());
        if results.is_empty() || secret.inputs.get() == 0 {
            return Err("nothing was marked, or nothing came out");
        }
        if secret.unmarked.get() > 0 {
            return Err("a byte of a result does not depend on a secret");
        }
        if plain != results {
            return Err("the lanes differ");
        }
        Ok(())
    }

    /// Runs a leak: on the 512-bit lane, with its secrets marked.
    pub fn leak(leak: fn(&Self)) -> Result<(), &'static str> {
        leak(&Self::new(Engine::avx512().ok_or("no AVX-512 IFMA")?, true));
        Ok(())
    }

    /// A secret input.
    pub fn secret<T: Copy, const N: usize>(&self, mut value: [T; N]) -> [T; N] {
        if self.secret {
            shadow::mark(&mut value);
            self.inputs.set(self.inputs.get() + 1);
        }
        value
    }

    /// A result that depends on a secret in every byte.
    pub fn result(&self, bytes: &[u8]) {
        if self.secret {
            self.unmarked.set(self.unmarked.get() + bytes.len() - shadow::marked(bytes));
        }
        let mut bytes = bytes.to_vec();
        shadow::unmark(&mut bytes);
        self.results.borrow_mut().push(bytes);
    }
}
