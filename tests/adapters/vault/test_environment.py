from __future__ import annotations

import json

from portalcal.adapters.vault.environment import EnvVault, variables_set
from portalcal.ports import Secret

BOTH = {"PORTALCAL_REFRESH_TOKEN": "1//refresh", "PORTALCAL_ACCESS_TOKEN": "ya29.access"}


def test_a_refresh_token_is_read_as_it_was_given() -> None:
    assert EnvVault(BOTH).read(Secret.REFRESH_TOKEN) == "1//refresh"


def test_an_access_token_has_the_form_of_a_kept_one_with_its_age_unknown() -> None:
    kept = EnvVault(BOTH).read(Secret.ACCESS_TOKEN)

    assert kept is not None
    assert json.loads(kept) == {"token": "ya29.access", "expires_at": None}


def test_the_line_end_a_shell_left_on_a_secret_is_not_part_of_it() -> None:
    assert EnvVault({"PORTALCAL_REFRESH_TOKEN": "1//refresh\n"}).read(Secret.REFRESH_TOKEN) == "1//refresh"


def test_an_empty_variable_is_no_secret() -> None:
    environ = {"PORTALCAL_REFRESH_TOKEN": "", "PORTALCAL_ACCESS_TOKEN": "  "}

    assert EnvVault(environ).read(Secret.REFRESH_TOKEN) is None
    assert EnvVault(environ).read(Secret.ACCESS_TOKEN) is None
    assert variables_set(environ) == ()


def test_the_variables_that_are_set_can_be_named() -> None:
    assert variables_set(BOTH) == ("PORTALCAL_REFRESH_TOKEN", "PORTALCAL_ACCESS_TOKEN")
    assert variables_set({"PORTALCAL_ACCESS_TOKEN": "ya29.access"}) == ("PORTALCAL_ACCESS_TOKEN",)
    assert variables_set({}) == ()


def test_a_renewed_token_is_used_but_changes_neither_the_environment_nor_another_vault() -> None:
    environ = dict(BOTH)
    vault = EnvVault(environ)

    vault.write(Secret.ACCESS_TOKEN, '{"token": "ya29.renewed", "expires_at": 1}')

    assert vault.read(Secret.ACCESS_TOKEN) == '{"token": "ya29.renewed", "expires_at": 1}'
    assert environ == BOTH
    assert "ya29.access" in (EnvVault(environ).read(Secret.ACCESS_TOKEN) or "")


def test_forgetting_leaves_the_environment_alone() -> None:
    environ = dict(BOTH)

    EnvVault(environ).forget()

    assert environ == BOTH


def test_its_repr_shows_no_secret() -> None:
    assert "refresh" not in repr(EnvVault(BOTH))
