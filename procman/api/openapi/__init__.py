"""Which endpoints /v1 has, what each takes and gives, and the OpenAPI document of that."""
