"""Does a session through the split port give what the primary itself gives, in PostgreSQL's own regression files?

Runs every file of the schedule, one after the other, against a primary of its own and through Pointsman before another
primary with two replicas, and compares the outputs byte by byte. Meanwhile three more clients of the same user keep the
pool busy, so that hardly any transaction gets the server of the one before it.
"""

import argparse
import difflib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests/Benchmarks"))
from stage import eventually, free_port, server_programs, unprivileged  # noqa: E402

DATABASE = "regression"
PROGRAMS = server_programs()
PREFIX, USER = unprivileged()
# What pg_regress sets for the sake of the expected outputs.
DEFAULTS = {"lc_messages": "C", "lc_monetary": "C", "lc_numeric": "C", "lc_time": "C", "bytea_output": "hex",
            "timezone_abbreviations": "Default"}
# Files that differ for a reason that docs/TRANSPARENCY.md gives.
EXPLAINED = {"guc", "stats"}
COMPANY = {"writer": "SELECT pg_catalog.pg_current_wal_lsn();\n\\sleep 2 ms\n",
           "reader": "SELECT 1;\n\\sleep 2 ms\n"}


class Servers:
    """A primary and its replicas in a directory of their own."""

    def __init__(self, directory, name, replicas):
        self.directory = directory / name
        self.directory.mkdir()
        own(self.directory)
        self.processes = []
        self.ports = [free_port()]
        data = self.directory / "primary"
        run([*PREFIX, PROGRAMS / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "-N", "--no-locale"])
        with open(data / "postgresql.conf", "a") as settings:
            settings.write("listen_addresses = '127.0.0.1'\nfsync = off\nmax_connections = 60\n"
                           "max_prepared_transactions = 10\nautovacuum_naptime = 1h\n"
                           f"unix_socket_directories = '{self.directory}'\n")
        self.start(data, self.ports[0])
        for number in range(replicas):
            self.ports.append(free_port())
            copy = self.directory / f"replica{number}"
            run([*PREFIX, PROGRAMS / "pg_basebackup", "-D", copy, "-R", "-X", "stream", "-c", "fast", "-U", "postgres",
                 "-h", "127.0.0.1", "-p", str(self.ports[0])])
            self.start(copy, self.ports[-1])
        self.psql(self.ports[0], "postgres", f"CREATE DATABASE {DATABASE} TEMPLATE template0")
        for name, value in DEFAULTS.items():
            self.psql(self.ports[0], "postgres", f"ALTER DATABASE {DATABASE} SET {name} TO '{value}'")

    def start(self, data, port):
        with open(data.with_suffix(".log"), "w") as log:
            process = subprocess.Popen([*PREFIX, PROGRAMS / "postgres", "-D", data, "-p", str(port)], stdout=log,
                                       stderr=log, stdin=subprocess.DEVNULL)
        self.processes.append(process)
        command = [PROGRAMS / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
        eventually("PostgreSQL", lambda: subprocess.run(command).returncode == 0)

    @staticmethod
    def psql(port, database, statement):
        run([PROGRAMS / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(port), "-U",
             "postgres", "-c", statement, database])

    def stop(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGINT)
        for process in self.processes:
            process.wait(60)


def run(command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"regress: {command[0]} failed: {done.stderr}")


def show(port, command, path):
    """Keeps what the router's console says."""
    done = subprocess.run([PROGRAMS / "psql", "-X", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-c", command,
                           "pointsman"], capture_output=True, text=True)
    path.write_text(done.stdout + done.stderr)


def own(path):
    os.chmod(path, 0o755)
    os.chown(path, USER.pw_uid, USER.pw_gid)


def start_router(directory, binary, servers):
    port = free_port()
    settings = directory / "pointsman.toml"
    nodes = ", ".join(f'"127.0.0.1:{port}"' for port in servers.ports)
    settings.write_text(f'''
[listen]
port = {port}
[server]
workers = 2
[auth]
method = "trust"
[pool]
size = 8
max_pinned = 6
wait_timeout = "20s"
[routing]
consistency = "session"
[clusters.main]
nodes = [{nodes}]
[probe]
user = "postgres"
database = "postgres"
[databases."*"]
cluster = "main"
[users.postgres]
[admin]
users = ["postgres"]
''')
    with open(directory / "pointsman.log", "w") as log:
        process = subprocess.Popen([binary, "run", "--config", settings, *(["--user", "root"] if os.geteuid() == 0 else [])], stdout=log, stderr=log)
    command = [PROGRAMS / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    eventually("Pointsman", lambda: process.poll() is not None or subprocess.run(command).returncode == 0)
    return process, port


def keep_busy(directory, port, seconds):
    """Clients that ask for a server all the time."""
    processes = []
    for name, script in COMPANY.items():
        path = directory / f"{name}.pgbench"
        path.write_text(script)
        clients = "2" if name == "writer" else "1"
        command = [PROGRAMS / "pgbench", "-n", "-c", clients, "-T", str(seconds), "-f", path, "-h", "127.0.0.1", "-p",
                   str(port), "-U", "postgres", DATABASE]
        processes.append(subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL,
                                          stderr=subprocess.DEVNULL))
    return processes


def files(source, only, until):
    """The names of the schedule in its order. Files need what earlier ones have made."""
    names = []
    for line in (source / "parallel_schedule").read_text().splitlines():
        if line.startswith("test:"):
            names += line.split(":")[1].split()
    if until:
        names = names[:names.index(until) + 1]
    return [name for name in names if not only or name in only or name == "test_setup"]


def run_file(name, port, work, source, library, patience):
    environment = dict(
        os.environ, PGTZ="America/Los_Angeles", PGDATESTYLE="Postgres, MDY", LC_ALL="C", LANG="C",
        PGOPTIONS="-c intervalstyle=postgres_verbose", PG_ABS_SRCDIR=str(source), PG_ABS_BUILDDIR=str(work),
        PG_LIBDIR=str(library), PG_DLSUFFIX=".so", PGHOST="127.0.0.1", PGPORT=str(port), PGUSER="postgres",
        PGSSLMODE="disable")
    command = [PROGRAMS / "psql", "-X", "-a", "-q", "-d", DATABASE, "-v", "HIDE_TABLEAM=on", "-v",
               "HIDE_TOAST_COMPRESSION=on"]
    output = work / "results" / f"{name}.out"
    with open(source / "sql" / f"{name}.sql") as script, open(output, "w") as out:
        try:
            subprocess.run(list(map(str, command)), stdin=script, stdout=out, stderr=out, env=environment, cwd=work,
                           timeout=patience)
        except subprocess.TimeoutExpired:
            out.write(f"\nregress: no end within {patience} s\n")
    return output


def run_all(names, port, work, source, library, patience):
    (work / "results").mkdir(parents=True)
    own(work)
    own(work / "results")
    company = keep_busy(work, port, 3600)
    start = time.monotonic()
    try:
        for name in names:
            run_file(name, port, work, source, library, patience)
    finally:
        for process in company:
            process.send_signal(signal.SIGTERM)
            process.wait(20)
    return time.monotonic() - start


def read(path, work, port):
    """An output without what differs between any two clusters."""
    return path.read_text(errors="surrogateescape").replace(str(work), "WORK").replace(str(port), "PORT")


def is_expected(text, source, name):
    return any(text == path.read_text(errors="surrogateescape")
               for path in source.glob(f"expected/{name}*.out") if path.stem.rstrip("_0123456789") in (name, path.stem))


def compare(names, direct, routed, source, results):
    """Writes what differs, and returns the names of those files."""
    differing = []
    for name in names:
        left = read(direct[0] / "results" / f"{name}.out", *direct)
        right = read(routed[0] / "results" / f"{name}.out", *routed)
        if left == right:
            continue
        lines = list(difflib.unified_diff(left.splitlines(), right.splitlines(), "primary", "pointsman", lineterm=""))
        (results / f"{name}.diff").write_text("\n".join(lines) + "\n", errors="surrogateescape")
        note = "" if is_expected(left, source, name) else ", and the primary's is not the expected one"
        print(f"differs: {name} ({sum(line[:1] in '+-' for line in lines) - 2} lines{note})", flush=True)
        differing.append(name)
    return differing


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="src/test/regress of PostgreSQL's source")
    parser.add_argument("library", type=Path, help="where its regress.so is")
    parser.add_argument("--binary", type=Path, default=ROOT / ".build/release/pointsman")
    parser.add_argument("--results", type=Path, default=ROOT / ".build/regress/results")
    parser.add_argument("--only", nargs="*", default=[], help="these files, and test_setup")
    parser.add_argument("--until", help="the files of the schedule up to this one")
    parser.add_argument("--patience", type=int, default=120, help="seconds for one file")
    arguments = parser.parse_args()
    source, library = arguments.source.resolve(), arguments.library.resolve()
    shutil.rmtree(arguments.results, ignore_errors=True)
    arguments.results.mkdir(parents=True)
    names = files(source, arguments.only, arguments.until)
    directory = Path(tempfile.mkdtemp(prefix="pointsman-regress-"))
    own(directory)
    started = []
    router = None
    try:
        single = Servers(directory, "single", replicas=0)
        started.append(single)
        seconds = run_all(names, single.ports[0], directory / "direct", source, library, arguments.patience)
        print(f"the primary itself: {len(names)} files in {seconds:.0f} s", flush=True)
        split = Servers(directory, "split", replicas=2)
        started.append(split)
        router, port = start_router(arguments.results, arguments.binary, split)
        seconds = run_all(names, port, directory / "routed", source, library, arguments.patience)
        print(f"through Pointsman: {len(names)} files in {seconds:.0f} s", flush=True)
        show(port, "SHOW ROUTES", arguments.results / "routes.txt")
        differing = compare(names, (directory / "direct", single.ports[0]), (directory / "routed", port), source,
                            arguments.results)
    finally:
        if router:
            router.send_signal(signal.SIGTERM)
            router.wait(60)
        for servers in started:
            servers.stop()
        shutil.rmtree(directory, ignore_errors=True)
    print(f"{len(names) - len(differing)} of {len(names)} files give the same; diffs are in {arguments.results}")
    sys.exit(1 if set(differing) - EXPLAINED else 0)


if __name__ == "__main__":
    main()
