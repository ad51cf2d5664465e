"""The kernels that `make test` forks for the notebooks."""

import os
import sys

import pytest
import warm_kernels


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="there are warm kernels on Linux only")
def test_a_kernel_is_in_a_group_of_its_own_as_soon_as_it_is_known(tmp_path):
    """jupyter_client reads the group at once, and interrupts all of it when a notebook ends."""
    warm = warm_kernels.WarmKernels()
    for n in range(3):
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", str(tmp_path / f"{n}.json")]
        kernel = warm.launch(command, cwd=str(tmp_path), env=dict(os.environ))
        try:
            assert os.getpgid(kernel.pid) == kernel.pid
        finally:
            kernel.kill()
