"""Runs etcd and Patroni members for as long as its standard input stays open.

Commands, one a line; each is answered by a line "ok …" or "failed …":
  add NAME          starts a member and waits until it runs
  remove NAME       stops a member and its server, as an operator would
  kill NAME         kills a member and its server without a word
  failover NAME     makes a member the leader
"""

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(url, timeout=2):
    with urllib.request.urlopen(url, timeout=timeout) as answer:
        return answer.read()


class Cluster:
    def __init__(self, directory, postgres, account):
        self.directory, self.postgres, self.account = directory, postgres, account
        self.processes, self.members = {}, {}
        self.etcd = free_port()
        peer = f"http://127.0.0.1:{free_port()}"
        client = f"http://127.0.0.1:{self.etcd}"
        self.start("etcd", ["etcd", "--name", "one", "--data-dir", str(directory / "etcd-data"), "--enable-v2=false",
                            "--listen-client-urls", client, "--advertise-client-urls", client,
                            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                            "--initial-cluster", f"one={peer}", "--unsafe-no-fsync"])
        self.wait("etcd", lambda: ask(f"{client}/health"))

    def start(self, name, arguments):
        log = open(self.directory / f"{name}.log", "ab")
        change = {} if self.account is None else {"user": self.account, "group": self.account, "extra_groups": []}
        environment = {**os.environ, "HOME": str(self.directory)}
        self.processes[name] = subprocess.Popen(
            arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory, env=environment,
            start_new_session=True, **change)

    def wait(self, name, condition, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if name in self.processes and self.processes[name].poll() is not None:
                break
            try:
                if condition():
                    return
            except (OSError, ValueError):
                pass
            time.sleep(0.1)
        log = (self.directory / f"{name}.log").read_text(errors="replace")[-1500:]
        raise RuntimeError(f"{name} does not get ready: {log!r}")

    def configuration(self, name, rest, port):
        login = {"replication": ("replicator", "replicator"), "superuser": ("postgres", "postgres")}
        return {
            "scope": "demo", "name": name,
            "restapi": {"listen": f"127.0.0.1:{rest}", "connect_address": f"127.0.0.1:{rest}"},
            "etcd3": {"host": f"127.0.0.1:{self.etcd}"},
            "bootstrap": {
                "dcs": {"ttl": 20, "loop_wait": 1, "retry_timeout": 5, "maximum_lag_on_failover": 1048576,
                        "postgresql": {"use_pg_rewind": True,
                                       "parameters": {"fsync": "off", "max_connections": 100, "jit": "off",
                                                      "shared_buffers": "16MB", "wal_log_hints": "on",
                                                      "wal_keep_size": "128MB", "password_encryption": "scram-sha-256"}}},
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "no-sync"],
                "pg_hba": ["local all all trust", "host all all 127.0.0.1/32 trust",
                           "host replication replicator 127.0.0.1/32 trust"],
            },
            "postgresql": {
                "listen": f"127.0.0.1:{port}", "connect_address": f"127.0.0.1:{port}", "bin_dir": self.postgres,
                "data_dir": str(self.directory / name), "pgpass": str(self.directory / f"{name}.pgpass"),
                "authentication": {kind: {"username": user, "password": word} for kind, (user, word) in login.items()},
                "parameters": {"unix_socket_directories": str(self.directory)},
                "basebackup": [{"checkpoint": "fast"}, "no-sync"],
            },
            "tags": {"zone": name},
        }

    def add(self, name):
        if name not in self.members:
            self.members[name] = (free_port(), free_port())
            path = self.directory / f"{name}.json"
            # JSON is YAML.
            path.write_text(json.dumps(self.configuration(name, *self.members[name])))
            path.chmod(0o644)
        rest, port = self.members[name]
        self.start(name, ["patroni", str(self.directory / f"{name}.json")])
        self.wait(name, lambda: ask(f"http://127.0.0.1:{rest}/health"))
        if len(self.members) > 1:
            self.wait(name, lambda: ask(f"http://127.0.0.1:{rest}/replica"))
        else:
            self.wait(name, lambda: ask(f"http://127.0.0.1:{rest}/primary"))
        return f"{rest} {port}"

    def end(self, name, how):
        process = self.processes.pop(name)
        if how == signal.SIGKILL:
            file = self.directory / name / "postmaster.pid"
            if file.exists():
                os.kill(int(file.read_text().split()[0]), signal.SIGKILL)
        process.send_signal(how)
        process.wait(30)

    def remove(self, name):
        self.end(name, signal.SIGTERM)

    def kill(self, name):
        self.end(name, signal.SIGKILL)

    def failover(self, name):
        rest, _ = next(iter(self.members.values()))
        members = json.loads(ask(f"http://127.0.0.1:{rest}/cluster"))["members"]
        leader = next(member["name"] for member in members if member["role"] == "leader")
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.members[leader][0]}/switchover", method="POST",
            data=json.dumps({"leader": leader, "candidate": name}).encode(),
            headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read().decode()

    def stop(self):
        for name in list(self.processes):
            try:
                self.end(name, signal.SIGTERM if name == "etcd" else signal.SIGKILL)
            except (OSError, subprocess.TimeoutExpired) as error:
                print(f"failed {error}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--directory", type=Path, required=True, help="made and removed by this program")
    parser.add_argument("--postgres", required=True, help="the folder of the server's programs")
    parser.add_argument("--account", help="who runs the programs; needs root")
    options = parser.parse_args()
    options.directory.mkdir(mode=0o755)
    if options.account:
        shutil.chown(options.directory, options.account, options.account)
    cluster = None
    try:
        cluster = Cluster(options.directory, options.postgres, options.account)
        print("ok", flush=True)
        for line in sys.stdin:
            command, name = line.split()
            try:
                answer = getattr(cluster, command)(name)
                print(f"ok {answer or ''}", flush=True)
            except Exception as error:  # whatever it is, the test must hear of it
                print(f"failed {error}", flush=True)
    finally:
        if cluster:
            cluster.stop()
        shutil.rmtree(options.directory, ignore_errors=True)


if __name__ == "__main__":
    main()
