#!/usr/bin/env python3
"""Clients that pgbench cannot be: thousands that say nothing, and some that read large results.

A process of its own, so that its descriptors and its processor time are nobody else's. It reads orders from its
standard input, answers each with a line, and ends with its input.

    hold N          logs clients in until there are N of them
    stream N MB R   lets N clients read results of so many megabytes, again and again, all together at most R megabytes
                    in a second (0: as fast as they come)
    once MB         reads one such result: bytes and seconds
    stop            ends the streams: bytes and seconds
"""

import argparse
import os
import resource
import selectors
import socket
import struct
import sys
import time

STARTUP = b"user\0bench\0database\0bench\0\0"
READY = b"Z\0\0\0\5I"
ROW = 1_000
AT_ONCE = 100
DEADLINE = 120


def connect(port):
    client = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
    client.sendall(struct.pack("!ii", len(STARTUP) + 8, 196_608) + STARTUP)
    return client


def await_ready(clients):
    """Reads until each of them has been told that the router is ready."""
    tails = {client: b"" for client in clients}
    end = time.monotonic() + DEADLINE
    with selectors.DefaultSelector() as selector:
        for client in clients:
            selector.register(client, selectors.EVENT_READ)
        while selector.get_map():
            if time.monotonic() > end:
                sys.exit(f"{len(selector.get_map())} clients were not logged in")
            for key, _ in selector.select(1):
                part = key.fileobj.recv(65_536)
                if not part:
                    sys.exit(f"a client was sent away: {tails[key.fileobj]!r}")
                tails[key.fileobj] = (tails[key.fileobj] + part)[-300:]
                if tails[key.fileobj].endswith(READY):
                    selector.unregister(key.fileobj)


def result_query(megabytes):
    text = f"SELECT lpad('', {ROW}, 'x') FROM generate_series(1, {megabytes * 1_000_000 // ROW})".encode() + b"\0"
    return b"Q" + struct.pack("!i", len(text) + 4) + text


class Streams:
    """Clients of which each asks again when its result has ended; the clients' bytes and time are counted."""

    def __init__(self, port, count, megabytes):
        self.query = result_query(megabytes)
        self.clients = [connect(port) for _ in range(count)]
        await_ready(self.clients)
        self.buffer = bytearray(1 << 20)
        self.bytes = 0
        self.results = 0
        self.selector = selectors.DefaultSelector()
        for client in self.clients:
            client.settimeout(None)
            client.sendall(self.query)
            self.selector.register(client, selectors.EVENT_READ, b"")
        self.start = time.monotonic()

    def read(self, key):
        client = key.fileobj
        count = client.recv_into(self.buffer)
        if count == 0:
            sys.exit("a stream was cut")
        self.bytes += count
        tail = (key.data + bytes(self.buffer[max(0, count - len(READY)):count]))[-len(READY):]
        self.selector.modify(client, selectors.EVENT_READ, tail)
        if tail == READY:
            self.results += 1
            return True
        return False

    def report(self):
        return f"{self.bytes} {time.monotonic() - self.start:.6f}"

    def close(self):
        self.selector.close()
        for client in self.clients:
            client.close()


def once(port, megabytes):
    stream = Streams(port, 1, megabytes)
    while stream.results == 0:
        for key, _ in stream.selector.select():
            stream.read(key)
    report = stream.report()
    stream.close()
    return report


def stream_until_told(port, count, megabytes, rate, orders):
    streams = Streams(port, count, megabytes)
    streams.selector.register(orders, selectors.EVENT_READ, None)
    answer("streaming")
    while True:
        # Reading too far ahead of the rate is made up for by a pause.
        ahead = streams.bytes / (rate * 1e6) - (time.monotonic() - streams.start) if rate else 0
        if ahead > 0:
            time.sleep(ahead)
        for key, _ in streams.selector.select():
            if key.fileobj is orders:
                orders.readline()
                report = streams.report()
                streams.close()
                return report
            if streams.read(key):
                key.fileobj.sendall(streams.query)


def answer(text):
    print(text, flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    held = []
    # Unbuffered, so that the selector sees each order.
    orders = os.fdopen(0, "rb", buffering=0)
    while line := orders.readline().split():
        if line[0] == b"hold":
            while len(held) < int(line[1]):
                some = [connect(port) for _ in range(min(AT_ONCE, int(line[1]) - len(held)))]
                await_ready(some)
                held += some
            answer(str(len(held)))
        elif line[0] == b"once":
            answer(once(port, int(line[1])))
        elif line[0] == b"stream":
            answer(stream_until_told(port, int(line[1]), int(line[2]), int(line[3]), orders))
        else:
            sys.exit(f"no such order: {line}")


if __name__ == "__main__":
    main()
