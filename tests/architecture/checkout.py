"""The files of this checkout, as the architecture tests look at them."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def python_files(folder: str) -> list[Path]:
    """All Python files below `folder` of the checkout, sorted."""
    return sorted((ROOT / folder).rglob("*.py"))


def kept_files() -> list[Path]:
    """Every file that is in version control or would be with the next `git add`."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],  # noqa: S607 - git of this machine
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    paths = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    # A file that was removed and not yet committed is still listed.
    return sorted(path for path in paths if path.is_file())
