"""Does the router tell a service manager when it is ready, reloads and stops, and how it is?"""

import os
import signal
import socket
import subprocess
import sys

directory, *command = sys.argv[1:]
path = os.path.join(directory, "notify")
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
    manager.bind(path)
    manager.settimeout(30)
    process = subprocess.Popen(command, env={**os.environ, "NOTIFY_SOCKET": path}, stderr=subprocess.DEVNULL)

    def wait_for(beginning):
        while True:
            message = manager.recv(4096).decode()
            if message.startswith(beginning):
                return message

    try:
        wait_for("READY=1")
        assert "clients" in wait_for("STATUS=")
        process.send_signal(signal.SIGHUP)
        reloading = wait_for("RELOADING=1")
        assert "MONOTONIC_USEC=" in reloading, reloading
        wait_for("READY=1")
        process.send_signal(signal.SIGINT)
        wait_for("STOPPING=1")
        assert process.wait(30) == 0
    finally:
        if process.poll() is None:
            process.kill()
print("ok")
