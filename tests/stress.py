# SPDX-License-Identifier: MIT
"""
The stress programs for longer than make test has time: make stress [SECONDS=n] [SMP=n] [T=name...]

Each part of each program runs that many seconds of guest time, on the debug
build, which watches lock order, sleeps in atomic context and hangs. Prints one
line a program; fails on a failed program, a survivor or any report.
"""
import sys

import guest
import qemu

PARTS = 8		# no program has more


def main(seconds, smp, names):
    names = names or guest.programs("stress_", "race_")
    limit = PARTS * seconds + 60
    run, results = guest.boot(qemu.image("qemu-virt", "debug"), [f"{n}.{limit}" for n in names], smp,
                              extra_files=guest.stress_ms(1000 * seconds), timeout=2 * limit * len(names))
    bad = run.verdict != "ended" or bool(run.trouble)
    for name in names:
        done = results.get(name)
        sound = done and done.end == "exit 0" and all(ok for _, ok, _ in done.results) and not done.left
        print(f"{name}: {done.end if done else 'did not run'} {done.left if done else ''}")
        if not sound:
            print(done.text[-3000:] if done else run.console[-3000:])
            bad = True
    print(run.verdict, run.trouble or "")
    return bad


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
