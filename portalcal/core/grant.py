"""What consent gave. `repr` never shows a token."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Access:
    """An access token. `expires_at` is None when its age is unknown."""

    token: str = field(repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """What consent gave."""

    refresh_token: str = field(repr=False)
    access: Access = field(repr=False)
    scopes: frozenset[str]

    def __post_init__(self) -> None:
        if not self.refresh_token:
            raise ValueError("a grant without a refresh token cannot be kept")
