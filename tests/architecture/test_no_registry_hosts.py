"""No file names a package registry's host: where packages come from is each machine's choice.

The names are put together from parts, so that this file holds none of them either.
"""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("anaconda", "org"),
        ("crates", "io"),
        ("proxy", "golang", "org"),
        ("sum", "golang", "org"),
        ("npmjs", "com"),
        ("npmjs", "org"),
        ("yarnpkg", "com"),
        ("maven", "org"),
        ("maven", "apache", "org"),
        ("rubygems", "org"),
        ("deb", "debian", "org"),
        ("security", "debian", "org"),
        ("archive", "ubuntu", "com"),
    )
)


def test_no_file_of_the_repository_names_a_registry_host() -> None:
    found = {path: hosts for path in repository_files() if (hosts := hosts_in(path.read_bytes()))}

    assert found == {}


def test_no_lock_file_that_records_addresses_is_committed() -> None:
    names = {path.name for path in repository_files()}

    assert not names & {"uv.lock", "poetry.lock", "package-lock.json", "yarn.lock"}


def test_a_host_in_an_address_is_found() -> None:
    address = f"--index-url https://Files.{HOSTS[1]}/simple".encode()

    assert hosts_in(address) == [HOSTS[1]]


def hosts_in(content: bytes) -> list[str]:
    text = content.lower()
    return [host for host in HOSTS if host.encode() in text]


def repository_files() -> list[Path]:
    """List what is committed, and what a commit of everything would add."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    answer = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=True,
        cwd=ROOT,
        text=True,
    )
    paths = [ROOT / name for name in answer.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]
