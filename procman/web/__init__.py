"""The status page: a document, its script and its style. From the browser they speak to /v1, and to nothing here."""
