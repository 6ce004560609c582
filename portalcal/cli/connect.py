"""`portalcal connect`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from portalcal.cli.options import Json
from portalcal.cli.session import Session
from portalcal.cli.when import read_length
from portalcal.errors import Usage
from portalcal.usecases import connect as usecase


class VaultKind(StrEnum):
    """Where secrets can be kept."""

    KEYRING = "keyring"
    FILE = "file"


def connect(
    ctx: typer.Context,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Open nothing; the redirected address can be pasted here.")
    ] = False,
    port: Annotated[
        int,
        typer.Option(
            "--port", metavar="N", min=0, max=65535, help="Listen on this port. Default: any free one."
        ),
    ] = 0,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="D", help="How long to wait for consent.")
    ] = "300s",
    client_secrets: Annotated[
        Path | None,
        typer.Option(
            "--client-secrets", metavar="FILE", help="The Desktop client as downloaded; a copy is kept."
        ),
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", metavar="EMAIL", help="The account that is to give consent.")
    ] = None,
    vault: Annotated[
        VaultKind | None,
        typer.Option(
            "--vault",
            help="Keep secrets in the system's keyring, or in a file sealed with PORTALCAL_VAULT_PASSPHRASE.",
        ),
    ] = None,
    titles: Annotated[
        bool,
        typer.Option(
            "--titles", help="Also ask to see events, so that explanations can name what is in the way."
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Ask again though connected, and allow another account.")
    ] = False,
    json: Json = False,
) -> None:
    """Connect a Google account: consent in the browser, checked, and kept in the keyring or a sealed file.

    [bold]Examples[/bold]

    portalcal connect --client-secrets ~/Downloads/client_secret.json

    portalcal connect --no-browser

    portalcal connect --vault file
    """
    session = Session.of(ctx, as_json=json)
    refuse_without_consent(session, "connect")
    introduction = usecase.Introduction(
        timeout=int(read_length(timeout).total_seconds()),
        port=port,
        open_browser=not no_browser,
        account=account,
        force=force,
        titles=titles,
    )
    session.portal.client_secrets = client_secrets
    session.portal.is_pipe_meant = no_browser
    is_file_configured = session.portal.config.vault == VaultKind.FILE
    session.portal.vault_kind = vault or (VaultKind.FILE if is_file_configured else None)
    session.portal.is_connecting = force or session.invocation.is_interactive
    session.view.zone = session.portal.config.schedule.zone
    answer = usecase.connect(introduction, session.portal)
    if client_secrets and not answer.was_already:
        session.portal.connection_file.keep_client(client_secrets)
    session.view.show(answer)


def refuse_without_consent(session: Session, command: str) -> None:
    """Where no person consented there is nothing to ask for, to replace or to revoke.

    Raises:
        Usage: a token stands in the environment, or a service account in the configuration; it is named.
    """
    if session.portal.acts_for:
        raise Usage(
            f"a service account acts for {session.portal.acts_for} here, so there is nothing to {command}",
            "see whether it works with `portalcal status`; to ask a person for consent instead, take service_account "
            f"out of {session.portal.config.path}",
        )
    for variable in session.portal.token_variables:
        raise Usage(
            f"{variable} is set, so {command} has nothing to do with the keyring", f"unset {variable} first"
        )
