#!/usr/bin/env python3
"""Where does a proxy spend its time under one cell's load?

  perf       samples the whole process, kernel included (cpu-clock: a virtual machine has no hardware counters)
  callgrind  counts instructions in user space for a fixed number of transactions: slow, and the same on a busy machine
             as on a quiet one

Both tell the share of reference counting and of allocation, and write a full report to a file.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from bench import SPINE, pgbench
from stage import ROOT, Stage, fail

ARC = re.compile(r"swift_(\w*(retain|release)|isUnique|bridgeObject|weak|unowned)|RefCount|crementSlow", re.I)
ALLOCATION = re.compile(r"^(_int_)?(malloc|calloc|realloc|free|cfree|posix_memalign|aligned_alloc|tcache_)"
                        r"|swift_(slow)?(alloc|dealloc)", re.I)
CELLS = [*SPINE, "churn-8"]
KERNEL = "[kernel]"


def load(options):
    """How many clients the cell has, and what else pgbench is told for it."""
    kind, clients = options.cell.split("-")
    return int(clients), ["-C"] if kind == "churn" else ["-M", kind]


def demangled(lines):
    """Swift names as people write them."""
    done = subprocess.run(["swift", "demangle", "--simplified"], input="\n".join(lines), capture_output=True, text=True)
    return done.stdout.splitlines() if done.returncode == 0 else lines


class Report:
    """A list of (weight, module, function) and what it says of the whole."""

    def __init__(self, entries):
        self.entries = sorted(entries, reverse=True)
        self.total = sum(entry[0] for entry in entries)
        # Who calls what, where that is known, in the words of the tool.
        self.callers = []

    def share(self, pattern):
        return sum(weight for weight, _, function in self.entries if pattern.search(function)) / self.total * 100

    def modules(self):
        sums = {}
        for weight, module, _ in self.entries:
            sums[module] = sums.get(module, 0) + weight
        return sorted(((weight, module) for module, weight in sums.items()), reverse=True)

    def lines(self, count=None):
        yield f"reference counting {self.share(ARC):.2f} %, allocation {self.share(ALLOCATION):.2f} %"
        yield ""
        for weight, module in self.modules()[:count]:
            yield f"{weight / self.total * 100:6.2f} %  {weight:12,.1f}  {module}"
        # What is the kernel's is not ours to change: what is ours comes first.
        for is_kernel in (False, True):
            some = [entry for entry in self.entries if (entry[1] == KERNEL) == is_kernel]
            if some:
                yield ""
            for weight, module, function in some[:count and (count // 2 if is_kernel else count)]:
                yield f"{weight / self.total * 100:6.2f} %  {weight:12,.1f}  {module:<20} {function}"


def module_name(path, binary):
    name = Path(path).name
    return "(program)" if name == Path(binary).name else name


# perf

def sampled(stage, subject, options, folder):
    data = folder / "perf.data"
    clients, arguments = load(options)
    subject_binary = stage.pgbouncer if options.subject.startswith("pgbouncer") else stage.binary
    pgbench(stage, subject, 1, clients, arguments)
    recorder = subprocess.Popen(["perf", "record", "-q", "-e", "cpu-clock", "-F", "4999", "-g", "-o", data, "-p",
                                 str(subject.pid)], stderr=subprocess.PIPE, text=True)
    figures = pgbench(stage, subject, options.seconds, clients, arguments)
    recorder.send_signal(signal.SIGINT)
    _, errors = recorder.communicate(timeout=60)
    if not data.exists():
        fail(f"perf recorded nothing: {errors}")
    done = subprocess.run(["perf", "report", "--stdio", "--no-children", "-g", "none", "--percent-limit", "0", "-F",
                           "sample,dso,symbol", "-t", "\t", "-i", data], capture_output=True, text=True)
    entries = []
    for line in demangled(done.stdout.splitlines()):
        found = re.match(r"\s*(\d+)\s*\t(\S+)\s*\t\[(.)\] (.*?)\s*$", line)
        if found:
            samples, module, kind, function = found.groups()
            module = KERNEL if kind == "k" else module_name(module, subject_binary)
            entries.append((int(samples), module, function))
    if not entries:
        fail(f"perf reported nothing: {(done.stderr or done.stdout)[:500]}")
    return Report(entries), (f"{figures['cpu_us']:.1f} µs of processor time for each transaction (user"
                                        f" {figures['user_us']:.1f}), {figures['tps']:.0f} transactions in a second")


# callgrind

def counted(stage, options, folder):
    clients, arguments = load(options)
    # A proxy that runs as another user writes its own files. Valgrind cannot read Swift's debugging information, and
    # needs none for the names of functions.
    stage.own(folder)
    plain = stage.directory / "pointsman"
    subprocess.run(["objcopy", "--strip-debug", stage.binary, plain], check=True)
    stage.binary = str(plain)
    before = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={folder}/callgrind.%p",
              "--instr-atstart=no", "--collect-systime=no"]
    subject = stage.start(options.subject, before, patience=180)
    own = stage.prefix if options.subject.startswith("pgbouncer") else []
    binary = stage.pgbouncer if own else stage.binary

    def transactions(count):
        subject.pgbench("-S", *arguments, "-c", str(clients), "-t", str(count))
        return count * clients

    def order(word, *more):
        subprocess.run([*own, "callgrind_control", *more, word, str(subject.pid)], check=True, capture_output=True)

    transactions(max(20, 200 // clients))
    order("--instr=on")
    total = transactions(max(1, options.transactions // clients))
    order("--instr=off")
    order("--dump")
    stage.stop(subject)
    files = sorted(folder.glob("callgrind.*"))
    if not files:
        fail("callgrind wrote nothing")
    sums = {}
    for file in files:
        done = subprocess.run(["callgrind_annotate", "--threshold=100", file], capture_output=True, text=True)
        for line in demangled(done.stdout.splitlines()):
            found = re.match(r"\s*([\d,]+) \([^)]*\)\s+(?:[^\s:]*:)?(.*?)(?: \[(\S+)\])?$", line)
            if not found or "PROGRAM TOTALS" in line:
                continue
            key = module_name(found.group(3) or "?", binary), re.sub(r"'\d+$", "", found.group(2))
            sums[key] = sums.get(key, 0) + int(found.group(1).replace(",", ""))
    entries = [(count / total, *key) for key, count in sums.items()]
    report = Report(entries)
    # What was counted while it ended is in a file of its own.
    main_file = max(files, key=lambda file: file.stat().st_size)
    for file in files:
        if file != main_file:
            file.unlink()
    done = subprocess.run(["callgrind_annotate", "--tree=caller", "--inclusive=yes", main_file], capture_output=True,
                          text=True)
    report.callers = demangled(done.stdout.splitlines())
    return report, f"{report.total:,.0f} instructions in user space for each of {total} transactions"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", choices=("perf", "callgrind"), default="perf")
    parser.add_argument("--cell", choices=CELLS, default="simple-8", metavar="CELL", help=", ".join(CELLS))
    parser.add_argument("--subject", default="pointsman", help="or pgbouncer, pgbouncer/session, pointsman/2")
    parser.add_argument("--seconds", type=int, default=5, help="how long perf samples")
    parser.add_argument("--transactions", type=int, default=4_000, help="how many callgrind counts")
    parser.add_argument("--lines", type=int, default=25, help="functions on the screen; the file has all")
    parser.add_argument("--binary", default=ROOT / ".build/release/pointsman")
    parser.add_argument("--pgbouncer", help="another PgBouncer than the installed one")
    parser.add_argument("--output", type=Path, default=ROOT / ".build/profile", metavar="FOLDER")
    options = parser.parse_args()
    if options.cell.startswith("churn"):
        options.subject += "/scram"

    options.output.mkdir(parents=True, exist_ok=True)
    with Stage(options.binary, options.pgbouncer) as stage:
        # A folder in which every user may write.
        folder = stage.directory / "profile"
        folder.mkdir()
        if options.mode == "perf":
            report, summary = sampled(stage, stage.subject(options.subject), options, folder)
        else:
            report, summary = counted(stage, options, folder)
        description = stage.description()
        name = f"{options.mode}-{options.subject.replace('/', '-')}-{options.cell}"
        for file in folder.iterdir():
            shutil.copy(file, options.output / f"{name}.{file.name.split('.')[0]}")
    version = description["versions"][options.subject.split("/")[0]]
    head = [f"{options.cell} through {version} ({description['commit']}), {options.mode}", summary]
    path = options.output / f"{name}.txt"
    path.write_text("\n".join([*head, *report.lines(), *report.callers]) + "\n")
    print("\n".join([*head, *report.lines(options.lines)]))
    print(f"\nall of it: {os.path.relpath(path)}; the data lie beside it")


if __name__ == "__main__":
    main()
