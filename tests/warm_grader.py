"""A process that has imported what the child of `lecture21 grade` imports: its forks start without that time.

Like the child that it stands in for, it never holds a solution or a line of a test: before it forks it imports what
`grading` and the notebooks import, and nothing else.
"""

import contextlib
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import types

SERVER = """
import json, os, signal, socket, sys
from lecture21 import figures, generation, live, training  # by most notebooks
from lecture21.exercises import sandbox

signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended children leave nothing behind
asked = socket.socket(fileno=int(sys.argv[1]))
while True:
    message, descriptors, _, _ = socket.recv_fds(asked, 1 << 20, 2)
    if not message:
        break
    child = os.fork()
    if child == 0:
        asked.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        job = json.loads(message)
        os.setsid()
        os.chdir(job["cwd"])
        os.environ.clear()
        os.environ.update(job["env"])
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        sandbox.main()
    for descriptor in descriptors:
        os.close(descriptor)
    asked.send(str(child).encode())
"""


@functools.cache
def _server() -> socket.socket:
    """Start the warm process; it ends with this one, which closes its end of the connection."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-c", SERVER, str(its.fileno())]
    subprocess.Popen(command, env=environment, pass_fds=[its.fileno()], stderr=subprocess.DEVNULL)
    its.close()
    return ours


class Child(subprocess.Popen):
    """What `grading` uses of a `subprocess.Popen`, for a fork of the warm process; nothing of the class itself runs."""

    def __init__(self, command: list[str], *, cwd: str, env: dict[str, str], **streams: object):
        assert command[2:] == ["-c", "from lecture21.exercises.sandbox import main; main()"]
        stdin, write = os.pipe()
        read, stdout = os.pipe()
        socket.send_fds(_server(), [json.dumps({"cwd": cwd, "env": env}).encode()], [stdin, stdout])
        os.close(stdin)
        os.close(stdout)
        self.stdin, self.stdout = os.fdopen(write, "wb"), os.fdopen(read, "rb")
        self.pid = int(_server().recv(100))
        self._ended = os.pidfd_open(self.pid)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._ended, signal.SIGKILL)

    def wait(self) -> None:
        select.select([self._ended], [], [])
        os.close(self._ended)


def subprocess_with_warm_children() -> types.SimpleNamespace:
    """Return what `grading` uses of the module `subprocess`."""
    return types.SimpleNamespace(Popen=Child, PIPE=subprocess.PIPE, DEVNULL=subprocess.DEVNULL)
