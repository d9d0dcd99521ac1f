"""The servers and proxies that are measured, where they run, and what the kernel says of them."""

import json
import os
import platform
import pwd
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
MAX_CLIENTS = 12_000
POOL = 20


def fail(text):
    sys.exit(f"bench: {text}")


def raise_descriptor_limit():
    """The limit of this process and of those that it starts."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(what, condition, deadline=30):
    end = time.monotonic() + deadline
    while not condition():
        if time.monotonic() > end:
            fail(f"waited {deadline} s in vain for {what}")
        time.sleep(0.05)


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def unprivileged():
    """What stands before a program that refuses to run as root, and the user it runs as."""
    if os.getuid() != 0:
        return [], pwd.getpwuid(os.getuid())
    name = "postgres" if "postgres" in {entry.pw_name for entry in pwd.getpwall()} else "nobody"
    user = pwd.getpwnam(name)
    return ["setpriv", f"--reuid={name}", f"--regid={user.pw_gid}", "--clear-groups"], user


def server_programs():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found:
        fail("PostgreSQL is not installed: make deps")
    return found[-1]


def first_line(command):
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout + done.stderr).splitlines()[0] if done.stdout or done.stderr else ""


class Subject:
    """A running proxy (or the server itself)."""

    def __init__(self, name, process, port, password=""):
        self.name = name
        self.process = process
        self.pid = process.pid
        self.port = port
        self.environment = dict(os.environ, PGPASSWORD=password, PGSSLMODE="disable")

    def target(self):
        return ["-h", "127.0.0.1", "-p", str(self.port), "-U", "bench", "bench"]

    def answers(self):
        done = subprocess.run(["psql", "-X", "-q", "-c", "SELECT 1", *self.target()], capture_output=True,
                              env=dict(self.environment, PGCONNECT_TIMEOUT="5"))
        return done.returncode == 0

    def pgbench(self, *arguments):
        """Runs pgbench to its end."""
        subprocess.run(["pgbench", "-n", *arguments, *self.target()], check=True, capture_output=True,
                       env=self.environment)

    def processor_seconds(self):
        """User and system time of all its threads. The sum is exact; how it divides is known in ticks only."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        user, system = int(fields[11]) / TICKS, int(fields[12]) / TICKS
        threads = Path(f"/proc/{self.pid}/task").iterdir()
        total = sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9
        return (total * user / (user + system), total * system / (user + system)) if user + system else (total, 0.0)

    def resident_bytes(self):
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * PAGE


class Stage:
    """A private PostgreSQL server, and the proxies before it, each started when it is first asked for.

    The proxies run on the first processor, everything else on the others, as far as there are any. A proxy with several
    workers gets as many processors only where one is left for the load: beside the load a worker would find its
    clients and servers on its own processor, and waking those is much cheaper.
    """

    def __init__(self, binary, pgbouncer):
        self.binary = str(binary)
        self.pgbouncer = pgbouncer or shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
        self.processors = sorted(os.sched_getaffinity(0))
        self.rest = ",".join(map(str, self.processors[1:] or self.processors))
        self.prefix, self.user = unprivileged()
        self.subjects = {}
        self.processes = []
        raise_descriptor_limit()

    def __enter__(self):
        self.directory = Path(tempfile.mkdtemp(prefix="pointsman-bench-"))
        self.own(self.directory)
        try:
            self._start_server()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
        for process in reversed(self.processes):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def own(self, path):
        os.chmod(path, 0o755)
        os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def launch(self, command, processors, name):
        with open(self.directory / f"{name}.log", "w") as log:
            process = subprocess.Popen(["taskset", "-c", processors, *map(str, command)], stdout=log, stderr=log,
                                       stdin=subprocess.DEVNULL)
        self.processes.append(process)
        return process

    # The server

    def _start_server(self):
        programs = server_programs()
        os.environ["PATH"] = f"{programs}:{os.environ['PATH']}"
        port = free_port()
        data = self.directory / "data"
        subprocess.run([*self.prefix, programs / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "-N"],
                       check=True, stdout=subprocess.DEVNULL)
        with open(data / "postgresql.conf", "a") as settings:
            settings.write(f"port = {port}\nlisten_addresses = '127.0.0.1'\n"
                           f"unix_socket_directories = '{self.directory}'\nfsync = off\nshared_buffers = 128MB\n"
                           "max_connections = 400\nautovacuum = off\n")
        process = self.launch([*self.prefix, programs / "postgres", "-D", data], self.rest, "postgres")
        server = Subject("server", process, port)
        run = ["psql", "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-v",
               "ON_ERROR_STOP=1", "-c"]
        eventually("PostgreSQL", lambda: subprocess.run([*run, "SELECT 1"], capture_output=True).returncode == 0)
        subprocess.run([*run, "CREATE ROLE bench LOGIN SUPERUSER PASSWORD 'bench'"], check=True)
        subprocess.run([*run, "CREATE DATABASE bench OWNER bench"], check=True)
        self.secret = subprocess.run([*run, "SELECT rolpassword FROM pg_authid WHERE rolname = 'bench'"],
                                     check=True, capture_output=True, text=True).stdout.strip()
        subprocess.run(["pgbench", "-i", "-q", "-s", "10", *server.target()], check=True, capture_output=True)
        self.server = server

    # The proxies

    def subject(self, name):
        """`pgbouncer`, `pgbouncer/session`, `pointsman`, `pointsman/2` (workers); `/scram` makes one with passwords,
        any other `/…` a second one of its kind."""
        if name not in self.subjects:
            self.subjects[name] = self.start(name)
        return self.subjects[name]

    def start(self, name, before=(), patience=30):
        program, *kinds = name.split("/")
        if program == "server":
            return self.server
        settings = self.directory / (name.replace("/", "-") + ".conf")
        port = free_port()
        workers = next((int(kind) for kind in kinds if kind.isdigit()), 1)
        if program == "pgbouncer":
            settings.write_text(self._pgbouncer_settings(settings, port, kinds))
            command = [*self.prefix, *before, self.pgbouncer, settings]
        else:
            settings.write_text(self._pointsman_settings(port, workers, kinds))
            command = [*before, self.binary, "run", "--config", settings]
            if os.geteuid() == 0:
                command += ["--user", "root"]
        alone = workers if len(self.processors) > workers else 1
        processors = ",".join(map(str, self.processors[:alone]))
        process = self.launch(command, processors, settings.stem)
        subject = Subject(name, process, port, "bench" if "scram" in kinds else "")
        # A query is answered as soon as the nodes are known.
        eventually(f"{name} to answer", lambda: process.poll() is not None or subject.answers(), patience)
        if process.poll() is not None:
            fail(f"{name} ended: " + (self.directory / f"{settings.stem}.log").read_text())
        return subject

    def stop(self, subject):
        subject.process.send_signal(signal.SIGINT)
        subject.process.wait(60)
        self.processes.remove(subject.process)

    def _pointsman_settings(self, port, workers, kinds):
        method, password = ("scram-sha-256", f"password = '{self.secret}'") if "scram" in kinds else ("trust", "")
        return f"""
[listen]
port = {port}
[server]
workers = {workers}
log_level = "warning"
max_clients = {MAX_CLIENTS}
[auth]
method = "{method}"
[probe]
user = "bench"
database = "bench"
timeout = "10s"
[clusters.main]
nodes = ["127.0.0.1:{self.server.port}"]
[databases.bench]
cluster = "main"
[users.bench]
{password}
[pool]
size = {POOL}
max_waiters = {MAX_CLIENTS}
"""

    def _pgbouncer_settings(self, path, port, kinds):
        users = path.with_suffix(".users")
        users.write_text(f'"bench" "{self.secret if "scram" in kinds else ""}"\n')
        is_session = "session" in kinds
        return f"""
[databases]
bench = host=127.0.0.1 port={self.server.port} dbname=bench
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
listen_backlog = 1024
unix_socket_dir =
auth_type = {"scram-sha-256" if "scram" in kinds else "trust"}
auth_file = {users}
pool_mode = {"session" if is_session else "transaction"}
default_pool_size = {100 if is_session else POOL}
max_client_conn = {MAX_CLIENTS}
log_connections = 0
log_disconnections = 0
ignore_startup_parameters = extra_float_digits
""" + ("max_prepared_statements = 200\n" if self.tracks_statements() else "")

    def tracks_statements(self):
        """Whether this PgBouncer knows prepared statements in transaction mode."""
        found = re.search(r"(\d+)\.(\d+)", first_line([self.pgbouncer, "--version"]))
        return found is not None and (int(found.group(1)), int(found.group(2))) >= (1, 21)

    # The surroundings

    def description(self):
        """What somebody must know who compares the figures."""
        model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
        commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True)
        return {
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "machine": platform.machine(),
            "kernel": platform.release(),
            "processor": model.group(1) if model else platform.processor(),
            "processors": len(self.processors),
            "memory_bytes": os.sysconf("SC_PHYS_PAGES") * PAGE,
            "commit": commit.stdout.strip(),
            "versions": {
                "pointsman": first_line([self.binary, "--version"]),
                "pgbouncer": first_line([self.pgbouncer, "--version"]),
                "postgresql": first_line(["postgres", "--version"]),
                "pgbench": first_line(["pgbench", "--version"]),
            },
        }


def write_json(path, value):
    Path(path).write_text(json.dumps(value, indent=1) + "\n")
