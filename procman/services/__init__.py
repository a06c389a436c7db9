"""The operations that every front end shares."""
