#!/usr/bin/env python3
"""What does one transaction cost the proxy, compared with PgBouncer?

Every cell runs the same load through PgBouncer and Pointsman in turn, against the same private PostgreSQL server, and
gives the processor time of the proxy process (user + system), throughput and latency. Each figure is the median of the
rounds, with the spread. The proxies run on the first processor (with two workers, on the first two), everything else on
the others.

Cells:
  simple-1 simple-8 … prepared-64   pgbench -S: protocol and clients
  churn-8        a SCRAM login for each transaction: pgbench -S -C
  stream         a large result: megabytes in a second, processor time for a megabyte
  beside-streams small queries while four clients read large results, together 100 MB in a second: their 99th
                 percentile; and beside-full-streams, which are as fast as they can
  idle           resident memory for each idle client, and the cost of a query while they are there
  active-2000    pgbench -S with 2,000 clients
"""

import argparse
import fnmatch
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

from stage import ROOT, Stage, fail, write_json

PROTOCOLS = ("simple", "extended", "prepared")
CLIENTS = (1, 8, 64)
SPINE = [f"{protocol}-{clients}" for protocol in PROTOCOLS for clients in CLIENTS]
CELLS = [*SPINE, "churn-8", "stream", "beside-streams", "beside-full-streams", "idle", "active-2000"]
IDLE_STEPS = (0, 1_000, 10_000)
STREAM_MEGABYTES = 400
STREAM_RATE = 100


# Loads

def pgbench(stage, subject, seconds, clients, arguments=()):
    """Runs pgbench and looks at the proxy each second: logins and the first second do not count."""
    command = ["taskset", "-c", stage.rest, "pgbench", "-n", "-S", "-c", str(clients), "-T", str(seconds + 2),
               "-P", "1", "--progress-timestamp", *arguments, *subject.target()]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                               env=subject.environment)
    marks, other = [], []
    for line in process.stderr:
        found = re.match(r"progress: ([\d.]+) s, ([\d.]+) tps, lat ([\d.]+) ms", line)
        if found:
            marks.append((*map(float, found.groups()), subject.processor_seconds()))
        else:
            other.append(line)
    if process.wait() != 0:
        fail(f"pgbench on {subject.name} failed: {''.join(other)}")
    if len(marks) < 2:
        fail(f"pgbench on {subject.name} was too busy to report; measure for more --seconds")
    counts = [tps * (now - before) for (before, *_), (now, tps, *_) in zip(marks, marks[1:])]
    count = sum(counts)
    user, system = (last - first for first, last in zip(marks[0][3], marks[-1][3]))
    return {
        "cpu_us": (user + system) / count * 1e6, "user_us": user / count * 1e6, "system_us": system / count * 1e6,
        "tps": count / (marks[-1][0] - marks[0][0]),
        "latency_ms": sum(tps * mark[2] for tps, mark in zip(counts, marks[1:])) / count,
    }


class Load:
    """A process of clients that are not pgbench's."""

    def __init__(self, stage, subject):
        self.process = subprocess.Popen(
            ["taskset", "-c", stage.rest, sys.executable, "-B", Path(__file__).with_name("load.py"), "--port",
             str(subject.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, order):
        print(order, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().split()
        if not answer:
            fail("the load ended early")
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(60)


# Measurements: each gives the figures of one round

def measure_transactions(stage, subject, cell, seconds):
    protocol, clients = cell.split("-")
    return pgbench(stage, subject, seconds, int(clients), ["-M", protocol])


def measure_active(stage, subject, cell, seconds):
    # So many clients keep pgbench from looking up every second.
    return pgbench(stage, subject, seconds + 3, int(cell.split("-")[1]), ["-M", "simple"])


def measure_churn(stage, subject, cell, seconds):
    return pgbench(stage, subject, seconds, int(cell.split("-")[1]), ["-C"])


def measure_stream(stage, subject, cell, seconds):
    with Load(stage, subject) as load:
        before = subject.processor_seconds()
        count, elapsed = map(float, load.ask(f"once {STREAM_MEGABYTES}"))
        after = subject.processor_seconds()
    megabytes = count / 1e6
    user, system = ((last - first) * 1e6 / megabytes for first, last in zip(before, after))
    return {"cpu_us": user + system, "user_us": user, "system_us": system, "mb_per_s": megabytes / elapsed}


def measure_beside_streams(stage, subject, cell, seconds):
    with Load(stage, subject) as load:
        load.ask(f"stream 4 {STREAM_MEGABYTES} {0 if cell == 'beside-full-streams' else STREAM_RATE}")
        log = stage.directory / "latencies"
        before = subject.processor_seconds()
        result = pgbench(stage, subject, seconds, 4, ["-l", "--log-prefix", log])
        spent = sum(subject.processor_seconds()) - sum(before)
        count, elapsed = map(float, load.ask("stop"))
    rows = []
    for path in stage.directory.glob("latencies.*"):
        rows += [tuple(map(int, line.split()[2:6])) for line in path.read_text().splitlines()]
        path.unlink()
    first = min(row[2] + row[3] / 1e6 for row in rows)
    waits = sorted(row[0] / 1_000 for row in rows if row[2] + row[3] / 1e6 > first + 1)
    return {"p50_ms": waits[len(waits) // 2], "p99_ms": waits[len(waits) * 99 // 100], "max_ms": waits[-1],
            "tps": result["tps"], "mb_per_s": count / 1e6 / elapsed, "load": spent / (seconds + 2)}


# The cells that are not `protocol-clients`.
MEASURES = {"churn-8": measure_churn, "stream": measure_stream, "beside-streams": measure_beside_streams,
            "beside-full-streams": measure_beside_streams, "active-2000": measure_active}


# Tables

def middle(runs):
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def spread(runs, key):
    values = [run[key] for run in runs]
    digits = 3 if min(values) < 1 else 1
    return f"{min(values):.{digits}f}–{max(values):.{digits}f}"


class Bench:
    def __init__(self, stage, options):
        self.stage = stage
        self.options = options
        self.results = []
        self.columns = None

    def subjects(self, cell):
        """PgBouncer first: it is what the others are compared with."""
        if cell == "churn-8":
            return ["pgbouncer/scram", "pointsman/scram"]
        if "streams" in cell or cell == "stream":
            # Without a proxy: what the server and the load can do.
            return ["pgbouncer", "pointsman", "server"]
        if cell in ("idle", "active-2000"):
            return ["pgbouncer", "pointsman"]
        # Before 1.21 it knows no prepared statements in transaction mode; session mode is less work for it, so that
        # the comparison is not in Pointsman's favour.
        old = cell.startswith("prepared") and not self.stage.tracks_statements()
        workers = [f"pointsman/{count}" if count > 1 else "pointsman" for count in self.options.workers]
        return ["pgbouncer/session" if old else "pgbouncer", *workers]

    def run(self, cell):
        if cell == "idle":
            return self.run_idle()
        names = self.subjects(cell)
        measure = MEASURES.get(cell, measure_transactions)
        runs = {name: [] for name in names}
        for name in names:
            self.stage.subject(name)
        for _ in range(self.options.rounds):
            for name in runs:
                runs[name].append(measure(self.stage, self.stage.subject(name), cell, self.options.seconds))
        key = "p99_ms" if "streams" in cell else "cpu_us"
        self.report(cell, runs, key)

    def report(self, cell, runs, key):
        reference = next(iter(runs))
        medians = {name: middle(found) for name, found in runs.items()}
        for name, median in medians.items():
            ratio = median[key] / medians[reference][key]
            figures = {column: f"{value:.{3 if value < 10 else 0 if value >= 1000 else 1}f}"
                       for column, value in median.items() if column != key}
            shown = "" if name == reference or not median[key] else f"{ratio:.2f}"
            self.row(cell, name, key, f"{median[key]:.{3 if median[key] < 10 else 1}f}", spread(runs[name], key), shown,
                     figures)
            self.results.append({"cell": cell, "subject": name, "key": key, "median": median,
                                 "least": min(run[key] for run in runs[name]),
                                 "most": max(run[key] for run in runs[name]),
                                 "ratio": ratio, "runs": runs[name]})

    def row(self, cell, name, key, value, around, ratio, figures):
        columns = [key, *figures]
        if columns != self.columns:
            self.columns = columns
            print()
            print(f"{'cell':<16} {'subject':<17} {key:>10} {'spread':>15} {'ratio':>6} "
                  + " ".join(f"{column:>10}" for column in figures))
        print(f"{cell:<16} {name:<17} {value:>10} {around:>15} {ratio:>6} "
              + " ".join(f"{figure:>10}" for figure in figures.values()), flush=True)

    def run_idle(self):
        """Fresh processes, so that no memory that was freed before hides what a client costs."""
        stage = self.stage
        subjects = {name: stage.start(f"{name}/idle") for name in self.subjects("idle")}
        loads = {name: Load(stage, subject) for name, subject in subjects.items()}
        for subject in subjects.values():
            # Opens the servers' connections, and whatever else is made once.
            pgbench(stage, subject, 1, 64)
        before = {name: subject.resident_bytes() for name, subject in subjects.items()}
        for count in IDLE_STEPS:
            grown = {}
            for name, subject in subjects.items():
                loads[name].ask(f"hold {count}")
                grown[name] = (subject.resident_bytes() - before[name]) / count if count else 0.0
            runs = {name: [] for name in subjects}
            for _ in range(self.options.rounds):
                for name, subject in subjects.items():
                    runs[name].append(pgbench(stage, subject, self.options.seconds, 8))
            for name in runs:
                for run in runs[name]:
                    run["bytes"] = grown[name]
            self.report(f"idle-{count}", runs, "cpu_us")
        for name, subject in subjects.items():
            loads[name].__exit__()
            stage.stop(subject)

    def geometric_means(self):
        means = {}
        for name in {result["subject"] for result in self.results if result["subject"].startswith("pointsman")}:
            ratios = [result["ratio"] for result in self.results
                      if result["subject"] == name and result["cell"] in SPINE]
            if ratios:
                means[name] = {"mean": statistics.geometric_mean(ratios), "worst": max(ratios), "cells": len(ratios)}
        return means


def chosen(patterns):
    cells = [cell for cell in CELLS if any(fnmatch.fnmatch(cell, pattern) for pattern in patterns.split(","))]
    if not cells:
        fail(f"no cell is called {patterns}; there are {' '.join(CELLS)}")
    return cells


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", default="*", help="which cells, by name or pattern, with commas between them")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2, help="length of one measurement; each takes 2 s more")
    parser.add_argument("--workers", default="1,2", help="worker threads of Pointsman, in the cells of transactions")
    parser.add_argument("--binary", default=ROOT / ".build/release/pointsman")
    parser.add_argument("--pgbouncer", help="another PgBouncer than the installed one")
    parser.add_argument("--json", metavar="FILE", help="also write everything to this file")
    options = parser.parse_args()
    options.workers = [int(count) for count in options.workers.split(",")]
    cells = chosen(options.cells)

    with Stage(options.binary, options.pgbouncer) as stage:
        description = stage.description()
        loads = [os.getloadavg()[0]]
        print(f"{description['versions']['pointsman']}, {description['versions']['pgbouncer']},"
              f" {description['versions']['postgresql']}; {description['processors']} × {description['processor']},"
              f" Linux {description['kernel']}, load {loads[0]:.1f}; {options.rounds} rounds of {options.seconds} s")
        bench = Bench(stage, options)
        for cell in cells:
            bench.run(cell)
        means = bench.geometric_means()
        print()
        for name, mean in sorted(means.items()):
            print(f"{name}: geometric mean of the ratios {mean['mean']:.2f}, worst {mean['worst']:.2f},"
                  f" of {mean['cells']} cells")
        loads.append(os.getloadavg()[0])
        if options.json:
            write_json(options.json, {**description, "load_average": loads, "seconds": options.seconds,
                                      "rounds": options.rounds, "geometric_means": means, "results": bench.results})


if __name__ == "__main__":
    main()
