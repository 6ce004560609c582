"""Reconcile the ledger with the calendar: drain the outbox, take over what people changed, remove orphans."""
