"""`lecture21 study`."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer


def study_command(
    folder: Annotated[Path, typer.Argument(help="Where your notebooks are, or will be.")] = Path("lecture21"),
    open_lab: Annotated[bool, typer.Option("--open/--no-open", help="Open JupyterLab if it is installed.")] = True,
) -> None:
    """Write the notebooks for students into a folder, and open them in JupyterLab.

    The notebooks have no solutions. A file that is in the folder already is never replaced.
    """
    from lecture21.course.study.folder import write

    written = write(folder)
    if written.new:
        typer.echo(f"{folder}: wrote {len(written.new)} files; README.md says how to begin")
    if written.same or written.kept:
        typer.echo(f"{folder}: kept {len(written.same) + len(written.kept)} files that were there")
    if written.kept:
        typer.echo(f"  changed by you or from another version: {', '.join(written.kept)}")
        typer.echo("  for fresh ones of this version, name another folder: lecture21 study FOLDER")
    if not open_lab:
        return
    if importlib.util.find_spec("jupyterlab") is None:
        typer.echo(f"JupyterLab is not installed. Run: pip install jupyterlab, and then: jupyter lab {folder}")
        return
    _replace_this_process([sys.executable, "-m", "jupyterlab", str(folder)])


def _replace_this_process(command: list[str]) -> None:
    """Run a program in place of this one, so that Ctrl-C, the terminal and the exit code are its own."""
    sys.stdout.flush()
    if os.name == "nt":  # where exec would return to the prompt while the program runs on
        raise typer.Exit(subprocess.call(command))
    os.execv(command[0], command)
