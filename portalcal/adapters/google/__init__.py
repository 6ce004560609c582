"""Google's OAuth and Calendar endpoints over HTTP.

Before any module of this package imports Google's libraries, their parts that no request of ours uses are deferred. They
are a fifth of the CPU time of a command (measured): httplib2's parser of authentication challenges builds a grammar with
pyparsing, google-auth's refresh of regional boundaries loads asyncio. A part is loaded when an attribute of it is first used.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType

DEFERRED = frozenset({"httplib2.auth", "google.auth._regional_access_boundary_utils"})


class _DeferringFinder:
    """Finds the deferred modules where they are, with a loader that runs them at the first access."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in DEFERRED:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


if not any(isinstance(finder, _DeferringFinder) for finder in sys.meta_path):
    sys.meta_path.insert(0, _DeferringFinder())
