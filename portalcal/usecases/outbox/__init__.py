"""Calls owed to Google: run due entries, attempt each under a lease, check for conflicts after a write.

An entry is written in the ledger transaction that causes it. `put`, `move` and `remove` are the three tasks; each of
them may be repeated after a crash or a lost reply.
"""
