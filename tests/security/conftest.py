"""Masters as in the end-to-end tests, and helpers that act as another user."""
