# SPDX-License-Identifier: MIT
"""
The tests of a board: which boots there are, what each gave, and what that means.

Rings, in order; each is made of as few boots as there can be:

    user    the programs of tests/user on the shipped kernel, all in one boot; after one that ended
            the boot (panic, silence, restart), the next boot goes on behind it
    kernel  KTEST on the debug kernel, one boot
    ends    one boot each: a panic by its own name must say where, a restart must come back,
            and so must the board after its power was cut while it was busy
    bench   kbench's lines on the shipped kernel, one boot: figures for the report's plots

Verdicts of a case: passed, failure, skipped; panic, time-out where the board ended with it; and those that
say nothing about the kernel: flash error (U-Boot did not get what it was to start), no console (no sign of
life from U-Boot or the kernel), line noise (asked three times, and each time its results came damaged).
A failure is never asked again: only what the line has eaten is.
"""
import dataclasses
import importlib.machinery
import importlib.util
import pathlib
import re
import tempfile
import time
import types

import cpio
import guest
import qemu
from conftest import ROOT, TAP_LINE
from line import heard
from strategy import BANNER, BoardError, Status
from test_kernel import CRASHES, RESULT, cases as ktest_cases

ASK = 3			# times for what the line has damaged
PATIENCE_S = 100	# without a mark of the runner's: its own time-out for a program is 60 s
BENCH_S = 120		# the longest line of kbench takes some 40 s
MARK = re.compile(r"^(?:# |ok |not ok |BENCH |\[ *\d+\.\d+\] (?:not )?ok )", re.M)
FIGURE = re.compile(r"^(\S+)\t([\d.e+-]+)\t(\S+)\t(?:lower|higher)\t\S+\t([\d.e+-]+)\t([\d.e+-]+)\t\d+$", re.M)
# What the runner, KTEST and the kernel say at the end; on a bad line any of them will do.
ENDED = r"# all done|ktest: done|power off|system halted"
SUMS = ("etc/line-sums", cpio.FILE, b"")
OURS = ("flash error", "no console", "line noise")


@dataclasses.dataclass
class Case:
    group: str
    name: str
    verdict: str
    detail: str = ""
    seconds: float = 0.0


@dataclasses.dataclass
class Boot:
    """name: the ring; verdict: ended, panic, time-out, flash error, no console; times: [(what, seconds)]."""
    name: str
    verdict: str = ""
    detail: str = ""
    text: str = ""
    times: list = dataclasses.field(default_factory=list)
    marks: list = dataclasses.field(default_factory=list)
    repeated: int = 0

    def second_of(self, offset):
        """When the character at this place of the text came."""
        return next((t for t, at in reversed(self.marks) if at <= offset), 0.0)


def follow(line, ended, patience):
    """Read on to the end: (verdict, detail)."""
    begin = at = len(line.text)
    last = time.monotonic()
    while True:
        line.take()
        new = line.text[max(begin, at - 200):]
        # A mark may have come in two parts; one that stands there since longer is none.
        if any(match.end() > at for match in MARK.finditer(line.text, max(begin, at - 20))):
            last = time.monotonic()
        at = len(line.text)
        if re.search(ended, new):
            return "ended", ""
        if re.search("Kernel panic|end of panic", new):
            stop = time.monotonic() + 5
            while "end of panic" not in line.text[begin:] and time.monotonic() < stop:
                line.take()
            return "panic", line.text[max(begin, line.text.find("Kernel panic", begin)):][:3000]
        if BANNER.search(new):
            return "panic", f"the board started again by itself\n{line.text[-2000:]}"
        if time.monotonic() - last > patience:
            return "time-out", f"nothing new for {patience} s\n{line.text[-2000:]}"


def own_text(name, run):
    """Without what a lost mark of the next program has put behind it."""
    return run.text.split(f"\n# end {name} ")[0]


class Pieces:
    """
    A program's results as they were heard in several boots, by their numbers. What was heard whole first
    counts, so that a failure stays one; the rest is what the next boot is asked for.
    """
    def __init__(self):
        self.results, self.plan, self.end = {}, None, None

    def joined(self, name, run):
        """The whole Run with what this one adds, or None if there is still something missing."""
        lines = [m for m in map(TAP_LINE.match, own_text(name, run).split("\n")) if m]
        numbers = [int(m[2]) for m in lines]
        if len(set(numbers)) == len(numbers):
            for m in lines:
                self.results.setdefault(int(m[2]), (m[3].strip(), m[1] is None, ""))
        self.plan = self.plan or run.planned
        self.end = self.end if self.end or run.end == "no end" else run.end
        if not self.end or not self.plan or not all(n in self.results for n in range(1, self.plan + 1)):
            return None
        return dataclasses.replace(run, end=self.end, results=[self.results[n] for n in sorted(self.results)],
                                   text=f"1..{self.plan}\n{run.text}")


def bench_script():
    """tests/bench/measure, a program without a suffix, as a module."""
    loader = importlib.machinery.SourceFileLoader("measure", str(ROOT / "tests" / "bench" / "measure"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("measure", loader))
    loader.exec_module(module)
    return module


class Tests:
    """On one board. log: called with each line of progress."""
    def __init__(self, strategy, images, log=print, patience=PATIENCE_S):
        self.strategy, self.images, self.log, self.patience = strategy, images, log, patience
        self.boots, self.cases, self.pieces, self.figures = [], [], {}, []

    # --- boots ---

    def boot(self, name, variant, archive, arguments, act):
        """One boot; act(line) follows it from the kernel's first line and gives (verdict, detail)."""
        boot, start = Boot(name), time.monotonic()
        self.boots.append(boot)
        self.strategy.line = None
        try:
            files = [str(path) for path in (self.images[variant], archive) if path]
            self.strategy.prepare(self.images["card"], files)
            self.strategy.transition(Status.uboot)
            boot.times.append(("U-Boot", time.monotonic() - start))
            self.strategy.boot(str(self.images[variant]), archive, arguments)
            boot.times.append(("kernel", time.monotonic() - start))
            boot.verdict, boot.detail = act(self.strategy.line)
        except BoardError as reason:
            boot.verdict, boot.detail = reason.verdict, reason.text
        except OSError as reason:  # of the serial port: not there, or unplugged
            boot.verdict, boot.detail = "no console", str(reason)
        finally:
            line = self.strategy.line
            if line:
                boot.text, boot.marks = line.text, [(t + line.start - start, at) for t, at in line.marks]
                boot.repeated = self.strategy.uboot.repeated
            self.strategy.transition(Status.off)
        boot.times.append(("end", time.monotonic() - start))
        self.log(f"boot {len(self.boots)}, {name}: {boot.verdict} after {boot.times[-1][1]:.0f} s"
                 + (f"; {boot.repeated} commands typed again" if boot.repeated else ""))
        return boot

    def add(self, group, name, verdict, detail="", seconds=0.0):
        self.cases.append(Case(group, name, verdict, detail, seconds))

    # --- programs ---

    def user(self, names):
        guest.run_make("user")
        asked = dict.fromkeys(names, 0)
        while names:
            for name in names:
                asked[name] += 1
            boot, runs = self.boot_programs(names)
            names = [name for name in self.judge(boot, runs, names) if not self.give_up(name, asked, boot)]

    def boot_programs(self, names):
        with tempfile.TemporaryDirectory(prefix="fathom-hw-") as folder:
            archive = pathlib.Path(folder) / f"{self.strategy.board}-tests.cpio"
            archive.write_bytes(guest.archive(names, [SUMS]))
            boot = self.boot("user", "", str(archive), "",
                             lambda line: follow(line, ENDED, self.patience))
        return boot, guest.split(heard(boot.text))

    def judge(self, boot, runs, names):
        """Cases of the programs that were run; returns those to run in the next boot, in order."""
        reached = [n for n in names if n in runs]
        if boot.verdict == "ended" and not reached:
            return names
        if not reached:
            for name in names:
                self.add(name, "runs", boot.verdict, boot.detail)
            return []
        last = reached[-1]
        again, behind = [], names[names.index(last) + 1:]
        for name in names[:names.index(last) + 1]:
            ends_boot = (name == last and boot.verdict != "ended"
                         and not (not behind and runs[name].end != "no end"))
            if name not in runs or not self.judge_program(name, runs[name], boot, ends_boot):
                again.append(name)
        return behind + again

    def judge_program(self, name, run, boot, ends_boot):
        """False if the line has damaged what would decide."""
        recorded = guest.recorded(name)
        lines = [m for m in map(TAP_LINE.match, own_text(name, run).split("\n")) if m]
        run = dataclasses.replace(run, results=guest.parse_tap(own_text(name, run)))
        if ends_boot and "#~ " in run.text:
            if boot.verdict == "time-out":
                return False
            # Behind the first gap it is open which result is which: those count as not given.
            whole = next((n for n, m in enumerate(lines) if int(m[2]) != n + 1), len(lines))
            run = dataclasses.replace(run, results=run.results[:whole])
        elif list(guest.differences({name: run}, [name])) and "#~ " in run.text:
            run = self.pieces.setdefault(name, Pieces()).joined(name, run)
            if not run:
                return False
        wanted = recorded if recorded is not None else run.answers
        for number, answer in enumerate(wanted):
            self.judge_line(name, number, answer, run, boot, ends_boot)
        verdict, detail = self.end_of(run, boot, ends_boot, wanted, recorded is not None)
        self.add(name, "ends", verdict, detail, self.seconds_of(name, boot))
        return True

    def judge_line(self, name, number, answer, run, boot, ends_boot):
        label = re.sub(r"^(not )?ok \d* ?-? ?", "", answer)
        if number >= len(run.results):
            self.add(name, label, boot.verdict if ends_boot else "failure", f"no result: {run.end}")
        elif label.startswith("# skip"):
            self.add(name, label, "skipped", label)
        else:
            ours, notes = run.answers[number], run.results[number][2]
            passed = ours == answer and (answer.startswith("ok") or guest.recorded(name) is not None)
            self.add(name, label, "passed" if passed else "failure",
                     "" if passed else f"{ours!r}, wanted {answer!r}\n{notes}")

    @staticmethod
    def end_of(run, boot, ends_boot, wanted, by_oracle):
        if ends_boot:
            return boot.verdict, boot.detail
        if run.end == "time-out":
            return "time-out", run.text[-2000:]
        trouble = qemu.TROUBLE.search(run.text)
        if trouble:
            return "panic", run.text[trouble.start():trouble.start() + 3000]
        sound = run.end == "exit 0" or by_oracle and run.end == "exit 1"
        if not sound or "stuck" in run.left or not len(run.results) == len(wanted) == run.planned:
            return "failure", f"{run.end} {run.left} {len(run.results)} results of {run.planned}\n{run.text[-2000:]}"
        return "passed", ""

    @staticmethod
    def seconds_of(name, boot):
        begin, end = boot.text.find(f"# begin {name}"), boot.text.find(f"# end {name}")
        return boot.second_of(end) - boot.second_of(begin) if 0 <= begin < end else 0.0

    def give_up(self, name, asked, boot):
        if asked[name] < ASK or f"# begin {name}" not in boot.text and asked[name] < 2 * ASK:
            return False
        lines = heard(boot.text).split("\n")
        noisy = boot.verdict == "ended" or 10 * sum(line.startswith("#~ ") for line in lines) > len(lines)
        self.add(name, "runs", "line noise" if noisy else boot.verdict,
                 f"damaged {asked[name]} times\n{boot.text[-2000:]}")
        return True

    # --- KTEST ---

    def kernel(self):
        missing = [c for c in ktest_cases() if not c.startswith(("crash.", "power."))]
        for _ in range(ASK):
            boot = self.boot("kernel", "debug", None, "ktest=all",
                             lambda line: follow(line, ENDED, self.patience))
            trouble = qemu.TROUBLE.search(boot.text)
            for failed, case in RESULT.findall(boot.text):
                if case in missing:
                    missing.remove(case)
                    self.add("ktest", case, "failure" if failed else "passed", boot.text[-3000:] if failed else "")
            if not missing or boot.verdict != "ended" or trouble:
                break
        left = "panic" if trouble else "line noise" if boot.verdict == "ended" else boot.verdict
        for case in missing:
            self.add("ktest", case, left, boot.detail or boot.text[-3000:])
        if trouble:
            self.add("ktest", "no report", "panic", boot.text[trouble.start():trouble.start() + 3000])

    # --- ways to end ---

    def ends(self):
        for name, words in CRASHES.items():
            boot = self.boot(name, "debug", None, f"ktest={name}",
                             lambda line: follow(line, ENDED, self.patience))
            said = boot.verdict == "panic" and re.search(words, boot.text)
            verdict = "passed" if said else boot.verdict if boot.verdict in (*OURS, "time-out") else "failure"
            self.add("ends", name, verdict, "" if said else boot.text[-3000:])
        self.restarts()
        self.cut()

    def restarts(self):
        boot = self.boot("restart", "debug", None, "ktest=restart",
                         lambda line: follow(line, ENDED, self.patience))
        back = boot.verdict == "panic" and "started again" in boot.detail
        self.add("ends", "restart", "passed" if back else boot.verdict if boot.verdict in OURS else "failure",
                 "" if back else boot.text[-3000:])

    def cut(self):
        """Power goes while every hart is busy; then the board has to come up as ever."""
        guest.run_make("user")

        def busy(line):
            verdict, detail = follow(line, r"# begin stress_fork", self.patience)
            stop = time.monotonic() + 2
            while time.monotonic() < stop:
                line.take()
            return verdict, detail

        with tempfile.TemporaryDirectory(prefix="fathom-hw-") as folder:
            archive = pathlib.Path(folder) / f"{self.strategy.board}-tests.cpio"
            archive.write_bytes(guest.archive(["stress_fork"], [SUMS]))
            self.boot("power cut", "", str(archive), "", busy)
            archive.write_bytes(guest.archive(["abi_pipe"], [SUMS]))
            after = self.boot("after power cut", "", str(archive), "",
                              lambda line: follow(line, ENDED, self.patience))
        self.add("ends", "power cut", "passed" if after.verdict == "ended" else after.verdict, after.detail)

    # --- figures ---

    def bench(self, names=()):
        """Figures of kbench, [(name, value, unit)]; a case each, skipped where it cannot be measured here."""
        guest.run_make("build/bench/kbench")
        measure = bench_script()
        todo = [job for job in measure.jobs(names)[0] if "$disk" not in job[2]]
        parts = types.SimpleNamespace(kbench=ROOT / "build" / "bench" / "kbench",
                                      busybox=guest.CACHE / "busybox" / "busybox")
        with tempfile.TemporaryDirectory(prefix="fathom-hw-") as folder:
            archive = pathlib.Path(folder) / f"{self.strategy.board}-bench.cpio"
            archive.write_bytes(measure.initramfs(parts, todo, ""))
            boot = self.boot("bench", "", str(archive), "",
                             lambda line: follow(line, r"BENCH -|power off|system halted", BENCH_S))
        text = boot.text.replace("\r", "")
        # Of a figure whose digits the line has damaged, the extremes tell as a rule.
        self.figures += [(m[1], float(m[2]), m[3]) for m in FIGURE.finditer(text)
                         if float(m[4]) <= float(m[2]) <= float(m[5])]
        measured = {name for name, _, _ in self.figures}
        for name, _, _ in todo:
            unsupported = re.search(rf"^{re.escape(name)}\tunsupported\t.*", text, re.M)
            verdict = ("passed" if name in measured else "skipped" if unsupported else
                       boot.verdict if boot.verdict != "ended" else "failure")
            self.add("bench", name, verdict, unsupported[0] if unsupported else boot.detail)
