"""Put the student's edition of the notebooks into the wheel; hatchling runs this while it builds one."""

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class StudentEdition(BuildHookInterface):
    """Make the edition in a temporary folder. An editable installation needs none: it reads `notebooks/` itself."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files of the edition to those of the wheel."""
        self.folder = ""
        if version == "editable":
            return
        root = Path(self.root)
        sys.path.insert(0, str(root / "src"))
        from lecture21.course.study.edition import make

        self.folder = tempfile.mkdtemp()
        for name, data in make(
            root / "notebooks", self.metadata.core.urls["Repository"], self.metadata.version
        ).items():
            path = Path(self.folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        build_data["force_include"][self.folder] = "lecture21/course/study/edition"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the temporary folder."""
        if self.folder:
            shutil.rmtree(self.folder)
