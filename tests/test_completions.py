"""The files that completion rests on are as generated; `python -m tests.test_completions` writes them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer import _click as click
from typer.main import get_command
from typer.models import TyperPath

from portalcal.cli.app import COMMANDS, app
from portalcal.cli.completion import GRAMMAR, SUGGESTIONS, CommandGrammar, Grammar, Option
from portalcal.cli.completion_scripts import SCRIPTS

FOLDER = Path(__file__).parent.parent / "completions"
FILES = {
    "bash": "portalcal.bash",
    "zsh": "_portalcal",
    "fish": "portalcal.fish",
    "powershell": "portalcal.ps1",
}
_MARKUP = re.compile(r"\[/?bold\]|\\(?=\[)")


def grammar() -> Grammar:
    """What may be typed, as Typer knows it."""
    group: Any = get_command(app)
    ctx = click.Context(group, info_name="portalcal")
    commands = {}
    for name, entry in COMMANDS.items():
        loaded = group.get_command(ctx, name).loaded()
        commands[name] = of_command(loaded, help_text=entry.help)
    return {"program": of_command(group, help_text=""), "commands": commands}


def of_command(command: Any, *, help_text: str) -> CommandGrammar:
    context = click.Context(command)
    parameters = [each for each in command.get_params(context) if not getattr(each, "hidden", False)]
    return {
        "help": help_text,
        "options": [of_parameter(each) for each in parameters if each.param_type_name == "option"],
        "arguments": [of_parameter(each) for each in parameters if each.param_type_name == "argument"],
    }


def of_parameter(parameter: Any) -> Option:
    is_option = parameter.param_type_name == "option"
    is_path = isinstance(parameter.type, TyperPath) or parameter.metavar == "FILE"
    return {
        "names": sorted([*parameter.opts, *parameter.secondary_opts], key=len, reverse=True)
        if is_option
        else [parameter.name],
        "takes_value": not (is_option and (parameter.is_flag or parameter.count)),
        "is_repeatable": bool(parameter.multiple) if is_option else parameter.nargs == -1,
        "values": [str(getattr(each, "value", each)) for each in getattr(parameter.type, "choices", ())],
        "completes": "folders" if parameter.metavar == "DIR" else "files" if is_path else None,
        "help": _MARKUP.sub("", " ".join((getattr(parameter, "help", None) or "").split())),
    }


def as_text(made: Grammar) -> str:
    """With a line for each option, so that two changes meet as seldom as may be."""
    commands = ",\n".join(f"{json.dumps(name)}: {_lines(each)}" for name, each in made["commands"].items())
    return f'{{"program": {_lines(made["program"])},\n"commands": {{\n{commands}\n}}}}\n'


def _lines(command: CommandGrammar) -> str:
    options, arguments = (
        "".join(f"\n {json.dumps(each, ensure_ascii=False)}," for each in each_kind).rstrip(",")
        for each_kind in (command["options"], command["arguments"])
    )
    help_text = json.dumps(command["help"], ensure_ascii=False)
    return f'{{"help": {help_text}, "options": [{options}], "arguments": [{arguments}]}}'


def test_the_grammar_is_as_generated() -> None:
    assert json.loads(GRAMMAR.read_text(encoding="utf-8")) == grammar(), (
        "run: python -m tests.test_completions"
    )


def test_every_suggestion_is_for_something_that_may_be_typed() -> None:
    made = grammar()
    parts = {"": made["program"], **{f"{name} ": each for name, each in made["commands"].items()}}
    names = {
        name
        for command, each in parts.items()
        for option in (*each["options"], *each["arguments"])
        for plain in option["names"]
        for name in (plain, command + plain)
    }

    assert set(SUGGESTIONS) <= names


@pytest.mark.parametrize("shell", FILES)
def test_a_completion_script_is_as_generated(shell: str) -> None:
    assert (FOLDER / FILES[shell]).read_text(encoding="utf-8") == SCRIPTS[shell]


def test_nothing_else_lies_there() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(FILES.values())


@pytest.mark.parametrize("shell", FILES)
def test_no_script_evaluates_what_it_is_given(shell: str) -> None:
    assert not re.search(r"\beval\b|Invoke-Expression|_arguments", SCRIPTS[shell])


if __name__ == "__main__":
    GRAMMAR.write_text(as_text(grammar()), encoding="utf-8")
    for name, file in FILES.items():
        (FOLDER / file).write_text(SCRIPTS[name], encoding="utf-8")
