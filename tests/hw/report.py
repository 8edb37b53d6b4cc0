# SPDX-License-Identifier: MIT
"""
What a run on a board leaves in its folder: results.json (and the one before as previous.json),
junit.xml, results.tap, console-N.log, and report.html, which is one file and needs no other.
"""
import collections
import html
import json
import re
from xml.sax.saxutils import quoteattr

ERRORS = ("flash error", "no console", "line noise")
ORDER = ("failure", "panic", "time-out", *ERRORS, "skipped", "passed")
COLOURS = {"passed": "#2a7d3f", "skipped": "#777", "failure": "#c0261c", "panic": "#8a1c7c", "time-out": "#b8650a",
           "flash error": "#1c4f9c", "no console": "#1c4f9c", "line noise": "#1c4f9c"}
CONTROL = re.compile(r"[^\t\n\x20-\x7e]")
STYLE = """body{font:15px/1.45 sans-serif;max-width:70em;margin:2em auto;padding:0 1em}
table{border-collapse:collapse}td{padding:.15em .8em;border-bottom:1px solid #ddd;vertical-align:top}
pre{background:#f4f4f4;padding:.6em;overflow:auto;max-height:40em;font-size:12px}
b.v{color:#fff;padding:0 .5em;border-radius:3px}
"""


def plain(text):
    """Without what XML cannot hold: the line may have brought anything."""
    return CONTROL.sub("?", text.replace("\r", ""))


def counts(cases):
    found = collections.Counter(case.verdict for case in cases)
    return {verdict: found[verdict] for verdict in ORDER if found[verdict]}


def differences(before, now):
    """[(what, case, verdict before, verdict now)] of two {case: verdict}."""
    for case in sorted({*before, *now}):
        old, new = before.get(case), now.get(case)
        if old != new:
            what = ("new" if old is None else "gone" if new is None else
                    "mended" if new == "passed" else "broken" if old == "passed" else "changed")
            yield what, case, old or "", new or ""


def junit(name, cases):
    out = []
    for case in cases:
        head = f"<testcase classname={quoteattr(f'{name}.{case.group}')} name={quoteattr(plain(case.name))}" \
               f' time="{case.seconds:.3f}"'
        tag = "skipped" if case.verdict == "skipped" else "error" if case.verdict in ERRORS else "failure"
        text = html.escape(plain(case.detail))
        kind = quoteattr(case.verdict)
        out.append(f"{head}/>" if case.verdict == "passed" else
                   f"{head}><{tag} type={kind} message={kind}>{text}</{tag}></testcase>")
    bad = [case.verdict for case in cases if case.verdict not in ("passed", "skipped")]
    errors = sum(verdict in ERRORS for verdict in bad)
    skipped = sum(case.verdict == "skipped" for case in cases)
    return (f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuite name={quoteattr(name)} tests="{len(cases)}" '
            f'failures="{len(bad) - errors}" errors="{errors}" skipped="{skipped}">\n'
            + "\n".join(out) + "\n</testsuite>\n")


def tap(cases):
    lines = ["TAP version 13", f"1..{len(cases)}"]
    for number, case in enumerate(cases, 1):
        good = case.verdict in ("passed", "skipped")
        label = plain(f"{case.group}: {case.name}").replace("#", r"\#").replace("\n", " ")
        lines.append(f"{'' if good else 'not '}ok {number} - {label}" +
                     (" # SKIP" if case.verdict == "skipped" else ""))
        if not good:
            lines += [f"# {case.verdict}", *(f"# {line}" for line in plain(case.detail).splitlines()[-20:])]
    return "\n".join(lines) + "\n"


def bars(rows, before):
    """Horizontal bars of [(label, value)] as SVG, the last run's in grey below each."""
    most = max([value for _, value in rows] + [before.get(label, 0) for label, _ in rows] + [1e-9])
    out = []
    for n, (label, value) in enumerate(rows):
        old = before.get(label)
        out.append(f'<text x="0" y="{24 * n + 13}">{html.escape(label)}</text>'
                   f'<rect x="230" y="{24 * n + 3}" width="{400 * value / most:.1f}" height="9" fill="#2a6db0"/>'
                   f'<text x="{236 + 400 * value / most:.1f}" y="{24 * n + 13}">{value:.4g}</text>')
        if old is not None:
            out.append(f'<rect x="230" y="{24 * n + 13}" width="{400 * old / most:.1f}" height="5" fill="#bbb"/>')
    return (f'<svg width="760" height="{24 * len(rows) + 6}" font-size="12" font-family="sans-serif">'
            + "".join(out) + "</svg>")


def mark(verdict):
    return f'<b class="v" style="background:{COLOURS.get(verdict, "#555")}">{html.escape(verdict)}</b>'


def case_rows(cases):
    """Every case that is not well with its detail; the others by group."""
    for case in cases:
        if case.verdict != "passed":
            yield (f"<tr><td>{mark(case.verdict)}<td>{html.escape(case.group)}<td>{html.escape(plain(case.name))}"
                   f"<td><details><summary>detail</summary><pre>{html.escape(plain(case.detail))}</pre></details>")


def group_rows(cases):
    groups = collections.defaultdict(list)
    for case in cases:
        groups[case.group].append(case)
    for group, members in groups.items():
        told = ", ".join(f"{number} {verdict}" for verdict, number in counts(members).items())
        yield f"<tr><td>{html.escape(group)}<td>{told}<td>{sum(case.seconds for case in members):.1f} s"


def page(name, tests, figures, previous):
    diff = list(differences(previous.get("cases", {}), verdicts(tests.cases))) if previous else []
    times = [(f"{n}. {boot.name}: {what}", seconds) for n, boot in enumerate(tests.boots, 1)
             for what, seconds in boot.times if what != "end"]
    parts = [f"<!doctype html><meta charset=utf-8><title>{html.escape(name)}</title><style>{STYLE}</style>",
             f"<h1>{html.escape(name)}</h1><p>", *(f"{mark(v)} {n} " for v, n in counts(tests.cases).items())]
    if previous:
        parts += ["<h2>Against the last run</h2>", "<table>" if diff else "<p>Nothing changed.",
                  *(f"<tr><td>{what}<td>{html.escape(case)}<td>{old and mark(old)}<td>{new and mark(new)}"
                    for what, case, old, new in diff), "</table>" if diff else ""]
    parts += ["<h2>Not passed</h2><table>", *case_rows(tests.cases), "</table>"]
    if figures:
        parts += ["<h2>Benchmark</h2>"]
        for unit in sorted({unit for _, _, unit in figures}):
            rows = [(label, value) for label, value, u in figures if u == unit]
            parts += [f"<h3>{html.escape(unit)}</h3>", bars(rows, previous.get("figures", {}))]
    parts += ["<h2>Seconds from power on</h2>", bars(times, previous.get("times", {})),
              "<h2>Groups</h2><table>", *group_rows(tests.cases), "</table><h2>Boots</h2>"]
    for n, boot in enumerate(tests.boots, 1):
        parts.append(f"<details><summary>{n}. {html.escape(boot.name)} {mark(boot.verdict)} "
                     f"{boot.times[-1][1]:.0f} s, {boot.repeated} commands typed again</summary>"
                     f"<pre>{html.escape(plain(boot.text))}</pre></details>")
    return "\n".join(parts) + "\n", diff


def verdicts(cases):
    """{case: verdict}; of two with one name the worse."""
    out = {}
    for case in cases:
        key = f"{case.group}: {plain(case.name)}"
        out[key] = min(out.get(key, "passed"), case.verdict, key=ORDER.index)
    return out


def write(folder, name, tests, figures=()):
    """All files of a run; figures: [(label, value, unit)]. Returns the differences to the last run."""
    folder.mkdir(parents=True, exist_ok=True)
    last = folder / "results.json"
    previous = json.loads(last.read_text()) if last.exists() else {}
    if previous:
        last.replace(folder / "previous.json")
    text, diff = page(name, tests, figures, previous)
    (folder / "report.html").write_text(text)
    (folder / "junit.xml").write_text(junit(name, tests.cases))
    (folder / "results.tap").write_text(tap(tests.cases))
    for old in folder.glob("console-*.log"):
        old.unlink()
    for n, boot in enumerate(tests.boots, 1):
        (folder / f"console-{n}.log").write_text(boot.text, encoding="latin-1")
    times = {f"{n}. {boot.name}: {what}": seconds for n, boot in enumerate(tests.boots, 1)
             for what, seconds in boot.times}
    last.write_text(json.dumps({"cases": verdicts(tests.cases), "times": times,
                                "figures": {label: value for label, value, _ in figures}}, indent=1) + "\n")
    return diff
