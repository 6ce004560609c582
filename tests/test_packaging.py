"""The wheel holds the program, its example configuration and its licence, and nothing of the tests."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import metadata, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import IMPOSSIBLE

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from this tree, with the build backend that is installed."""
    folder = tmp_path_factory.mktemp("wheel")
    script = f"import os; os.chdir({str(ROOT)!r}); from hatchling.build import build_wheel; print(build_wheel({str(folder)!r}))"
    built = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return folder / built.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def names(wheel: Path) -> list[str]:
    """The files in it."""
    with zipfile.ZipFile(wheel) as content:
        return content.namelist()


def test_an_installed_program_finds_the_whole_example_configuration_beside_it(
    wheel: Path, tmp_path: Path
) -> None:
    installed = tmp_path / "site-packages"
    with zipfile.ZipFile(wheel) as content:
        content.extractall(installed)
    # Isolated, so that neither this tree nor its editable installation is what answers.
    script = (
        f"import sys; sys.path.insert(0, {str(installed)!r}); import portalcal; from importlib.resources import files\n"
        "sys.stdout.buffer.write((files('portalcal') / 'config.example.toml').read_bytes())"
    )

    read = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, check=True)

    assert read.stdout == (ROOT / "config.example.toml").read_bytes()


def test_the_licence_and_the_type_marker_are_in_the_wheel(names: list[str]) -> None:
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert "portalcal/py.typed" in names


def test_nothing_is_in_the_wheel_but_the_program_and_what_shells_and_man_look_for(names: list[str]) -> None:
    others = {re.sub(r"^portalcal-[^/]*/(data/)?", "", name) for name in names if not name.endswith(".py")}

    assert not [name for name in names if name.endswith(".py") and not name.startswith("portalcal/")]
    assert others == {
        "portalcal/py.typed",
        "portalcal/cli/grammar.json",
        "portalcal/config.example.toml",
        "share/man/man1/portalcal.1",
        "share/bash-completion/completions/portalcal",
        "share/zsh/site-functions/_portalcal",
        "share/fish/vendor_completions.d/portalcal.fish",
        "METADATA",
        "WHEEL",
        "RECORD",
        "entry_points.txt",
        "licenses/LICENSE",
    }


def test_the_sources_hold_everything_that_was_checked_in_but_the_ci(tmp_path: Path) -> None:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip(f"{IMPOSSIBLE}this is no working copy")
    folder = tmp_path / "dist"
    script = f"import os; os.chdir({str(ROOT)!r}); from hatchling.build import build_sdist; build_sdist({str(folder)!r})"
    subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    (built,) = folder.iterdir()

    with tarfile.open(built) as content:
        held = {name.partition("/")[2] for name in content.getnames()}
    listed = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True, cwd=ROOT).stdout

    assert {name for name in listed.splitlines() if not name.startswith(".ci/")} <= held
    assert not [name for name in held if name.startswith(".ci/")]


def runtime_requirements(name: str = "portalcal", extras: tuple[str, ...] = ("",)) -> set[str]:
    """What is installed with a package, by normalised name (PEP 503)."""
    found: set[str] = set()
    pending = [name]
    while pending:
        for text in requires(pending.pop()) or ():
            requirement = Requirement(text)
            marker = requirement.marker
            wanted = canonicalize_name(requirement.name)
            if wanted not in found and (
                marker is None or any(marker.evaluate({"extra": each}) for each in extras)
            ):
                found.add(wanted)
                pending.append(wanted)
    return found


def licences_of(name: str) -> str:
    """What a distribution says of its licence."""
    told = metadata(name)
    classifiers = [each for each in told.get_all("Classifier") or [] if each.startswith("License ::")]
    return "; ".join(
        [*(told.get_all("License-Expression") or []), *(told.get_all("License") or []), *classifiers]
    )


def test_the_licence_of_every_dependency_is_listed() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.partition("## Licences")[2].partition("\n## ")[0]
    listed = set(re.findall(r"[a-z0-9][a-z0-9-]+[a-z0-9]", section))

    own = {
        canonicalize_name(Requirement(each).name) for each in requires("portalcal") or () if "dev" not in each
    }
    assert own - listed == set()


def test_nothing_that_is_installed_with_it_has_a_licence_that_spreads() -> None:
    spreading = {
        name for name in runtime_requirements() if re.search(r"\bA?GPL|General Public", licences_of(name))
    }

    assert spreading == set()


def test_the_version_is_the_same_everywhere() -> None:
    from importlib.metadata import version

    from portalcal import __version__

    assert version("portalcal") == __version__
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
