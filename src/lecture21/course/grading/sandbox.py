"""What a student's code may do: compute, and read the libraries. Nothing else.

On Linux the kernel holds these limits: Landlock for files, seccomp for system calls, resource limits for memory. They
hold for root too. Elsewhere there is the audit hook alone, which stops accidents and simple attacks.
"""

import contextlib
import errno
import os
import signal
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Any

import pooch
import psutil

try:  # the extra `grade`, for Linux alone
    import landlockpy
    import seccompy
    from landlockpy import AccessFS, Ruleset, Scope
    from seccompy import CmpOp, Filter
except ImportError:
    landlockpy = None

_PACKAGE = Path(__file__).parents[2]
PR_SET_PDEATHSIG = 1
"""Of prctl: the signal that a process receives when its parent ends."""
_CLONE_THREAD = 0x10000
_SYSTEM_CALLS = (
    *("fork", "vfork", "execve", "execveat", "socket", "ptrace", "process_vm_readv", "process_vm_writev"),
    *("setpriority", "ioprio_set", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal", "pidfd_open"),
    *("pidfd_getfd", "process_madvise", "kcmp", "setrlimit"),
    *("unshare", "setns", "io_uring_setup", "bpf", "perf_event_open", "userfaultfd"),  # ways around the other rules
    *("add_key", "request_key", "keyctl", "msgget", "semget", "shmget", "mq_open"),  # what outlives a process
    # Landlock knows no owners, modes and times of files, and no clocks and mounts; root could change them.
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat"),
    *("utime", "utimes", "futimesat", "utimensat", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr"),
    *("fremovexattr", "mount", "umount2", "move_mount", "open_tree", "fsopen", "fsmount", "mount_setattr", "chroot"),
    *("pivot_root", "swapon", "swapoff", "reboot", "kexec_load", "init_module", "finit_module", "delete_module"),
    *("settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname", "acct", "quotactl"),
    *("setuid", "setgid", "setreuid", "setregid", "setresuid", "setresgid", "setgroups", "setfsuid", "setfsgid"),
)
_ON_PROCESSES = ("kill", "tgkill", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler")
_FORBIDDEN = (
    *("os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system", "os.startfile", "os.kill", "os.killpg"),
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.truncate", "os.link", "os.symlink", "os.chmod", "os.chown"),
    *("os.utime", "os.setxattr", "os.putenv", "signal.pthread_kill"),
    *("subprocess.", "shutil.", "socket.", "ctypes.", "tempfile.", "pty.", "winreg."),
)
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CLOSED = tuple(_PACKAGE / "course" / name for name in ("chapters", "study"))  # they have solutions
# Of the chapters, a notebook reads figures and measured results.
_OF_CHAPTERS = [
    f"{folder}{name}*"
    for folder in ("", "__pycache__/", "*/", "*/__pycache__/")
    for name in ("__init__", "figures", "results")
]


def require_packages() -> None:
    """Raise ValueError if what confines a student's code on Linux is not installed."""
    if sys.platform == "linux" and landlockpy is None:
        raise ValueError(
            "lecture21 grade runs students' code in a sandbox, which is not installed: install lecture21[grade], with "
            "pip install '.[grade]' in the folder of the repository, or pip install 'WHEEL[grade]' with its wheel"
        )


def missing_protection() -> str:
    """Return what this system cannot forbid a student's code, as a sentence; empty if it forbids all of it."""
    if sys.platform != "linux":
        return f"on {sys.platform}, only Python itself stops a student's code; grade in a container or virtual machine"
    parts = []
    if not landlockpy.supported():
        parts.append("protect files (Landlock)")
    if not seccompy.supported():
        parts.append("forbid programs and connections (seccomp)")
    return f"this kernel cannot {' and '.join(parts)}; grade in a container or virtual machine" if parts else ""


class Sandbox:
    """Limits for the processes that are forked from this one; preparing them once saves each of them the time."""

    def __init__(self) -> None:
        # Both packages look for the C library first, with a program; in the sandbox there are no programs.
        self.has_landlock = sys.platform == "linux" and landlockpy.supported()
        self.has_seccomp = sys.platform == "linux" and seccompy.supported()
        self._files, self._folders = _readable(), _folders()
        self._ruleset = None
        if self.has_landlock:
            self._ruleset = Ruleset(scoped=Scope.SIGNAL | Scope.ABSTRACT_UNIX_SOCKET)
            for path in self._files:
                access = AccessFS.READ_FILE | AccessFS.READ_DIR if path.is_dir() else AccessFS.READ_FILE
                with contextlib.suppress(OSError):  # it has gone, or is not for this user
                    self._ruleset.allow_path(path, access)
            for path in self._folders:  # Python lists the folders that it imports from
                with contextlib.suppress(OSError):
                    self._ruleset.allow_path(path, AccessFS.READ_DIR)

    def enter(self, memory: int, seconds: int | float) -> None:
        """Take from this process what an answer does not need.

        Args:
            memory: bytes that it may allocate from now on.
            seconds: processor time from now on after which the kernel ends it, whatever else happens.
        """
        tempfile.tempdir = "/"  # libraries ask for a temporary folder when they are imported, and then do not use it
        with contextlib.suppress(ImportError):
            self._limit_resources(memory, seconds)
        if self._ruleset is not None:
            self._ruleset.allow_path("/proc/self", AccessFS.READ_FILE | AccessFS.READ_DIR)
            self._ruleset.restrict()
            self._ruleset.close()
        if self.has_seccomp:
            _forbid_system_calls()
        sys.addaudithook(self._refuse)

    def _limit_resources(self, memory: int, seconds: int | float) -> None:
        import resource

        limits = {
            "RLIMIT_AS": psutil.Process().memory_info().vms + memory,
            "RLIMIT_CPU": int(time.process_time() + seconds) + 1,
            "RLIMIT_FSIZE": 0,
            "RLIMIT_CORE": 0,
        }
        if not self.has_seccomp:
            limits["RLIMIT_NPROC"] = 0  # neither processes nor threads, except for root
        for name, limit in limits.items():
            with contextlib.suppress(OSError, ValueError, AttributeError):
                resource.setrlimit(getattr(resource, name), (limit, limit))
        with contextlib.suppress(AttributeError):
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # writing raises an exception instead

    def _refuse(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if isinstance(flags, int) and flags & _WRITES and path != os.devnull:
                raise PermissionError("an exercise writes no files")
            by_name = isinstance(path, str | bytes) and not self.has_landlock  # which knows better
            if by_name and not self._may_read(os.path.realpath(os.fsdecode(path))):
                raise PermissionError("an exercise reads no files but those of the libraries")
        elif event in ("os.listdir", "os.scandir") and not self.has_landlock:
            path = arguments[0] if arguments[0] is not None else "."
            if not isinstance(path, str | bytes) or not self._may_list(os.path.realpath(os.fsdecode(path))):
                raise PermissionError("an exercise lists no folders but those of the libraries")
        elif event.startswith(_FORBIDDEN):
            raise PermissionError(f"an exercise does not need {event}")

    def _may_list(self, path: str) -> bool:
        return path in map(str, self._folders) or self._may_read(path)

    def _may_read(self, path: str) -> bool:
        return any(path == str(each) or path.startswith(f"{each}{os.sep}") for each in self._files) or path.startswith(
            ("/proc/self/", f"/proc/{os.getpid()}/")
        )


def _folders() -> list[Path]:
    """Return the folders that Python imports from, and those of the package."""
    folders = [Path(each).resolve() for each in sys.path if each and Path(each).is_dir()]
    return [*folders, _PACKAGE]


def _readable() -> list[Path]:
    """Return the files and folders that may be read: the libraries, without the solutions."""
    folders = {Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders |= {folder for folder in _folders() if folder != Path.home() and folder != Path.cwd()}
    folders |= {Path(prefix) / "lib" for prefix in (sys.prefix, sys.base_prefix)}
    folders |= {Path(folder) for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":") if folder}
    folders |= {Path(each) for each in ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share")}
    folders |= {Path(each) for each in ("/etc/ld.so.cache", "/etc/localtime", "/dev/null", "/dev/urandom", "/dev/zero")}
    folders |= {Path(each) for each in ("/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu")}
    folders.add(Path(os.environ.get("LECTURE21_DATA") or pooch.os_cache("lecture21")))  # the plays
    chain = {parent for path in _CLOSED for parent in path.parents}
    todo = [folder.resolve() for folder in folders if folder.exists()]
    files = {path for pattern in _OF_CHAPTERS for path in _CLOSED[0].glob(pattern)}
    while todo:
        path = todo.pop()
        if path in chain:
            todo += path.iterdir()  # something below it is closed: its parts are allowed one by one
        elif path not in _CLOSED:
            files.add(path)
    return sorted(files)


def _forbid_system_calls() -> None:
    """Forbid this process, in the kernel, to start processes, to connect, and to touch other processes."""
    rules = Filter()
    for name in _SYSTEM_CALLS:
        with contextlib.suppress(ValueError):  # "fork" and "vfork" are not calls of every processor
            rules.errno(name, errno.EPERM)
    for name in _ON_PROCESSES:  # the first argument is the process; 0 is the one that calls
        rules.errno(name, errno.EPERM, args=[(0, CmpOp.NE, 0), (0, CmpOp.NE, os.getpid())])
    rules.errno("prctl", errno.EPERM, args=[(0, CmpOp.EQ, PR_SET_PDEATHSIG)])
    rules.errno("prlimit64", errno.EPERM, args=[(2, CmpOp.NE, 0)])  # limits are read, and no longer set
    rules.errno("clone", errno.EPERM, args=[(0, CmpOp.MASKED_EQ, 0, _CLONE_THREAD)])  # torch starts threads
    rules.errno("clone3", errno.ENOSYS)  # its flags are out of reach; the C library then calls clone
    rules.load()
