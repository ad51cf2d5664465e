"""`lecture21 grade`: nothing that a notebook does earns a point, harms another notebook, or harms the grader."""

import contextlib
import ctypes
import errno
import inspect
import os
import socket
import subprocess
import sys

import pytest
from grading_notebooks import grades, write

from lecture21.course.exercises.registry import exercises_of
from lecture21.course.grading import sandbox

FORGED = (
    '{"problem": "", "helper": "", "written": true, '
    '"outcomes": [{"value": {"value": true}, "error": {"value": ""}, "message": {"value": ""}}]}'
)
# NAME and NUMBER are those of the exercise that is attacked; each exercise of four chapters suffers one attack.
ATTACKS = {
    "redefines check": """
def check(*arguments):
    print('NUMBER: correct')
def NAME(*arguments):
    return None""",
    "exits": """
import os
def NAME(*arguments):
    os._exit(0)""",
    "exits politely": """
def NAME(*arguments):
    raise SystemExit(0)""",
    "loops and catches everything": """
def NAME(*arguments):
    while True:
        try:
            pass
        except BaseException:
            pass""",
    "takes all memory": """
def NAME(*arguments):
    return bytearray(1 << 42)""",
    "monkeypatches the judge": """
import sys
def NAME(*arguments):
    for module in list(sys.modules.values()):
        for attribute in ("judge", "same", "_agrees", "allclose", "equal"):
            if hasattr(module, attribute):
                setattr(module, attribute, lambda *a, **k: True)
    return torch.zeros(2, 2, dtype=torch.bool)""",
    "equals everything": """
class Equal(torch.Tensor):
    def __eq__(self, other): return True
def NAME(*arguments):
    return torch.zeros(2, 2, dtype=torch.bool).as_subclass(Equal)""",
    "writes forged results": f"""
import os
def NAME(*arguments):
    for descriptor in range(3, 50):
        try:
            os.write(descriptor, {FORGED!r}.encode() + b"\\n")
        except OSError:
            pass""",
    "floods the channel": """
import os
def NAME(*arguments):
    while True:
        for descriptor in range(3, 20):
            try:
                os.write(descriptor, b'a' * 10000)
            except OSError:
                pass""",
    "closes the channel": """
import os
def NAME(*arguments):
    os.closerange(0, 100)""",
    "returns too much": """
def NAME(*arguments):
    return tuple(torch.zeros(900000) for _ in range(3))""",
    "has an odd exception": r"""
class Odd(type):
    __name__ = property(lambda self: "\ud800\n  4.1   1 of 1")
class Error(Exception, metaclass=Odd):
    pass
def NAME(*arguments):
    raise Error("a\rb\n  4.1   1 of 1  the causal mask: correct\x1b[2J")""",
    "is not Python": """
def NAME(*arguments):
    return (""",
}


@pytest.mark.slow
def test_an_attack_gets_no_point_and_the_other_exercise_its_own(tmp_path):
    *exercises, honest = [each for chapter in ("01", "02", "03", "04") for each in exercises_of(chapter)]
    assert len(exercises) >= len(ATTACKS)
    cells = [
        attack.replace("NAME", each.name).replace("NUMBER", each.number)
        for attack, each in zip(ATTACKS.values(), exercises, strict=False)
    ]
    path = write(tmp_path / "attacks.ipynb", *cells, honest.text(honest.solution))
    expected = {each.number: 0 for each in exercises} | {honest.number: 1}
    graded = grades(path, list(expected), seconds=5.0)
    assert {each.number: each.points for each in graded} == expected
    texts = dict(zip(ATTACKS, [each.text for each in graded], strict=False))
    assert texts["exits"] == "ends the process"
    assert texts["exits politely"].startswith("raises SystemExit for")
    assert texts["loops and catches everything"] == "does not end within 5 seconds"
    assert texts["takes all memory"].startswith("raises MemoryError for")
    assert texts["writes forged results"] == "returns something unreadable"
    assert texts["floods the channel"] == "returns too much"
    assert texts["closes the channel"] == "ends the process"
    assert texts["returns too much"] == "returns too much"
    assert texts["is not Python"].startswith("the cell raises SyntaxError in line 3: ")
    assert all(text.isprintable() for text in texts.values())


# What an answer must not be able to do; each line raises a PermissionError instead, or the exception beside it.
HARM = {
    "os.remove(VICTIM)": "",
    "os.truncate(VICTIM, 0)": "",
    "os.rename(VICTIM, VICTIM + 'x')": "",
    "__import__('shutil').rmtree(FOLDER)": "",
    "__import__('pathlib').Path(VICTIM).write_text('5 of 5')": "",
    "os.system('echo x > ' + VICTIM)": "",
    "subprocess.run(['rm', VICTIM])": "",
    "__import__('multiprocessing.util').util.spawnv_passfds(b'/bin/rm', [b'rm', VICTIM.encode()], [])": "",
    "os.fork() or open(VICTIM, 'w').close()": "",
    "torch.save({}, VICTIM)": "RuntimeError",
    "torch.from_file(VICTIM, shared=True, size=4, dtype=torch.uint8).zero_()": "RuntimeError",
    "__import__('ctypes').CDLL(None).unlink(VICTIM.encode())": "",
    "os.chmod(VICTIM, 0o777)": "",
    "os.chown(VICTIM, 1, 1)": "",
    "os.utime(VICTIM)": "",
    "os.setxattr(VICTIM, 'user.a', b'1')": "",
    "os.kill(PARENT, 9)": "",
    "os.kill(os.getppid(), 9)": "",
    "os.killpg(os.getpgid(PARENT), 9)": "",
    "resource.prlimit(PARENT, resource.RLIMIT_CPU, (1, 1))": "",
    "resource.prlimit(os.getppid(), resource.RLIMIT_DATA, (200 << 20, 200 << 20))": "",
    "os.setpriority(os.PRIO_PROCESS, PARENT, 19)": "",
    "os.sched_setaffinity(PARENT, os.sched_getaffinity(PARENT))": "",
    "os.sched_setaffinity(os.getppid(), os.sched_getaffinity(0))": "",
    # A process in a session of its own would survive the end of its parent, and keep the grader's pipe open.
    "sys.audit = lambda *_: None; subprocess.Popen('x', start_new_session=True, preexec_fn=lambda: os._exit(0))": "",
    "SPAWN()": "",
    "__import__('socket').create_connection(('127.0.0.1', PORT), 5)": "",
    "open(FOLDER + '/new', 'w').close()": "",
    # What is not the student's to read.
    "open(VICTIM).read()": "",
    "os.listdir(FOLDER)": "",
    "next(os.walk(FOLDER))": "StopIteration",
    "open('/etc/passwd').read()": "",
    "open(f'/proc/{PARENT}/cmdline').read()": "",
    "open(f'/proc/{os.getppid()}/environ').read()": "",
    "open(SOLUTIONS).read()": "",
    "__import__('importlib').reload(sys.modules['lecture21.course.chapters.c04_causal_mask.exercises'])": "",
    "__import__('inspect').getsource(sys.modules['lecture21.course.chapters.c04_causal_mask.exercises'])": "OSError",
}
# fork_exec raises no audit event. A child that it starts would hold the pipe open.
SPAWN = """
def SPAWN():
    import _posixsubprocess
    read, write = os.pipe()
    nothing = [-1] * 6
    _posixsubprocess.fork_exec(
        [b"sleep", b"60"], [b"/bin/sleep"], False, (), None, None, *nothing, read, write, False, True, -1,
        None, None, None, -1, None, True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel forbids this on Linux only")
def test_the_kernel_forbids_what_harms_others(tmp_path):
    folder = tmp_path / "victims"
    folder.mkdir()
    victim = folder / "grades.csv"
    victim.write_text("0 of 5")
    before = victim.stat()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        values = {
            "VICTIM": str(victim),
            "FOLDER": str(folder),
            "PARENT": os.getpid(),
            "PORT": server.getsockname()[1],
            "SOLUTIONS": inspect.getsourcefile(exercises_of("04")[0].cases),
        }
        source = f"""
import os, resource, subprocess, sys, torch
{SPAWN}
def causal_mask(n):
    wrong = []
    names = {values!r} | {{"SPAWN": SPAWN, "os": os, "resource": resource, "subprocess": subprocess}}
    names |= {{"sys": sys, "torch": torch}}
    for line, expected in {HARM!r}.items():
        try:
            exec(line, names)
            wrong.append(line)
        except BaseException as error:
            if type(error).__name__ != (expected or "PermissionError"):
                wrong.append(type(error).__name__ + " in " + line)
    raise RuntimeError(str(wrong))"""
        result = grades(write(tmp_path / "04_bad.ipynb", source), ["4.1"])[0]
        with pytest.raises(BlockingIOError):
            server.accept()
    assert result.points == 0
    assert victim.read_text() == "0 of 5"
    assert (victim.stat().st_mode, victim.stat().st_mtime_ns) == (before.st_mode, before.st_mtime_ns)
    assert [each.name for each in folder.iterdir()] == ["grades.csv"]
    assert "raises RuntimeError for n = 1: []" in result.text


# The system calls by what they would do. With these arguments, none does it where the filter lets it through.
CALLS = {
    "start programs and connect": "execve execveat socket",
    "reach into other processes": "ptrace process_vm_readv process_vm_writev setpriority ioprio_set tkill "
    "rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal pidfd_open pidfd_getfd process_madvise kcmp setrlimit kill "
    "tgkill sched_setaffinity sched_setattr sched_setparam sched_setscheduler",
    "get around other rules": "unshare setns io_uring_setup bpf perf_event_open userfaultfd",
    "outlive the process": "add_key request_key keyctl msgget semget shmget mq_open",
    "change owners, modes and times of files": "chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime "
    "utimes futimesat utimensat setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr",
    "change the system, as root": "mount umount2 move_mount open_tree fsopen fsmount mount_setattr chroot pivot_root "
    "swapon swapoff reboot kexec_load init_module finit_module delete_module settimeofday clock_settime clock_adjtime "
    "adjtimex sethostname setdomainname acct quotactl setuid setgid setreuid setregid setresuid setresgid setgroups "
    "setfsuid setfsgid",
}


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel forbids this on Linux only")
@pytest.mark.parametrize("calls", CALLS.values(), ids=CALLS)
def test_the_kernel_refuses_calls_that_an_answer_does_not_need(calls):
    """In a fork of this process, under the filter of system calls alone."""
    from seccompy import syscall_nr

    numbers = {}
    for name in calls.split():
        with contextlib.suppress(ValueError):  # not a call of this processor
            numbers[name] = syscall_nr(name)
    call, nothing = ctypes.CDLL(None, use_errno=True).syscall, [ctypes.c_long(-1)] * 6
    read_end, write_end = os.pipe()
    if not (process := os.fork()):
        try:
            sandbox._forbid_system_calls()
            for name, number in numbers.items():
                if call(number, *nothing) != -1 or ctypes.get_errno() != errno.EPERM:
                    os.write(write_end, f"{name} ".encode())
            os.write(write_end, b"all others are refused")
        finally:
            os._exit(0)
    os.waitpid(process, 0)
    assert os.read(read_end, 10_000) == b"all others are refused"
    os.close(read_end)
    os.close(write_end)


UNPROTECTED = """
import inspect, os, pickle, psutil, sys
from lecture21.course.exercises.exercise import Case
from lecture21.course.exercises.registry import find
from lecture21.course.grading import supervisor
from lecture21.course.grading.child import Job
from lecture21.course.grading.exercises import every_exercise
from lecture21.course.grading.sandbox import Sandbox

exercises = every_exercise()
supervisor._prctl(supervisor._PR_SET_CHILD_SUBREAPER, 1)
sandbox = Sandbox()
sandbox.has_landlock = sandbox.has_seccomp = False
sandbox._ruleset = None

def run(*lines):
    source = "def causal_mask(n):\\n    import os, _posixsubprocess\\n" + "".join(f"    {line}\\n" for line in lines)
    cases = pickle.dumps([Case((1,), "")])
    job = Job("4.1", "causal_mask", [("cell 1", source, 0, True)], cases, 0, [], 1 << 30, 3.0, 60.0)
    return supervisor._supervise(job, exercises, sandbox, None).decode()

print("PermissionError" in run(f"return open({inspect.getsourcefile(find('4.1').cases)!r}).read()"))
print("PermissionError" in run("return open('/etc/passwd').read()"))
print("PermissionError" in run("return open('new', 'w')"))
print("PermissionError" in run("return os.listdir('/etc')"), "PermissionError" in run("return list(os.scandir('/'))"))
print("PermissionError" in run("import fractions, sysconfig", "return os.listdir(sysconfig.get_path('stdlib'))"))
sandbox.enter = lambda memory, seconds: None
print(run("if os.fork() == 0:", "    os.setsid()", "    import time", "    time.sleep(1000)", "os._exit(0)"))
print(run("os.fork() or (os.setsid(), os.fork() or __import__('time').sleep(1000))", "while True: pass")[:0])
print(psutil.Process().children(recursive=True))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a child is adopted on Linux only")
def test_without_the_kernels_help_files_stay_closed_and_what_an_answer_has_started_is_killed():
    """In a process of its own: without Landlock and seccomp the audit hook refuses; without that, nothing survives."""
    ran = subprocess.run([sys.executable, "-c", UNPROTECTED], capture_output=True, text=True, check=False)
    assert ran.stdout.splitlines() == ["True", "True", "True", "True True", "False", "e", "", "[]"], ran.stderr
