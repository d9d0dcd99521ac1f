"""Is a client that begins with TLS at once taken only if it names PostgreSQL's protocol?"""

import socket
import ssl
import struct
import sys

PORT = int(sys.argv[1])


def begin(protocols):
    """What the router says to a startup packet; None if it ends the connection."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if protocols:
        context.set_alpn_protocols(protocols)
    with socket.create_connection(("127.0.0.1", PORT), timeout=20) as plain:
        try:
            with context.wrap_socket(plain) as stream:
                body = struct.pack("!i", 3 << 16) + b"user\0app\0database\0app\0\0"
                stream.sendall(struct.pack("!i", len(body) + 4) + body)
                return stream.recv(1) or None
        except (ssl.SSLError, ConnectionResetError):
            return None


assert begin(["postgresql"]) == b"R"
assert begin(["h2", "postgresql"]) == b"R"
assert begin(["http/1.1"]) is None
assert begin([]) is None
print("ok")
