"""The helper process that posts to web hooks. Nothing else imports it, so that the master has no HTTP client in it."""
