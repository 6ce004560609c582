"""The completion scripts in `completions/` are what Typer generates; `python -m tests.test_completions` writes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer._completion_shared import get_completion_script

FOLDER = Path(__file__).parent.parent / "completions"
FILES = {
    "bash": "portalcal.bash",
    "zsh": "_portalcal",
    "fish": "portalcal.fish",
    "powershell": "portalcal.ps1",
}


_AT_THE_FIRST_TAB = """if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _portalcal_completion "$@"
else
  {register}
fi"""


def script(shell: str) -> str:
    made = get_completion_script(prog_name="portalcal", complete_var="_PORTALCAL_COMPLETE", shell=shell)
    made = made.rstrip() + "\n"
    if shell == "zsh":
        *lines, register = made.splitlines()
        # Found on fpath, the file is loaded by the first tab, which Typer's would only register with and then lose.
        made = "\n".join([*lines, _AT_THE_FIRST_TAB.format(register=register)]) + "\n"
    return made


@pytest.mark.parametrize("shell", FILES)
def test_a_completion_script_is_as_generated(shell: str) -> None:
    assert (FOLDER / FILES[shell]).read_text(encoding="utf-8") == script(shell)


def test_nothing_else_lies_there() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(FILES.values())


if __name__ == "__main__":
    for name, file in FILES.items():
        (FOLDER / file).write_text(script(name), encoding="utf-8")
