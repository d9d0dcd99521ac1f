"""Can thousands of clients stay connected, idle, and each be served when it speaks?"""

import argparse
import resource
import selectors
import socket
import struct
import time


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True, help="the router's port")
    parser.add_argument("--pid", type=int, required=True, help="the router's process number")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--limit", type=int, required=True, help="bytes of memory that one idle client may cost")
    return parser.parse_args()


OPTIONS = arguments()
STARTUP = b"user\0app\0database\0app\0\0"
QUERY = b"Q" + struct.pack("!i", 13) + b"SELECT 1\0"


def resident():
    with open(f"/proc/{OPTIONS.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) * 1024


def ready(bytes):
    """Whether the last message is ReadyForQuery, idle."""
    return bytes.endswith(b"Z\0\0\0\5I")


def converse(clients, message, deadline):
    """Sends every client the message and reads each one's whole answer."""
    answers = {client: b"" for client in clients}
    with selectors.DefaultSelector() as selector:
        for client in clients:
            client.sendall(message)
            selector.register(client, selectors.EVENT_READ)
        while selector.get_map():
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(selector.get_map())} clients got no answer")
            for key, _ in selector.select(1):
                part = key.fileobj.recv(65536)
                answers[key.fileobj] += part
                if not part:
                    raise AssertionError(f"a client was sent away: {answers[key.fileobj]!r}")
                if ready(answers[key.fileobj]):
                    selector.unregister(key.fileobj)
    return answers.values()


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, OPTIONS.count + 100)), hard))
    deadline = time.monotonic() + 120
    startup = struct.pack("!ii", len(STARTUP) + 8, 196608) + STARTUP

    # The first ones warm up whatever is made once.
    clients = [socket.create_connection(("127.0.0.1", OPTIONS.port)) for _ in range(100)]
    converse(clients, startup, deadline)
    converse(clients, QUERY, deadline)
    before = resident()
    for _ in range(0, OPTIONS.count - 100, 100):
        some = [socket.create_connection(("127.0.0.1", OPTIONS.port)) for _ in range(100)]
        converse(some, startup, deadline)
        clients += some
    for _ in range(3):
        for answer in converse(clients, QUERY, deadline):
            if b"SELECT 1\0" not in answer:
                raise AssertionError(f"a wrong answer: {answer!r}")
    cost = (resident() - before) / (OPTIONS.count - 100)
    print(f"{len(clients)} clients, {cost:.0f} bytes each")
    if cost > OPTIONS.limit:
        raise AssertionError(f"an idle client costs {cost:.0f} bytes, more than {OPTIONS.limit}")
    for client in clients:
        client.close()


if __name__ == "__main__":
    main()
