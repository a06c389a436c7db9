"""The JSON interface under /v1; what its endpoints take and give is in `api.shapes`. Nothing is decided here."""
