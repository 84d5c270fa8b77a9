//! The built kernels of the 512-bit lane, disassembled: how many multiply-adds each has, and that nothing in them can depend on
//! a value: no conditional jump but loops over tables of public length and the probing of a large stack frame, no gather, no
//! division, no call but to other kernels and for copies.
//!
//! A kernel that misses its instructions computes the right thing, through a call for each of them, fifty times slower; no test
//! of values notices that.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]
#![allow(clippy::unwrap_used)]

#[path = "common/kernel_counts.rs"]
mod kernel_counts;

use std::collections::BTreeMap;
use std::process::Command;

mod common;

use common::Seeded;
use kernel_counts::KERNELS;

/// Calls every batch, so that this executable has every kernel.
fn use_everything() {
    use ibake::batch::{self, Options};
    let (options, rng) = (Options::default(), &mut Seeded::new("kernels"));
    assert!(batch::extract(&[], &options, rng).unwrap().is_empty());
    assert!(batch::verify_keys(&[], &options, rng).unwrap().is_empty());
    assert!(batch::encapsulate(&[], &options, rng).unwrap().is_empty());
    assert!(batch::decapsulate(&[], &options).unwrap().is_empty());
}

/// The instructions of each kernel in this executable.
fn kernels() -> Option<BTreeMap<String, Vec<String>>> {
    use_everything();
    let program = std::env::current_exe().unwrap();
    let done = Command::new("objdump").args(["-d", "-C", "--no-show-raw-insn"]).arg(program).output();
    let Some(done) = done.ok().filter(|d| d.status.success()) else {
        let required = std::env::var("IBAKE_REQUIRE").is_ok_and(|v| v.split(',').any(|w| w == "objdump"));
        assert!(!required, "IBAKE_REQUIRE names objdump, and there is none that runs here");
        println!("skipped: no objdump");
        return None;
    };
    let mut all = BTreeMap::<String, Vec<String>>::new();
    let mut inside = None;
    for line in String::from_utf8_lossy(&done.stdout).lines() {
        if let Some(name) = line.strip_suffix(">:") {
            let kernel = name.strip_suffix("::kernel").filter(|n| n.contains("Avx512"));
            inside = kernel.and_then(|n| n.rsplit("::").next()).map(str::to_owned);
        } else if let (Some(kernel), Some((_, instruction))) = (&inside, line.split_once(":\t")) {
            all.entry(kernel.clone()).or_default().push(instruction.to_owned());
        }
    }
    Some(all)
}

/// What a kernel must not have.
fn forbidden(instruction: &str) -> bool {
    let mnemonic = instruction.split_whitespace().next().unwrap_or("");
    let called = instruction.split_once('<').map_or("", |(_, to)| to);
    mnemonic.contains("gather")
        || mnemonic.contains("div")
        || mnemonic == "call" && called.contains("core_arch")
        || mnemonic == "call"
            && !called.is_empty()
            && !["Avx512", "mem", "_DYNAMIC", "GLOBAL"].iter().any(|f| called.contains(f))
}

fn is_conditional_jump(instruction: &str) -> bool {
    instruction.starts_with('j') && !instruction.starts_with("jmp")
}

#[test]
fn kernels_have_their_multiply_adds_and_nothing_that_depends_on_a_value() {
    let Some(found) = kernels() else { return };
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    let mut expected: Vec<&str> = KERNELS.iter().map(|k| k.0).collect();
    expected.sort_unstable();
    assert_eq!(names, expected, "kernels of the executable, and of the table");
    for (name, multiply_adds, jumps) in KERNELS {
        let code = &found[*name];
        let count = code.iter().filter(|i| i.starts_with("vpmadd52")).count() as u64;
        assert_eq!(count, *multiply_adds, "multiply-adds of {name}");
        assert_eq!(code.iter().filter(|i| is_conditional_jump(i)).count(), *jumps, "conditional jumps of {name}");
        let bad: Vec<_> = code.iter().filter(|i| forbidden(i)).collect();
        assert!(bad.is_empty(), "{name}: {bad:?}");
    }
}

#[test]
fn what_is_forbidden_is_seen() {
    for bad in [
        "vpgatherqq (%rax,%zmm1,8),%zmm0{%k1}",
        "div    %rcx",
        "idivl  %ecx",
        "call   1234 <core::core_arch::x86::_mm512_add_epi64>",
    ] {
        assert!(forbidden(bad), "{bad}");
    }
    for fine in
        ["vpaddq %zmm1,%zmm0,%zmm0", "call   *%r12", "call   12 <<ibake::simd::avx512::Avx512 as Kernels>::reduce>"]
    {
        assert!(!forbidden(fine), "{fine}");
    }
    assert!(is_conditional_jump("jne    1234") && !is_conditional_jump("jmp    1234"));
}
