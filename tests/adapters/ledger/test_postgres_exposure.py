"""Whether the traffic to a PostgreSQL server is exposed, and the remedy."""

from __future__ import annotations

import pytest

pytest.importorskip("psycopg")

from portalcal.adapters.ledger.postgres_connection import exposure_on_the_way

REMOTE = ("db.example.com", "192.0.2.7")


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca"])
def test_a_server_elsewhere_that_is_not_verified_is_said_with_what_to_write(mode: str) -> None:
    exposure = exposure_on_the_way(*REMOTE, mode=mode, libpq=160000)

    assert exposure is not None
    assert exposure.detail == (
        f"the server db.example.com is not verified (sslmode {mode}), so that somebody on the way can read and change it"
    )
    assert exposure.hint == (
        "write `sslmode=verify-full&sslrootcert=system` after a ? at the end of the url under [ledger]"
    )


def test_an_older_libpq_needs_the_certificate_of_the_authority() -> None:
    exposure = exposure_on_the_way(*REMOTE, mode="prefer", libpq=150000)

    assert exposure is not None
    assert "sslrootcert=FILE`" in exposure.hint


def test_a_server_that_is_verified_is_no_matter() -> None:
    assert exposure_on_the_way(*REMOTE, mode="verify-full", libpq=160000) is None


@pytest.mark.parametrize(
    ("host", "address"),
    [("/run/postgresql", ""), ("@abstract", ""), ("", ""), ("localhost", "127.0.0.1"), ("localhost", "::1"), ("tunnel", "127.0.0.2")],
)  # fmt: skip
def test_a_server_of_this_machine_is_no_matter(host: str, address: str) -> None:
    assert exposure_on_the_way(host, address, mode="disable", libpq=160000) is None


def test_a_name_that_only_looks_local_is_elsewhere() -> None:
    assert exposure_on_the_way("localhost.example.com", "192.0.2.7", mode="prefer", libpq=160000) is not None
    assert exposure_on_the_way("localhost", "192.0.2.7", mode="prefer", libpq=160000) is not None
