"""The helper process that posts, against servers that misbehave."""
