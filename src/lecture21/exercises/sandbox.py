"""The child process of `lecture21 grade`: runs a student's cells, and returns what they compute on given inputs.

It reports outputs and no verdict: the parent knows the solutions, compares, and gives the points. So nothing that the
student's code writes, prints or replaces here can be worth a point, except the right outputs. The limits below protect
the machine and the other notebooks. The kernel holds them on Linux (Landlock, seccomp, resource limits); the audit hook
alone, elsewhere, stops accidents and simple attacks.
"""

import contextlib
import errno
import json
import os
import pickle
import sys
import types
from typing import Any

from lecture21.exercises.registry import find
from lecture21.exercises.running import call_once, is_written
from lecture21.exercises.values import encode

if sys.platform == "linux":
    import landlockpy
    import seccompy
    from landlockpy import AccessFS, Ruleset, Scope
    from seccompy import CmpOp, Filter

_CLONE_THREAD = 0x10000
_SYSTEM_CALLS = (
    *("fork", "vfork", "execve", "execveat", "socket", "ptrace", "process_vm_readv", "process_vm_writev"),
    *("setpriority", "ioprio_set", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal"),
    *("unshare", "setns", "io_uring_setup"),  # ways around the other rules
)
_ON_PROCESSES = ("kill", "tgkill", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler")
_FORBIDDEN = (
    *("os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system", "os.startfile", "os.kill", "os.killpg"),
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate", "os.link", "os.symlink", "os.chmod", "os.chown"),
    *("os.utime", "os.setxattr", "os.putenv", "signal.pthread_kill"),
    *("subprocess.", "shutil.", "socket.", "ctypes.", "tempfile.", "pty.", "winreg."),
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def main() -> None:
    """Read a job from standard input, run its cells one by one, and write a line of JSON before and after each."""
    job = pickle.load(sys.stdin.buffer)  # from the parent, before any code of the student runs
    channel = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    exercises = {number: find(number) for number, *_ in job["cells"]}

    def report(**message: Any) -> None:
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[os.write(channel, data) :]

    _hide_the_exercises()
    _restrict(job["memory"])
    names: dict[str, Any] = {"__name__": "__main__"}
    for source in job["imports"]:
        with contextlib.suppress(BaseException):
            exec(source, names)
    report(state="ready")  # from here on the time limit holds; importing takes seconds on a busy machine
    for number, source, cases in job["cells"]:
        exercise = exercises[number]
        report(state="start", number=number)
        problem, written, outcomes = "", True, []
        try:
            exec(compile(source, f"exercise {number}", "exec"), names)
            answer = names.get(exercise.name)
            written = is_written(exercise, answer)
            if written:
                outcomes = [call_once(exercise, answer, case) for case in cases]
        except BaseException as error:
            problem = type(error).__name__
        data = [[encode(each.value), each.error, each.message, each.mutated] for each in outcomes]
        report(state="done", number=number, problem=problem, written=written, outcomes=data)
    os._exit(0)


def _hide_the_exercises() -> None:
    """Replace the module of exercises by one whose functions do nothing: solutions are not to be imported.

    The modules of the chapters, where the solutions are, cannot be imported without it.
    """
    for name in [name for name in sys.modules if name.startswith(("lecture21.exercises.", "lecture21.chapters"))]:
        del sys.modules[name]
    hidden = types.ModuleType("lecture21.exercises")
    hidden.check = lambda *arguments, **options: None
    hidden.solved = lambda number, answer: answer
    sys.modules["lecture21.exercises"] = hidden
    import lecture21

    lecture21.exercises = hidden
    vars(lecture21).pop("chapters", None)


def _restrict(memory: int) -> None:
    """Take from this process what an answer does not need: files to write, programs, the network, much memory."""
    # Both packages look for the C library first, with a program; afterwards there are no programs.
    kernel = (landlockpy.supported(), seccompy.supported()) if sys.platform == "linux" else (False, False)
    with contextlib.suppress(ImportError):
        _limit_resources(memory)
    _confine(*kernel)

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            flags = arguments[2] if isinstance(arguments[2], int) else 0
            if flags & _WRITES:
                raise PermissionError("an exercise writes no files")
        elif event.startswith(_FORBIDDEN):
            raise PermissionError(f"an exercise does not need {event}")

    sys.addaudithook(refuse)


def _limit_resources(memory: int) -> None:
    import resource

    import psutil

    used = psutil.Process().memory_info().vms
    limits = {"RLIMIT_AS": used + memory, "RLIMIT_FSIZE": 0, "RLIMIT_CORE": 0, "RLIMIT_NPROC": 0}
    for name, limit in limits.items():
        with contextlib.suppress(OSError, ValueError, AttributeError):
            resource.setrlimit(getattr(resource, name), (limit, limit))


def _confine(has_landlock: bool, has_seccomp: bool) -> None:
    """Forbid this process, in the kernel, to change files, to connect, to start processes and to touch other ones."""
    if has_landlock:
        with Ruleset(scoped=Scope.SIGNAL | Scope.ABSTRACT_UNIX_SOCKET) as ruleset:
            ruleset.allow_path("/", AccessFS.READ_FILE | AccessFS.READ_DIR)
            ruleset.restrict()
    if has_seccomp:
        rules = Filter()
        for name in _SYSTEM_CALLS:
            with contextlib.suppress(ValueError):  # "fork" and "vfork" are not calls of every processor
                rules.errno(name, errno.EPERM)
        for name in _ON_PROCESSES:  # the first argument is the process; 0 is the one that calls
            rules.errno(name, errno.EPERM, args=[(0, CmpOp.NE, 0), (0, CmpOp.NE, os.getpid())])
        rules.errno("prlimit64", errno.EPERM, args=[(2, CmpOp.NE, 0)])  # limits are read, and no longer set
        rules.errno("clone", errno.EPERM, args=[(0, CmpOp.MASKED_EQ, 0, _CLONE_THREAD)])  # torch starts threads
        rules.errno("clone3", errno.ENOSYS)  # its flags are out of reach; the C library then calls clone
        rules.load()
