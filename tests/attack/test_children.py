"""A child of the attack that hangs is a problem that is reported, and a killed child blocks no later one."""

import os
import signal
import time

import children
from tqdm import tqdm


def test_a_child_that_does_not_end_is_killed_and_reported(tmp_path):
    assert children.run(lambda: time.sleep(60), tmp_path, limit=0.1).code == children.DID_NOT_END


def test_a_child_killed_with_the_lock_of_the_progress_bars_blocks_no_other(tmp_path):
    def be_killed():
        tqdm.get_lock().acquire()
        os.kill(os.getpid(), signal.SIGKILL)

    tqdm(total=1, disable=True).close()  # as the first run of this process did
    assert children.run(be_killed, tmp_path).code == -signal.SIGKILL
    assert children.run(lambda: tqdm(total=1, disable=True).close(), tmp_path, limit=5).code == 0
