"""The helper process that watches files."""
