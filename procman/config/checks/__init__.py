"""What is wrong, or suspicious, about a configuration beyond its types."""
