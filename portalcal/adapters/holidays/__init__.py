"""Holidays of countries and regions, from the library `holidays`; those of a company, from an iCalendar file; their cache."""
