"""The helper process that compresses rotated logs. Nothing else imports it."""
