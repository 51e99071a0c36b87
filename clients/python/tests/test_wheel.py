"""What is built can be installed and used without this repository."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).parent.parent


def test_the_wheel(tmp_path: Path) -> None:
    """The wheel holds the package with its types and nothing else, and needs only httpcore; Python
    imports the client from it.
    """
    build = ["wheel", "--no-deps", "--quiet", "--disable-pip-version-check"]
    command = [sys.executable, "-m", "pip", *build, "-w", str(tmp_path), str(HERE)]
    subprocess.run(command, check=True, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")

    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
        (metadata,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        needed = [
            line
            for line in archive.read(metadata).decode().splitlines()
            if line.startswith("Requires-Dist: ")
        ]
        archive.extractall(tmp_path / "installed")

    assert {name.partition("/")[0] for name in names} == {"contact_groups_client"}
    assert "contact_groups_client/py.typed" in names
    assert [line.partition(": ")[2].partition(">")[0] for line in needed] == ["httpcore"]
    code = (
        "import contact_groups_client as c; c.Client('http://127.0.0.1').close(); print(c.__file__)"
    )
    environment = {"PYTHONPATH": str(tmp_path / "installed")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(str(tmp_path))
