import re
from pathlib import Path

import pytest

from tests.architecture.checkout import ROOT, kept_files

# Put together from pieces, so that this file is not a finding itself.
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("maven", "apache", "org"),
        ("maven", "org"),
        ("sonatype", "org"),
        ("sonatype", "com"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("crates", "io"),
        ("golang", "org"),
        ("rubygems", "org"),
        ("anaconda", "org"),
    )
)
HOME_FOLDERS = ("ho" + "me", "Us" + "ers")
_LEFT = r"(?<![\w.])"  # "/v1/..." and "./..." are no paths of a machine
HOME = re.compile(_LEFT + r"/(?:(?:" + "|".join(HOME_FOLDERS) + r")/[\w.-]+|ro" + r"ot\b)")
# Where this checkout and its owner's home lie; "/" or "/src" could stand in any file.
HERE = [
    re.compile(_LEFT + re.escape(str(path)) + r"(?![\w-])")
    for path in (ROOT, Path.home())
    if len(path.parts) > 2
]


def found_in(text: str) -> list[str]:
    """Names of package registries and paths of somebody's machine in `text`."""
    hosts = [host for host in REGISTRY_HOSTS if host in text]
    return hosts + [found for pattern in (HOME, *HERE) for found in pattern.findall(text)]


def test_no_kept_file_names_a_package_registry_or_a_path_of_somebodys_machine():
    files = kept_files()
    assert ROOT / "pyproject.toml" in files
    findings = {
        str(path.relative_to(ROOT)): found
        for path in files
        if (found := found_in(path.read_bytes().decode("utf-8", errors="replace")))
    }
    assert findings == {}


@pytest.mark.parametrize(
    "text",
    [
        f"--index-url https://{REGISTRY_HOSTS[0]}/simple",
        f"https://files.{REGISTRY_HOSTS[1]}/packages",
        f"cd /{HOME_FOLDERS[0]}/somebody/checkout",
        f"'/{HOME_FOLDERS[1]}/somebody'",
        "see /ro" + "ot/.cache",
        f"file://{ROOT}/pyproject.toml",
    ],
)
def test_what_must_not_be_published_is_recognised(text: str):
    assert found_in(text)


@pytest.mark.parametrize(
    "text",
    ["https://example.com/" + HOME_FOLDERS[0] + "/page", "/v1/ro" + "ots", "./ro" + "ot"],
)
def test_addresses_and_relative_paths_are_let_through(text: str):
    assert found_in(text) == []
