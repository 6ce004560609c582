"""The key of a service account, as Google's console would hand it out, known to a simulator."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from portalcal.core.permissions import scopes_to_ask
from portalcal.simulator.google import Simulator

EMAIL = "portal@scheduling.iam.gserviceaccount.com"


@cache
def a_private_key(number: int = 0) -> rsa.RSAPrivateKey:
    """A key, made once a run: that takes a tenth of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: rsa.RSAPrivateKey) -> str:
    """As it stands in the file."""
    no_password = serialization.NoEncryption()
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_password
    ).decode()


def hand_out(google: Simulator, path: Path, *, delegated: tuple[str, ...] = scopes_to_ask()) -> Path:
    """Make a service account with its key in a file."""
    key = a_private_key()
    numbers = key.public_key().public_numbers()
    account = google.add_service_account(EMAIL, modulus=numbers.n, exponent=numbers.e, delegated=delegated)
    document = {
        "type": "service_account",
        "project_id": "scheduling",
        "private_key_id": "0123456789abcdef",
        "private_key": pem(key),
        "client_email": EMAIL,
        "client_id": account.client.id,
        "auth_uri": f"{google.url}/o/oauth2/auth",
        "token_uri": f"{google.url}/token",
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    return path
