"""A pytest plugin: the kernels of nbval are forks of one process that has imported what every notebook imports.

Five seconds of each of two dozen notebooks are imports. `make test` saves them with `-p warm_kernels`; `make test-all`
starts each kernel as a process of its own, as readers do.
"""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys

from jupyter_client.provisioning import local_provisioner

SERVER = """
import json, os, runpy, signal, socket, sys
import ipykernel.kernelapp
from lecture21.course import figures, live

signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # ended kernels leave nothing behind
asked = socket.socket(fileno=int(sys.argv[1]))
while message := asked.recv(1 << 20):
    if os.fork():
        continue
    os.setsid()  # before it answers: jupyter_client interrupts the kernel's group, which must not be that of the tests
    asked.send(str(os.getpid()).encode())
    asked.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    job = json.loads(message)
    os.chdir(job["cwd"])
    os.environ.update(job["env"])
    sys.argv[1:] = job["arguments"]
    sys.path[0] = ""  # as in a process that runs a module
    runpy.run_module("ipykernel_launcher", run_name="__main__")
    os._exit(0)
"""


class WarmKernels:
    """The warm process, which starts with the first kernel and ends with this one."""

    def __init__(self) -> None:
        self._server: socket.socket | None = None

    def launch(self, command: list[str], *, cwd: str, env: dict[str, str], **streams: object) -> "Kernel":
        """Start a kernel; takes what jupyter_client passes to its own function of this kind."""
        arguments = command[command.index("ipykernel_launcher") + 1 :]
        if self._server is None:
            self._server, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            inline = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}  # ipykernel sets it before imports
            subprocess.Popen(
                [sys.executable, "-P", "-c", SERVER, str(its.fileno())],
                env=os.environ | inline,
                pass_fds=[its.fileno()],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            its.close()
        self._server.send(json.dumps({"cwd": os.fspath(cwd), "env": dict(env), "arguments": arguments}).encode())
        return Kernel(int(self._server.recv(100)))


class Kernel:
    """What jupyter_client uses of a `subprocess.Popen`, for a fork of the warm process."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._ended = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Return 0 if the kernel has ended."""
        return 0 if select.select([self._ended], [], [], 0)[0] else None

    def wait(self) -> int:
        """Wait for the end of the kernel."""
        select.select([self._ended], [], [])
        return 0

    def send_signal(self, number: int) -> None:
        """Send a signal, if the kernel has not ended."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._ended, number)

    def kill(self) -> None:
        """End the kernel at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the kernel to end."""
        self.send_signal(signal.SIGTERM)


def pytest_configure() -> None:
    if sys.platform == "linux":
        local_provisioner.launch_kernel = WarmKernels().launch
