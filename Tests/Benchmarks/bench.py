#!/usr/bin/env python3
"""What does one transaction cost the proxy, compared with PgBouncer?

Runs `pgbench -S` through Pointsman and through PgBouncer in turn against the same private PostgreSQL server and prints
the processor time of the proxy process (user + system) per transaction, throughput, latency and the ratio, then the
resident memory per idle client. Subjects are interleaved; each figure is the median of the rounds, with the spread.
The proxies run on the first processor, everything else on the others.
"""

import argparse
import json
import os
import platform
import pwd
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def processor_seconds(pid):
    """User and system time of all threads of a process, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) / TICKS, int(fields[12]) / TICKS


def resident_bytes(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def wait_for_port(port, deadline=20):
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing listens on port {port}")


class Unprivileged:
    """Runs programs that refuse to run as root."""

    def __init__(self):
        self.prefix = []
        if os.getuid() == 0:
            name = "postgres" if "postgres" in {entry.pw_name for entry in pwd.getpwall()} else "nobody"
            self.prefix = ["setpriv", f"--reuid={name}", f"--regid={pwd.getpwnam(name).pw_gid}", "--clear-groups"]
            self.user = pwd.getpwnam(name)
        else:
            self.user = pwd.getpwuid(os.getuid())

    def own(self, path):
        os.chown(path, self.user.pw_uid, self.user.pw_gid)


def server_programs():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found:
        sys.exit("PostgreSQL is not installed: make deps")
    return found[-1]


def start_postgres(directory, rest, who):
    programs = server_programs()
    port = free_port()
    data = directory / "data"
    subprocess.run([*who.prefix, programs / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "-N"],
                   check=True, stdout=subprocess.DEVNULL)
    with open(data / "postgresql.conf", "a") as settings:
        settings.write(f"port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{directory}'\n"
                       "fsync = off\nshared_buffers = 128MB\nmax_connections = 300\nautovacuum = off\n")
    log = open(directory / "postgres.log", "w")
    process = subprocess.Popen(["taskset", "-c", rest, *who.prefix, programs / "postgres", "-D", data],
                               stdout=log, stderr=log)
    wait_for_port(port)
    run = ["psql", "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-v", "ON_ERROR_STOP=1"]
    deadline = time.monotonic() + 20
    while subprocess.run([*run, "-c", "SELECT 1"], capture_output=True).returncode != 0:
        if time.monotonic() > deadline:
            sys.exit("PostgreSQL did not start")
        time.sleep(0.1)
    subprocess.run([*run, "-c", "CREATE ROLE bench LOGIN SUPERUSER"], check=True)
    subprocess.run([*run, "-c", "CREATE DATABASE bench OWNER bench"], check=True)
    subprocess.run(["pgbench", "-i", "-q", "-s", "10", "-h", "127.0.0.1", "-p", str(port), "-U", "bench", "bench"],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return process, port


def start_pointsman(directory, first, server, binary, workers):
    port = free_port()
    settings = directory / "pointsman.toml"
    settings.write_text(f"""
[listen]
port = {port}
[server]
workers = {workers}
log_level = "warning"
max_clients = 5000
[auth]
method = "trust"
[probe]
user = "bench"
database = "bench"
[clusters.main]
nodes = ["127.0.0.1:{server}"]
[databases.bench]
cluster = "main"
[users.bench]
[pool]
size = 20
max_waiters = 5000
""")
    log = open(directory / "pointsman.log", "w")
    process = subprocess.Popen(["taskset", "-c", first, binary, "run", "--config", settings], stdout=log, stderr=log)
    wait_for_port(port)
    return process, port


def start_pgbouncer(directory, first, server, who, mode):
    """PgBouncer before 1.21 knows no prepared statements in transaction mode: there it gets session mode, which costs
    it less per transaction, so the comparison is not in our favour."""
    port = free_port()
    (directory / "userlist.txt").write_text('"bench" ""\n')
    settings = directory / f"pgbouncer-{mode}.ini"
    settings.write_text(f"""
[databases]
bench = host=127.0.0.1 port={server} dbname=bench
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {directory}/userlist.txt
pool_mode = {mode}
default_pool_size = {20 if mode == "transaction" else 100}
max_client_conn = 5000
log_connections = 0
log_disconnections = 0
ignore_startup_parameters = extra_float_digits
""")
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    log = open(directory / f"pgbouncer-{mode}.log", "w")
    process = subprocess.Popen(["taskset", "-c", first, *who.prefix, program, settings], stdout=log, stderr=log)
    wait_for_port(port)
    return process, port


def tracks_statements():
    text = subprocess.run([shutil.which("pgbouncer") or "/usr/sbin/pgbouncer", "--version"],
                          capture_output=True, text=True).stdout
    found = re.search(r"(\d+)\.(\d+)", text)
    return found is not None and (int(found.group(1)), int(found.group(2))) >= (1, 21)


def pgbench(port, protocol, clients, seconds, rest):
    done = subprocess.run(
        ["taskset", "-c", rest, "pgbench", "-n", "-S", "-M", protocol, "-c", str(clients), "-T", str(seconds),
         "-h", "127.0.0.1", "-p", str(port), "-U", "bench", "bench"],
        capture_output=True, text=True, timeout=seconds + 60)
    if done.returncode != 0:
        sys.exit(f"pgbench failed: {done.stderr}")
    count = int(re.search(r"actually processed: (\d+)", done.stdout).group(1))
    latency = float(re.search(r"latency average = ([\d.]+) ms", done.stdout).group(1))
    rate = float(re.search(r"tps = ([\d.]+)", done.stdout).group(1))
    return count, latency, rate


def measure(subject, protocol, clients, seconds, rest):
    process, port = subject
    before = processor_seconds(process.pid)
    count, latency, rate = pgbench(port, protocol, clients, seconds, rest)
    after = processor_seconds(process.pid)
    user = (after[0] - before[0]) / count * 1e6
    system = (after[1] - before[1]) / count * 1e6
    return {"cpu": user + system, "user": user, "system": system, "latency_ms": latency, "tps": rate}


def idle_memory(subject, clients):
    """Resident bytes per client that has logged in and says nothing."""
    process, port = subject
    startup = b"\x00\x03\x00\x00user\x00bench\x00database\x00bench\x00\x00"
    packet = (len(startup) + 4).to_bytes(4, "big") + startup
    before = resident_bytes(process.pid)
    sockets = []
    for _ in range(clients):
        client = socket.create_connection(("127.0.0.1", port), timeout=10)
        client.sendall(packet)
        received = b""
        while b"Z\x00\x00\x00\x05" not in received:
            part = client.recv(4096)
            if not part:
                sys.exit(f"a login failed: {received!r}")
            received += part
        sockets.append(client)
    after = resident_bytes(process.pid)
    for client in sockets:
        client.close()
    return (after - before) / clients


def spread(values):
    return f"{min(values):.1f}–{max(values):.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=3, help="length of one run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", default="1,8,64")
    parser.add_argument("--protocols", default="simple,extended,prepared")
    parser.add_argument("--idle", type=int, default=2000, help="idle clients for the memory figure")
    parser.add_argument("--workers", type=int, default=1, help="worker threads of Pointsman")
    parser.add_argument("--binary", default=str(ROOT / ".build/release/pointsman"))
    parser.add_argument("--json", help="also write the results to this file")
    options = parser.parse_args()

    processors = sorted(os.sched_getaffinity(0))
    first = str(processors[0])
    rest = ",".join(map(str, processors[1:])) or first
    who = Unprivileged()
    directory = Path(tempfile.mkdtemp(prefix="pointsman-bench-"))
    os.chmod(directory, 0o755)
    who.own(directory)
    started = []
    try:
        postgres, server = start_postgres(directory, rest, who)
        started.append(postgres)
        subjects = {
            "pgbouncer": start_pgbouncer(directory, first, server, who, "transaction"),
            "pointsman": start_pointsman(directory, first, server, options.binary, options.workers),
        }
        session_mode = start_pgbouncer(directory, first, server, who, "session")
        started += [process for process, _ in subjects.values()] + [session_mode[0]]
        time.sleep(1)
        results = []
        print(f"{'protocol':>9} {'clients':>7} | {'PgBouncer µs':>12} {'spread':>11} | {'Pointsman µs':>12} {'spread':>11}"
              f" {'user':>5} | {'ratio':>5} | {'tps':>15} | latency ms", flush=True)
        ratios = []
        for protocol in options.protocols.split(","):
            for clients in map(int, options.clients.split(",")):
                runs = {name: [] for name in subjects}
                compared = dict(subjects)
                if protocol == "prepared" and not tracks_statements():
                    compared["pgbouncer"] = session_mode
                for name, subject in compared.items():
                    measure(subject, protocol, clients, 1, rest)
                for _ in range(options.rounds):
                    for name, subject in compared.items():
                        runs[name].append(measure(subject, protocol, clients, options.seconds, rest))
                median = {name: {key: statistics.median(run[key] for run in all_runs) for key in all_runs[0]}
                          for name, all_runs in runs.items()}
                ratio = median["pointsman"]["cpu"] / median["pgbouncer"]["cpu"]
                ratios.append(ratio)
                results.append({"protocol": protocol, "clients": clients, "runs": runs, "median": median, "ratio": ratio})
                a, b = median["pgbouncer"], median["pointsman"]
                print(f"{protocol:>9} {clients:>7} | {a['cpu']:>12.1f} {spread([r['cpu'] for r in runs['pgbouncer']]):>11}"
                      f" | {b['cpu']:>12.1f} {spread([r['cpu'] for r in runs['pointsman']]):>11} {b['user']:>5.1f}"
                      f" | {ratio:>5.2f} | {a['tps']:>7.0f} {b['tps']:>7.0f} | {a['latency_ms']:.3f} {b['latency_ms']:.3f}",
                      flush=True)
        print(f"geometric mean of the ratios: {statistics.geometric_mean(ratios):.2f}")
        memory = {}
        if options.idle:
            memory = {name: idle_memory(subject, options.idle) for name, subject in subjects.items()}
            print(f"resident bytes per idle client ({options.idle} clients): "
                  + ", ".join(f"{name} {value:.0f}" for name, value in memory.items()))
        if options.json:
            version = {name: subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0]
                       for name, command in {"pgbouncer": ["/usr/sbin/pgbouncer", "--version"],
                                             "pointsman": [options.binary, "--version"],
                                             "pgbench": ["pgbench", "--version"]}.items()}
            Path(options.json).write_text(json.dumps(
                {"machine": platform.platform(), "processors": len(processors), "versions": version,
                 "seconds": options.seconds, "rounds": options.rounds, "cells": results, "idle_bytes": memory}, indent=1))
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGINT)
        for process in reversed(started):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
