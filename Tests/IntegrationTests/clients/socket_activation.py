"""Does the router serve listening sockets that somebody else has opened, each for what its port is for?"""

import os
import socket
import subprocess
import sys
import time

import psycopg

split, reader, primary, *command = sys.argv[1:]


def listener(port):
    opened = socket.create_server(("127.0.0.1", int(port)))
    opened.set_inheritable(True)
    return opened


sockets = [listener(split), listener(reader)]


def start():
    def become():
        # A service manager's sockets follow the three standard descriptors.
        moved = [os.dup(s.fileno()) for s in sockets]
        for place, descriptor in enumerate(moved):
            os.dup2(descriptor, 3 + place)
        os.environ["LISTEN_PID"] = str(os.getpid())

    return subprocess.Popen(
        ["/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", *command],
        env={**os.environ, "LISTEN_FDS": "2"}, preexec_fn=become, close_fds=False, stderr=subprocess.DEVNULL)


def port(of):
    deadline = time.monotonic() + 30
    while True:
        try:
            with psycopg.connect(host="127.0.0.1", port=of, user="app", dbname="app", connect_timeout=10) as connection:
                return str(connection.execute("SELECT inet_server_port() FROM txid_current_if_assigned()").fetchone()[0])
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


for _ in range(2):
    process = start()
    try:
        deadline = time.monotonic() + 30
        while port(reader) == primary:
            assert time.monotonic() < deadline, "the reader's socket leads to the primary"
        with psycopg.connect(host="127.0.0.1", port=split, user="app", dbname="app", connect_timeout=10) as connection:
            assert str(connection.execute("SELECT inet_server_port()").fetchone()[0]) == primary
    finally:
        process.terminate()
        process.wait(30)
print("ok")
