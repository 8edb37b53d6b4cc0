#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Is the TLB model test able to fail? Delete each fence of asid.c and tlb.c in turn,
and each line that keeps the sets of CPUs right, and run the test's cases: every
mutant must be caught by at least one. Prints the survivors; exit status 1 if any.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ["arch/riscv/mm/asid.c", "arch/riscv/mm/tlb.c"]
# Statements whose loss must be noticed. Barriers are not among them: the model is sequential.
VITAL = re.compile(r"^\t+(hw_\w*fence\w*\(.*\);|flush_(local|remote)\(.*\);|forget_user\(\);|"
                   r"forget_asid\(.*\);|smp_store_release\(&loaded\[cpu\].*\);|WRITE_ONCE\(loaded.*\);|"
                   r"set_cpu\(.*\);|flush_pending = .*;|reserved\[cpu\] = a;|"
                   r"fence_stale_icache\(.*\);|__atomic_fetch_or\(.*|"
                   r"bitmap_set\(asid_map, reserved.*\);|reserved\[cpu\] = renewed;)$")
CASES = ["asid_bits_0", "asid_bits_0_erratum", "asid_bits_3", "asid_bits_3_erratum", "asid_bits_4",
         "asid_bits_16"]


def mutants():
    for source in SOURCES:
        lines = (ROOT / source).read_text().splitlines()
        for number, line in enumerate(lines):
            if VITAL.match(line) and line.count("(") == line.count(")"):
                yield source, number, line.strip(), lines[:number] + ["\t;"] + lines[number + 1:]


def survives(folder, source, lines):
    changed = folder / pathlib.Path(source).name
    # Beside its headers: the copy includes "asid.h".
    changed.write_text("\n".join(lines) + "\n")
    sources = [str(changed) if s == source else s for s in SOURCES]
    program = folder / "model"
    subprocess.run(["gcc", "-O1", "-std=gnu11", "-fno-builtin", "-fno-strict-aliasing", "-w", "-DUNIT_TEST",
                    "-Itests/unit/hw", "-I.", "-Itests/unit", "-Iarch/riscv/include", "-Iarch/riscv/mm",
                    "tests/unit/test_asid_model.c", "tests/unit/unit.c", "kernel/lib/bitmap.c",
                    *sources, "-o", program], cwd=ROOT, check=True)
    for case in CASES:
        run = subprocess.run([program, case], capture_output=True, text=True, timeout=300, check=False)
        if run.returncode or "not ok" in run.stdout:
            return False
    return True


def main():
    alive = total = 0
    with tempfile.TemporaryDirectory() as folder:
        for source, number, text, lines in mutants():
            total += 1
            if survives(pathlib.Path(folder), source, lines):
                alive += 1
                print(f"not noticed: {source}:{number + 1}: {text}")
    print(f"{total - alive} of {total} mutants caught")
    return 1 if alive or not total else 0


if __name__ == "__main__":
    sys.exit(main())
