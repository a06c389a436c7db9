"""The helper process that watches files; the master imports none of it."""
