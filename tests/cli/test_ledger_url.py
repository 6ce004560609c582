"""A ledger on a server, where this machine lacks what talks to one."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.cli.conftest import Shell

_WITHOUT_PSYCOPG = """
import sys
sys.modules["psycopg"] = None
from portalcal.__main__ import main
sys.argv[0] = "portalcal"
main()
"""


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_without_psycopg_the_way_to_get_it_is_told(portalcal: Shell, scheme: str) -> None:
    portalcal.configure(f'[ledger]\nurl = "{scheme}://ana:geheim@db.example.com/portal"\n')

    ran = subprocess.run(
        [sys.executable, "-c", _WITHOUT_PSYCOPG, "bookings", "--json"],
        env=os.environ | portalcal.environ, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip

    assert ran.returncode == 3
    error = json.loads(ran.stderr)["error"]
    assert error["code"] == "ledger-unusable"
    assert error["message"] == (
        "the ledger on a PostgreSQL server cannot be used: psycopg is not installed here. Nothing was changed."
    )
    assert error["hint"] == "run `pip install 'portalcal[postgres]'`"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ana:ge/heim@db.example.com/portal",
        "postgresql://ana:ge@heim@db.example.com/portal",
        "postgresql://ana:12/heim@db.example.com/portal",
        "postgresql://ana:heim@db.example.com/portal?sslmod=x",
    ],
)
def test_a_url_that_is_not_understood_is_not_quoted(portalcal: Shell, url: str) -> None:
    pytest.importorskip("psycopg")
    portalcal.configure(f'[ledger]\nurl = "{url}"\n')

    told, found = portalcal("--verbose", "bookings"), portalcal("status", "--offline")

    assert told.exit == 3
    for said in (told.err, found.out):
        assert "its url is not understood" in said
        assert "heim" not in said
