"""The durable record of bookings, claims and outbox, in SQLite or PostgreSQL."""
