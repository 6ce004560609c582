"""Google's OAuth and Calendar endpoints over HTTP."""

from portalcal.adapters.google import deferred_imports

# Before any module of this package imports Google's libraries.
deferred_imports.install()
