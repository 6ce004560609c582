"""The house stands as it is drawn: layers, purity, where the clock is read, where imports hide."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PRODUCT = ROOT / "portalcal"


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PRODUCT.rglob("*.py")):
        yield str(path.relative_to(PRODUCT)), ast.parse(path.read_text(encoding="utf-8"))


def test_the_import_contracts_hold() -> None:
    lint = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()"]
    checked = subprocess.run(lint, cwd=ROOT, capture_output=True, text=True, check=False)

    assert checked.returncode == 0, checked.stdout


def test_only_the_wiring_and_the_simulator_commands_import_inside_functions() -> None:
    allowed = {"cli/demo.py", "cli/simulator.py"}

    hidden = {
        name
        for name, module in modules()
        if not name.startswith("wiring/")
        for function in ast.walk(module)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }

    assert hidden <= allowed


def test_where_every_start_defines_many_values_their_annotations_are_no_texts() -> None:
    # `from __future__ import annotations` makes texts of them, and NamedTuple compiles each: 10 µs a field, at every
    # start (measured).
    lean = {"answers.py", "config.py", "ports.py"}
    lean |= {f"core/{each}.py" for each in ("diagnosis", "errands", "schedule", "slots")}

    texts = {
        name
        for name, module in modules()
        for node in module.body
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    }

    assert texts & lean == set()


def test_only_the_system_adapter_reads_the_clock() -> None:
    readers = {
        name
        for name, module in modules()
        if not name.startswith("simulator/")
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"}
        if isinstance(node.value, ast.Name) and node.value.id in {"datetime", "date"}
    }

    assert readers == {"adapters/system.py"}


def test_nothing_prints_but_the_views() -> None:
    printers = {
        name
        for name, module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }

    assert {name for name in printers if not name.startswith("views/")} == set()


def test_every_use_case_has_one_public_function_of_its_own_name() -> None:
    commands = {"availability", "book", "bookings", "calendars", "cancel", "connect", "deliver", "disconnect"}
    commands |= {"explain", "reschedule", "status", "sync"}

    for name in commands:
        module = ast.parse((PRODUCT / "usecases" / f"{name}.py").read_text(encoding="utf-8"))
        functions = {node.name for node in module.body if isinstance(node, ast.FunctionDef)}
        assert name in functions
