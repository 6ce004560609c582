"""The house stands as it is drawn: layers, purity, where the clock is read, where imports hide."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from portalcal.cli.app import COMMANDS

ROOT = Path(__file__).parent.parent
PRODUCT = ROOT / "portalcal"


@cache
def modules() -> tuple[tuple[str, ast.Module], ...]:
    return tuple(
        (str(path.relative_to(PRODUCT)), ast.parse(path.read_text(encoding="utf-8")))
        for path in sorted(PRODUCT.rglob("*.py"))
    )


def test_the_import_contracts_hold() -> None:
    lint = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()"]
    checked = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout


def test_only_the_container_and_the_simulator_commands_import_inside_functions() -> None:
    allowed = {"cli/commands/demo.py", "cli/commands/simulator.py"}

    hidden = {
        name
        for name, module in modules()
        if name != "container.py"
        for function in ast.walk(module)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }

    assert hidden <= allowed


def test_where_every_start_defines_many_values_their_annotations_are_no_texts() -> None:
    # `from __future__ import annotations` makes texts of them, and NamedTuple compiles each: 10 µs a field, at every
    # start (measured).
    lean = {"results.py", "config/model.py", "ports.py"}
    lean |= {f"core/{each}.py" for each in ("health", "outbox", "schedule", "slots")}

    texts = {
        name
        for name, module in modules()
        for node in module.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    }

    assert texts & lean == set()


def clock_reads(module: ast.Module) -> set[str]:
    """What of a module asks for the present moment, under whatever name it imported the clock."""
    return {name for name in names_used(module) if _is_clock_read(name)}


@cache
def names_used(module: ast.Module) -> set[str]:
    """The dotted names of a module's expressions, with its imports resolved."""
    known = {"datetime": "datetime", "date": "date", "pendulum": "pendulum"}
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            known |= {each.asname: each.name for each in node.names if each.asname}
        if isinstance(node, ast.ImportFrom):
            known |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
    return {_full_name(node, known) for node in ast.walk(module)}


def _full_name(node: ast.AST, known: dict[str, str]) -> str:
    """The dotted name of an expression with its imports resolved: `now` may be `pendulum.now`."""
    if isinstance(node, ast.Attribute):
        stem = _full_name(node.value, known)
        return f"{stem}.{node.attr}" if stem else ""
    return known.get(node.id, node.id) if isinstance(node, ast.Name) else ""


def _is_clock_read(name: str) -> bool:
    owner, _, read = name.rpartition(".")
    return (owner.rpartition(".")[2], read) in {
        *product(("datetime", "date", "DateTime"), ("now", "utcnow", "today")),
        *product(("pendulum",), ("now", "today", "tomorrow", "yesterday")),
        *product(("time",), ("time", "time_ns", "localtime", "ctime", "clock_gettime")),
        *product(("_helpers",), ("utcnow",)),
    }


def test_only_the_system_adapter_and_the_simulators_clock_read_the_clock() -> None:
    readers = {name for name, module in modules() if clock_reads(module)}

    assert readers == {"adapters/system.py", "simulator/clock.py"}


def test_only_adapters_and_what_runs_things_at_once_read_a_stopwatch_of_their_own() -> None:
    stopwatches = {"time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.perf_counter_ns"}

    readers = {name for name, module in modules() if names_used(module) & stopwatches}

    assert {each.partition("/")[0] for each in readers} <= {"adapters", "simulator", "run_all.py"}


def test_only_the_container_chooses_the_machines_clock() -> None:
    choosers = {
        name
        for name, module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.Name | ast.alias)
        and "SystemClock" in (getattr(node, "id", ""), getattr(node, "name", ""))
    }

    assert choosers == {"container.py"}


@pytest.mark.parametrize(
    "text",
    [
        "from datetime import UTC, datetime\ndatetime.now(UTC)",
        "import datetime as dt\ndt.datetime.now()",
        "from datetime import date as day\nday.today()",
        "import time\ntime.time()",
        "from time import time\ntime()",
        "import time as clock\nclock.time_ns()",
        "import pendulum\npendulum.now()",
        "from pendulum import today\ntoday()",
        "def f(now=pendulum.now): ...",
    ],
)
def test_a_read_of_the_clock_is_found(text: str) -> None:
    assert clock_reads(ast.parse(text))


@pytest.mark.parametrize(
    "text", ["clock.now()", "self._clock.now()", "time.sleep(1)", "day.is_today", "answer.now"]
)
def test_a_clock_that_was_given_is_no_read_of_it(text: str) -> None:
    assert clock_reads(ast.parse(text)) == set()


TESTS_OF_RUNNING_PROGRAMS = {"acceptance", "bench", "real"}
"""What these start are other processes, which go by the machine's clock."""


def test_no_other_test_reads_the_clock() -> None:
    tests = Path(__file__).parent

    readers = {
        str(path.relative_to(tests))
        for path in tests.rglob("*.py")
        if path.relative_to(tests).parts[0] not in TESTS_OF_RUNNING_PROGRAMS
        if clock_reads(ast.parse(path.read_text(encoding="utf-8")))
    }

    assert readers == set()


def test_a_class_name_stands_for_one_thing() -> None:
    # The simulator counts too, and so do private classes: who searches for a name finds one class.
    places: dict[str, list[str]] = defaultdict(list)

    for name, module in modules():
        for node in ast.walk(module):
            if isinstance(node, ast.ClassDef):
                places[node.name.lstrip("_")].append(name)

    assert {name: files for name, files in places.items() if len(files) > 1} == {}


def folders() -> dict[str, list[Path]]:
    """The modules that stand directly in each folder of the product."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(PRODUCT.rglob("*.py")):
        found[path.parent.relative_to(ROOT).as_posix()].append(path)
    return found


def test_every_folder_says_what_it_holds() -> None:
    silent = {
        folder
        for folder, files in folders().items()
        if not any(
            file.name == "__init__.py" and ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
            for file in files
        )
    }

    assert silent == set()


def test_a_folder_is_read_at_a_glance() -> None:
    assert {folder: len(files) for folder, files in folders().items() if len(files) > 24} == {}


def test_no_document_is_cited_that_is_not_here() -> None:
    here = {path.name for path in texts()}
    cited: dict[str, set[str]] = defaultdict(set)

    for path in texts():
        for name in re.findall(r"\b[A-Z][A-Z0-9_]+\.md\b", path.read_text(encoding="utf-8")):
            cited[name].add(path.relative_to(ROOT).as_posix())

    assert {name: files for name, files in cited.items() if name not in here} == {}


def texts() -> Iterator[Path]:
    """Code, tests, settings and documents of this repository."""
    yield from (path for path in ROOT.iterdir() if path.suffix in {".md", ".toml"})
    for folder in (PRODUCT, ROOT / "tests", ROOT / "completions"):
        yield from (path for path in folder.rglob("*") if path.suffix in {".md", ".py", ".toml", ".txt"})


def test_contributing_names_files_and_what_they_hold() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    places = re.findall(r"`(portalcal/[\w/*]+\.py)`(?::((?:,? `\w+`)+))?", text)

    missing = {
        (path, name)
        for path, names in places
        for name in re.findall(r"\w+", names) or [""]
        if not any(re.search(rf"\b{name}\b", file.read_text("utf-8")) for file in ROOT.glob(path))
    }

    assert len(places) > 30
    assert missing == set()


def test_nothing_prints_but_the_views() -> None:
    printers = {
        name
        for name, module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }

    assert {name for name in printers if not name.startswith("views/")} == set()


def test_every_command_has_a_use_case_of_its_own_name() -> None:
    without_ports = {"demo", "simulator", "schema"}

    assert set(COMMANDS) - without_ports <= set(use_cases_of_the_commands())


def test_what_commands_import_of_a_use_case_has_the_name_of_its_module() -> None:
    nameless = {
        name
        for name, module in use_cases_of_the_commands().items()
        # `BatchLine` is the name of `batch_line`.
        if name.replace("_", "")
        not in {
            node.name.lower().replace("_", "")
            for node in module.body
            if isinstance(node, ast.FunctionDef | ast.ClassDef)
        }
    }

    assert nameless == set()


def use_cases_of_the_commands() -> dict[str, ast.Module]:
    """The modules of `usecases` that `cli` imports, by name."""
    parsed = dict(modules())
    imported = {
        path
        for place, module in parsed.items()
        if place.startswith("cli/")
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("portalcal.usecases")
        for path in _modules_imported(node)
    }
    return {path.rpartition("/")[2].removesuffix(".py"): parsed[path] for path in imported}


def _modules_imported(node: ast.ImportFrom) -> list[str]:
    """The files that `from a.b import c` reads: each `c` that is a module, or else `a/b.py`."""
    stem = (node.module or "").removeprefix("portalcal.").replace(".", "/")
    below = [f"{stem}/{name.name}.py" for name in node.names if (PRODUCT / stem / f"{name.name}.py").exists()]
    return below or [f"{stem}.py"]
