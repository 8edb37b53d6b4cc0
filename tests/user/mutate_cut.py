#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Can the power-cut test fail? Break each rule of fs/ext2/order.c in turn, build, run disk_cut.c
and judge states of it until one is bad. Prints the survivors; exit status 1 if any. Changes the
sources, and puts them back: run it in a clean tree. Half a minute for each rule.
"""
import pathlib
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import test_cut	# noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOST = 4000		# states of a disk
# what is broken: file, text, what stands there instead
MUTANTS = {
    "a slot comes into use before its name":
        ("order.c", "if (!ext2_is_durable(s, seq) || (cached->dtime", "if (0 || (cached->dtime"),
    "a slot comes into use before its directory":
        ("order.c", "(cached->dtime && !slot_is_durable(s, cached->dtime))", "0"),
    "a name goes before its inode":
        ("namei.c", "	ext2_name_hide(dir, &n, ext2_seq(EXT2_SB(dir->sb)), !inode->nlink);",
         "	ext2_name_remove(dir, &n);"),
    "rename takes the old name away at once":
        ("rename.c", "	if (was_new || m->is_dir)\n", "	if (1)\n"),
    "rename takes the last name of what it replaces":
        ("rename.c", "	if (ext2_slot_retract(m->replaced)) {", "	if (1) {"),
    "a directory goes before what was in it":
        ("barrier.c", "return ext2_is_durable(s, d->seq) && !ei->held && ext2_is_durable(s, ei->hide_seq);",
         "return ei || true;"),
    "a pointer is there before its block":
        ("order.c", "*(u32 *)(copy + dep->offset) = 0;", ";"),
    "a name in a new block counts as there too early":
        ("order.c", "seq = s->open + !ext2_is_durable(s, EXT2_I(dir)->fresh_seq);", "seq = s->open;"),
    "blocks are used again at once":
        ("map.c", "if (ei->unclaimed && !metadata)", "if (1)"),
    "inode numbers are used again at once":
        ("later.c", "	if (EXT2_I(inode)->unclaimed &&\n", "	if (EXT2_I(inode)->unclaimed || true ||\n"),
    "a hidden name is given again":
        ("dir.c", "	if (likely(!ext2_may_hide(dir)))\n		return 0;", "	return 0;"),
}


def build():
    subprocess.run(["make", "-s", "-j2", "kernel"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def caught_by():
    """The first bad state of the runs, or None."""
    for which in ("roomy", "4k"):
        with tempfile.TemporaryDirectory(prefix="fathom-cut-") as folder:
            try:
                record = test_cut.Record(pathlib.Path(folder), which)
            except AssertionError as wrong:
                return f"the run itself: {str(wrong)[-200:]!r}"
        states = record.states()
        random.Random(1).shuffle(states)
        bad, _ = test_cut.judge_all(record, states[:MOST])
        if bad:
            return f"{which} {bad[0][0]}: {bad[0][1].strip().splitlines()[0]} {last_problem(bad[0][1])}"
    return None


def last_problem(text):
    lines = [line.split(": ", 1)[-1] for line in text.splitlines() if line.strip()]
    told = [line for line in lines if "UNEXPECTED" not in line and "without -a" not in line]
    return told[-1] if told else ""


def main():
    alive = 0
    for name, (source, old, new) in MUTANTS.items():
        path = ROOT / "fs" / "ext2" / source
        text = path.read_text()
        assert text.count(old) == 1, f"{source}: {old}"
        try:
            path.write_text(text.replace(old, new))
            build()
            found = caught_by()
        finally:
            path.write_text(text)
        alive += not found
        print(f"{'caught' if found else 'NOT NOTICED'}: {name}: {found}", flush=True)
    build()
    print(f"{len(MUTANTS) - alive} of {len(MUTANTS)} mutants caught")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
