"""Cron expressions in a time zone; only these modules know cronsim."""
