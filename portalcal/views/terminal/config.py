"""Terminal pages of `config`: where the file is, every key with its value and origin. Values are shown as TOML has them."""

from __future__ import annotations

import json
import re
import shlex

from rich.console import Group, RenderableType
from rich.text import Text

from portalcal import results
from portalcal.config.model import Origin, Setting
from portalcal.sanitize import sanitize
from portalcal.views.terminal.layout import DefinitionList, columns


def place(answer: results.ConfigPlace, *, program: str) -> RenderableType:
    """Where the configuration is; if there is none, how to begin one."""
    headline = _headline(answer)
    if answer.exists:
        # Alone, a text would lose that it is not to be broken.
        return Group(headline)
    file = shlex.quote(answer.path)
    lines = ["There is no such file, so the defaults apply. To begin one:", ""]
    if not answer.folder_exists:
        lines.append(f"  mkdir -p {shlex.quote(answer.path.rpartition('/')[0])}")
    lines.append(f"  {program} config --example > {file}")
    return Group(headline, "", *(_unbroken(sanitize(line)) for line in lines))


def _headline(answer: results.ConfigPlace) -> Text:
    named_by = f" (named by {answer.named_by})" if answer.named_by else ""
    return _unbroken((sanitize(answer.path), "bold"), (named_by, "dim"))


def _unbroken(*parts: tuple[str, str] | str) -> Text:
    """One line, however long a path is, so that it can be copied."""
    return Text.assemble(*parts, no_wrap=True, overflow="ignore")


def shown(answer: results.ConfigShown) -> RenderableType:
    """Every key under its table, with its value and where that comes from."""
    pages: list[RenderableType] = [_headline(answer.place)]
    if not answer.place.exists:
        pages.append(Text("There is no such file, so the defaults apply."))
    pages.append(Text.assemble(("workspace ", "dim"), sanitize(answer.workspace)))
    tables: dict[str, list[Setting]] = {}
    for setting in answer.settings:
        tables.setdefault(_table_and_name(setting.key)[0], []).append(setting)
    for name, settings in tables.items():
        pages += ["", Text(f"[{sanitize(name)}]", style="bold")] if name else [""]
        pages.append(_settings(settings))
    if answer.variables:
        rows = [
            (sanitize(key), sanitize(value) if value is not None else "set; not shown")
            for key, value in answer.variables
        ]
        pages += ["", Text("environment", style="bold"), DefinitionList(rows)]
    return Group(*pages)


def _table_and_name(key: str) -> tuple[str, str]:
    """A dotted key, split at its last dot; two of them join dates in the name of an exception."""
    *tables, name = _DOT.split(key)
    return ".".join(tables), name


_DOT = re.compile(r"(?<!\.)\.(?!\.)")


def _settings(settings: list[Setting]) -> RenderableType:
    page = columns("", "", "")
    page.show_header = False
    for setting in settings:
        is_default = setting.origin is Origin.DEFAULT
        key = Text("  " + sanitize(_table_and_name(setting.key)[1]), style="dim")
        page.add_row(
            key, Text(_as_toml(setting.value)), Text(_origin(setting), style="dim" if is_default else "green")
        )
    return page


def _as_toml(value: object) -> str:
    # A JSON string, number or list of these is TOML as well.
    return "-" if value is None else sanitize(json.dumps(value, ensure_ascii=False))


def _origin(setting: Setting) -> str:
    if setting.origin is not Origin.FILE:
        return setting.variable or setting.origin.value
    line = f"line {setting.line}" if setting.line else "file"
    table, key = _table_and_name(setting.key)
    holder = setting.written_as or setting.key
    if holder == setting.key:
        return line
    if holder.endswith(f".{key}"):
        holder = f"[{holder.removesuffix(f'.{key}')}]"
    elif holder.endswith(table):
        # A weekday that is closed because the table names others.
        holder = f"[{holder}]"
    return f"{line}, {sanitize(holder)}"


def checked(answer: results.ConfigChecked) -> RenderableType:
    """That a file has no problems, and what it was checked for."""
    tables = (
        f", with its tables for {', '.join(map(sanitize, answer.workspaces))}" if answer.workspaces else ""
    )
    return Group(_unbroken((sanitize(answer.path), "bold"), f": no problems{tables}"))
