"""Book, reschedule and cancel. A write has four beats: precheck, hold in the ledger, put at Google, confirm."""
