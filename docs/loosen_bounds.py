#!/usr/bin/env python3
"""Loosens each bound of the eight-lane field types in turn and shows what notices: python3 docs/loosen_bounds.py [--list] [--only N[-M]]

What is tried, each in a copy of src/simd in a temporary directory (standard library and cargo alone; half an hour on one core,
with the emulated lane):

  condition  a conjunct of an assertion in a `const` block. The test in src/simd/bounds.rs goes one step beyond it: that must not
             compile. With the conjunct replaced by `true` it compiles; then the least excess is looked for at which a test fails.
  claim      a bound that a kernel's result is given without a condition. The test claims less: it must fail.
  limit      a constant or a step of a formula, weakened: nothing may compile, or a test must fail.
  statement  a bound that the source states of a sum, a difference and so on, lowered by one: it must not compile, or more is stated than is so, which is safe.

--list prints the mutations, and conditions of the sources that have no number here. --only tries one or some, and ends with 1 if one survives.
Everything: prints the table of docs/simd_bounds.md to standard output.
"""
import argparse, os, re, shutil, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SIMD = os.path.join(ROOT, "src/simd")
STEPS = [1, 4, 16, 64, 256, 1024, 2047]

# File, function, condition -> the number in src/simd/bounds.rs that goes beyond it.
CONDITIONS = {
    ("fp.rs", "constant", "L >= 8"): "CONSTANT_L",
    ("fp.rs", "constant", "B >= 1"): "CONSTANT_B",
    ("fp.rs", "relax", "L2 >= L"): "RELAX_L",
    ("fp.rs", "relax", "B2 >= B"): "RELAX_B",
    ("fp.rs", "add", "L2 >= L + L1"): "ADD_L",
    ("fp.rs", "add", "L2 <= LIMIT"): "ADD_LIMIT",
    ("fp.rs", "add", "B2 >= B + B1"): "ADD_B",
    ("fp.rs", "sub", "L2 >= L + Spread::<L1, B1>::UNITS"): "SUB_L",
    ("fp.rs", "sub", "L2 <= LIMIT"): "SUB_LIMIT",
    ("fp.rs", "sub", "B2 >= B + Spread::<L1, B1>::K"): "SUB_B",
    ("fp.rs", "neg", "L2 >= Spread::<L, B>::UNITS"): "NEG_L",
    ("fp.rs", "neg", "L2 <= LIMIT"): "NEG_LIMIT",
    ("fp.rs", "neg", "B2 >= Spread::<L, B>::K"): "NEG_B",
    ("fp.rs", "carry", "L <= LIMIT"): "CARRY_L",
    ("fp.rs", "carry", "B < 1 << 11"): "CARRY_B",
    ("fp.rs", "squeeze", "L <= LIMIT"): "SQUEEZE_L",
    ("fp.rs", "squeeze", "B < 1 << 11"): "SQUEEZE_B",
    ("fp.rs", "mul", "2 * L <= LIMIT"): "MUL_L",
    ("fp.rs", "mul", "2 * L1 <= LIMIT"): "MUL_L1",
    ("fp.rs", "mul", "B * B1 <= ABOVE"): "MUL_B",
    ("fp.rs", "sum2", "L <= CARRIED"): "SUM2_L",
    ("fp.rs", "sum2", "B * B1 + B2 * B3 <= ABOVE"): "SUM2_B",
    ("fp.rs", "difference2", "L <= CARRIED"): "DIFFERENCE2_L",
    ("fp.rs", "difference2", "B * B1 <= ABOVE"): "DIFFERENCE2_ABOVE",
    ("fp.rs", "difference2", "B2 * B3 <= BELOW"): "DIFFERENCE2_BELOW",
    ("fp.rs", "square", "2 * L <= LIMIT"): "FP_SQUARE_L",
    ("fp.rs", "square", "B * B <= ABOVE"): "FP_SQUARE_B",
    ("wide.rs", "product", "4 * L1 <= LIMIT"): "PRODUCT_L1",
    ("wide.rs", "product", "4 * L2 <= LIMIT"): "PRODUCT_L2",
    ("wide.rs", "product", "C >= columns2(L1, L2)"): "PRODUCT_C",
    ("wide.rs", "product", "N >= B1 * B2"): "PRODUCT_N",
    ("wide.rs", "product", "M >= 2 * B1 * B2"): "PRODUCT_M",
    ("wide.rs", "reduce", "C <= COLUMN_LIMIT"): "REDUCE_C",
    ("wide.rs", "reduce", "N <= BELOW"): "REDUCE_N",
    ("wide.rs", "reduce", "M <= ABOVE"): "REDUCE_M",
    ("wide.rs", "reduce_add", "C + C1 <= COLUMN_LIMIT"): "ADD_WIDE_C",
    ("wide.rs", "reduce_add", "N + N1 <= BELOW"): "ADD_WIDE_N",
    ("wide.rs", "reduce_add", "M + M1 <= ABOVE"): "ADD_WIDE_M",
    ("wide.rs", "reduce_add_xi", "C + 2 * C1 <= COLUMN_LIMIT"): "ADD_XI_C",
    ("wide.rs", "reduce_add_xi", "N + N1 + M1 <= BELOW"): "ADD_XI_N",
    ("wide.rs", "reduce_add_xi", "M + M1 + M1 <= ABOVE"): "ADD_XI_M",
    ("wide.rs", "reduce_sub2", "C + C1 + C2 <= COLUMN_LIMIT"): "SUB2_C",
    ("wide.rs", "reduce_sub2", "N + M1 + M2 <= BELOW"): "SUB2_N",
    ("wide.rs", "reduce_sub2", "M + N1 + N2 <= ABOVE"): "SUB2_M",
    ("wide.rs", "reduce_sub_12", "C + 12 * C1 <= COLUMN_LIMIT"): "SUB_12_C",
    ("wide.rs", "reduce_sub_12", "N + 12 * M1 <= BELOW"): "SUB_12_N",
    ("wide.rs", "reduce_sub_12", "M <= ABOVE"): "SUB_12_M",
    ("wide.rs", "reduce_sub_xi", "C + C1 + 2 * C2 <= COLUMN_LIMIT"): "SUB_XI_C",
    ("wide.rs", "reduce_sub_xi", "N + M1 + M2 + M2 <= BELOW"): "SUB_XI_N",
    ("wide.rs", "reduce_sub_xi", "M + N1 + N2 + M2 <= ABOVE"): "SUB_XI_M",
    ("fp2.rs", "mul", "L <= FACTOR_L"): "FP2_MUL_L",
    ("fp2.rs", "mul", "L1 <= FACTOR_L"): "FP2_MUL_L1",
    ("fp2.rs", "mul", "B <= FACTOR_B"): "FP2_MUL_B",
    ("fp2.rs", "mul", "B1 <= FACTOR_B"): "FP2_MUL_B1",
    ("fp2.rs", "square", "L <= SQUARE_L"): "FP2_SQUARE_L",
    ("fp2.rs", "square", "B <= SQUARE_B"): "FP2_SQUARE_B",
    ("fp2.rs", "sum2", "L <= CARRIED"): "FP2_SUM2_L",
    ("fp2.rs", "sum2", "2 * (B * B1 + B2 * B3) <= ABOVE"): "FP2_SUM2_M",
    ("fp2.rs", "difference2", "L <= CARRIED"): "FP2_DIFFERENCE2_L",
    ("fp2.rs", "difference2", "B * B1 + 2 * B2 * B3 <= BELOW"): "FP2_DIFFERENCE2_N",
    ("fp2.rs", "difference2", "2 * B * B1 + B2 * B3 <= ABOVE"): "FP2_DIFFERENCE2_M",
    ("fp2.rs", "square_wide", "L <= SQUARE_L"): "SQUARE_WIDE_L",
    ("fp2.rs", "square_wide", "B <= SQUARE_B"): "SQUARE_WIDE_B",
    ("fp2.rs", "square_wide", "C >= SQUARE_COLUMNS"): "SQUARE_WIDE_C",
    ("fp2.rs", "square_wide", "M >= squared(B)"): "SQUARE_WIDE_M",
    ("fp6.rs", "product", "B <= 16"): "FP6_B",
    ("fp6.rs", "product", "N >= 22 * B * B"): "FP6_N",
    ("fp6.rs", "product_01", "B <= 16"): "FP6_LINE_B",
    ("fp6.rs", "product_01", "B2 <= 16"): "FP6_LINE_B2",
    ("fp6.rs", "product_01", "N >= 6 * B * B2"): "FP6_LINE_N",
}
# Conditions that cannot be gone beyond by themselves.
WITHOUT = {
    ("fp12.rs", "frobenius", "K >= 1"): "no bound: which powers there are",
    ("fp12.rs", "frobenius", "K <= 3"): "no bound: which powers there are",
    ("wide.rs", "product", "C <= COLUMN_LIMIT"): "implied by every reduction of what comes out",
    ("wide.rs", "reduce_add_xi", "M1 >= N1"): "makes the limits on the imaginary part follow from those on the real one",
    ("wide.rs", "reduce_sub_xi", "M2 >= N2"): "the same",
    ("fp2.rs", "sum2", "B * B1 + B2 * B3 <= BELOW"): "implied: half of what the limit above allows",
}
CLAIMS = [
    ("fp.rs", "carry: limbs of CARRIED units", "CARRY_GIVES"),
    ("fp.rs", "squeeze: limbs of CARRIED units", "SQUEEZE_GIVES_L"),
    ("fp.rs", "squeeze: below 2p", "SQUEEZE_GIVES_B"),
    ("fp.rs", "products: limbs of CARRIED units", "MUL_GIVES_L"),
    ("fp.rs", "products: below 4p", "MUL_GIVES_B"),
    ("wide.rs", "reductions: limbs of CARRIED units", "REDUCE_GIVES_L"),
    ("wide.rs", "reductions: below 4p", "REDUCE_GIVES_B"),
]
# File, old, new.
LIMITS = [
    ("fp.rs", "const CARRIED: u32 = 9", "const CARRIED: u32 = 8"),
    ("fp.rs", "const LIMIT: u32 = 63", "const LIMIT: u32 = 64"),
    ("fp.rs", "type Fe<V> = Fp<V, CARRIED, 4>", "type Fe<V> = Fp<V, CARRIED, 3>"),
    ("fp.rs", "let need = (l as u64) << 46;", "let need = (l as u64 - 1) << 46;"),
    ("fp.rs", "let mut k = b + 1;", "let mut k = b;"),
    ("fp.rs", "(1 << 52) / (P[7] + 1)", "(1 << 52) / P[7] + 1"),
    ("fp.rs", "max.div_ceil(1 << 46) as u32", "(max >> 46) as u32"),
    ("wide.rs", "const ABOVE: u32 = 2520", "const ABOVE: u32 = 2521"),
    ("wide.rs", "const BELOW: u32 = 2500", "const BELOW: u32 = 2521"),
    ("wide.rs", "const COLUMN_LIMIT: u32 = (1 << 17) - (1 << 11)", "const COLUMN_LIMIT: u32 = (1 << 17) - 1"),
    ("wide.rs", "512 + (5 * l1 * l2).div_ceil(2)", "512 + (5 * l1 * l2).div_ceil(4)"),
    ("wide.rs", "columns(2 * l1, 2 * l2) + 2 * columns(l1, l2)", "columns(2 * l1, 2 * l2)"),
    ("wide.rs", "limbs[i].wrapping_add(1 << 63)", "limbs[i].wrapping_add(1 << 62)"),
    ("fp2.rs", "const FACTOR_L: u32 = LIMIT / 4", "const FACTOR_L: u32 = LIMIT / 4 + 1"),
    ("fp2.rs", "const FACTOR_B: u32 = 35", "const FACTOR_B: u32 = 36"),
    ("fp2.rs", "const SQUARE_L: u32 = LIMIT / 4", "const SQUARE_L: u32 = LIMIT / 4 + 1"),
    ("fp2.rs", "const SQUARE_B: u32 = 16", "const SQUARE_B: u32 = 17"),
    ("fp2.rs", "columns(30, CARRIED)", "columns(15, CARRIED)"),
    ("fp2.rs", "2 * b * (b + lifted(SQUARE_L, SQUARE_B))", "2 * b * (b + SQUARE_B) - 1"),
    ("fp6.rs", "const COLUMNS6: u32 = 7 * COLUMNS2", "const COLUMNS6: u32 = 2 * COLUMNS2"),
    ("miller.rs", "const LINE: u32 = 16", "const LINE: u32 = 15"),
]
STATED = ["fp.rs", "fp2.rs", "fp6.rs", "fp12.rs", "finalexp.rs", "kernels.rs", "miller.rs", "multiply.rs", "point.rs"]


def read(file):
    with open(os.path.join(SIMD, file), encoding="utf-8") as f:
        return f.read()


def function_at(text, at):
    names = re.findall(r"\bfn (\w+)", text[:at])
    return names[-1] if names else "?"


def conditions():
    """Every conjunct of every assertion in a `const` block: file, function, text, start, end."""
    out = []
    for file in sorted(os.listdir(SIMD)):
        if not file.endswith(".rs") or file in ("bounds.rs", "tests.rs"):
            continue
        text = read(file)
        for found in re.finditer(r"const \{\s*assert!\((.*?)\);?\s*\}\n", text, re.S):
            at = found.start(1)
            for part in re.split(r"(&&)", found.group(1)):
                if part != "&&":
                    start = at + len(part) - len(part.lstrip())
                    out.append((file, function_at(text, found.start()), " ".join(part.split()), start, at + len(part.rstrip())))
                at += len(part)
    return out


def statements():
    """Every number in the type that a `let` states of a sum and so on: file, line, text, which, start, end, value."""
    out = []
    for file in STATED:
        text = read(file)
        for found in re.finditer(r"\bFp2?<V, (\w+), (\w+)>|\$F<V, (\w+), (\w+)>", text):
            line = text.count("\n", 0, found.start()) + 1
            before = text[:found.start()].rsplit("\n", 1)[-1]
            if "let " not in before or " = " in before:
                continue
            for group in range(1, 5):
                number = found.group(group)
                if number and number.isdigit():
                    which = "limbs" if group % 2 else "value"
                    out.append((file, line, found.group(0), which, found.start(group), found.end(group), int(number)))
    return out


def mutations():
    """(kind, what, edits, probes): edits are (file, start, end, new) on the sources; probes are (name, amounts)."""
    out = []
    for file, function, text, start, end in conditions():
        key = (file, function, text)
        if key in WITHOUT or key not in CONDITIONS:
            continue
        out.append(("condition", f"`{file}` {function}: `{text}`", [(file, start, end, "true")], CONDITIONS[key]))
    for file, what, probe in CLAIMS:
        out.append(("claim", f"`{file}` {what}", [], probe))
    for file, old, new in LIMITS:
        text = read(file)
        assert text.count(old) == 1, f"{file} has not exactly one {old!r}"
        what = f"`{file}` `{' '.join(old.split())}` as `{' '.join(new.split())}`"
        out.append(("limit", what, [(file, text.index(old), text.index(old) + len(old), new)], None))
    for file, line, text, which, start, end, value in statements():
        out.append(("statement", f"`{file}`:{line} `{text}`, {which}", [(file, start, end, "")], value))
    return out


class Copy:
    """The sources in a crate of their own, with nothing but what they need."""

    def __init__(self, directory):
        self.dir = directory
        os.makedirs(os.path.join(directory, "src"))
        manifest = open(os.path.join(ROOT, "Cargo.toml"), encoding="utf-8").read()
        line = lambda name: re.search(rf"^{name} = .*$", manifest, re.M).group(0)
        with open(os.path.join(directory, "Cargo.toml"), "w") as f:
            f.write('[package]\nname = "ibake"\nversion = "0.1.0"\nedition = "2024"\n')
            f.write('[features]\ndefault = ["std", "simd", "hazmat"]\nstd = []\nsimd = []\nhazmat = []\n')
            f.write("[dependencies]\n" + "\n".join(map(line, ["rand_core", "subtle", "zeroize"])) + "\n")
            f.write("[dev-dependencies]\n" + "\n".join(map(line, ["ark-bls12-381", "ark-ff"])) + "\n")
            f.write("[profile.test]\nopt-level = 0\ndebug = false\n[profile.test.package.\"*\"]\nopt-level = 3\n[workspace]\n")
        shutil.copy(os.path.join(ROOT, "Cargo.lock"), directory)
        modules = ["encoding", "error", "secret"]
        for module in modules:
            shutil.copy(os.path.join(ROOT, f"src/{module}.rs"), os.path.join(directory, "src"))
        os.makedirs(os.path.join(directory, "src/simd"))
        for file in os.listdir(SIMD):
            self.write(file, read(file))
        with open(os.path.join(directory, "src/lib.rs"), "w") as f:
            f.write("#![allow(warnings)]\nextern crate alloc;\n")
            f.write("".join(f"pub mod {m};\n" for m in modules + ["simd"]))

    def write(self, file, text):
        # The bounds are of the one source that both lanes share; the emulated lane alone builds in half the time.
        with open(os.path.join(self.dir, "src/simd", file), "w", encoding="utf-8") as f:
            f.write(text.replace('target_arch = "x86_64"', "any()"))

    def run(self, edits, probe=None, amount=0, build_only=False):
        """'passes', 'does not compile', or the test that fails and what it says."""
        texts = {}
        for file, start, end, new in edits:
            text = texts.get(file, read(file))
            texts[file] = text[:start] + new + text[end:]
        if probe:
            texts["bounds.rs"] = re.sub(rf"(const {probe}: u32 = )0;", rf"\g<1>{amount};", read("bounds.rs"))
            assert texts["bounds.rs"] != read("bounds.rs"), probe
        for file, text in texts.items():
            self.write(file, text)
        try:
            # The library instantiates what no test of the folder calls. Beyond a bound the other tests are seldom, and take longer.
            commands = [] if probe else [["build", "--offline", "--lib"]]
            commands += [] if build_only else [["test", "--offline", "--lib", "simd::bounds" if probe else "simd::"]]
            env = dict(os.environ, CARGO_TARGET_DIR=os.path.join(self.dir, "target"), RUST_BACKTRACE="0", CARGO_TERM_COLOR="never")
            for command in commands:
                done = subprocess.run(["cargo", *command], cwd=self.dir, env=env, capture_output=True, text=True, timeout=900)
                if done.returncode != 0:
                    break
        finally:
            for file in texts:
                self.write(file, read(file))
        if done.returncode == 0:
            return "passes"
        failed = re.findall(r"^test (\S+) \.\.\. FAILED", done.stdout, re.M)
        if failed:
            return "test fails: " + ", ".join(f"`{n.removeprefix('simd::')}`" for n in failed)
        if "error[E0080]" in done.stderr:
            return "does not compile: the condition"
        if re.search(r"^error", done.stderr, re.M):
            code = re.search(r"^error\[(E\d+)\]", done.stderr, re.M)
            return f"does not compile: {code.group(1) if code else 'other'}"
        return "test fails: ends abnormally"


def attempt(copy, kind, edits, probe):
    """(verdict, survived)."""
    if kind == "limit":
        found = copy.run(edits)
        return found, found == "passes"
    if kind == "statement":
        file, start, end, _ = edits[0]
        # Nothing is computed from what is stated, so there is nothing to run.
        found = copy.run([(file, start, end, str(probe - 1))], build_only=True)
        return (found, False) if found != "passes" else ("less would do", True)
    if kind == "claim":
        found = copy.run([], probe, 1)
        return found, found == "passes"
    checked = copy.run([], probe, 1)
    if not checked.startswith("does not compile"):
        return f"not checked: {checked}", True
    for amount in STEPS:
        found = copy.run(edits, probe, amount)
        if found != "passes":
            return f"{checked}; without it, {amount} beyond: {found}", found.startswith("does not compile")
    return f"{checked}; without it: passes up to {STEPS[-1]} beyond", True


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--list", action="store_true")
    options.add_argument("--only")
    options = options.parse_args()
    everything = mutations()
    if options.list:
        for n, (kind, what, _, _) in enumerate(everything):
            print(f"{n}\t{kind}\t{what}")
        known = set(CONDITIONS) | set(WITHOUT)
        for file, function, text, _, _ in conditions():
            if (file, function, text) not in known:
                print(f"-\tno number\t`{file}` {function}: `{text}`")
        gone = known - {c[:3] for c in conditions()}
        assert not gone, f"conditions that are no longer there: {gone}"
        return 0
    with tempfile.TemporaryDirectory(prefix="loosen_bounds") as directory:
        copy = Copy(os.path.join(directory, "crate"))
        assert (found := copy.run([])) == "passes", f"the sources as they are: {found}"
        first, _, last = (options.only or f"0-{len(everything) - 1}").partition("-")
        wanted = range(int(first), int(last or first) + 1)
        print("| | kind | bound | verdict |\n| ---: | --- | --- | --- |", flush=True)
        survivors = 0
        for n in wanted:
            kind, what, edits, probe = everything[n]
            verdict, survived = attempt(copy, kind, edits, probe)
            survivors += survived
            print(f"| {n} | {kind} | {what} | {'SURVIVED: ' if survived else ''}{verdict} |", flush=True)
        print(f"\n{len(wanted)} tried, {survivors} survived")
        return 1 if options.only and survivors else 0


if __name__ == "__main__":
    sys.exit(main())
