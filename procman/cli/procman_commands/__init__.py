"""The commands of `procman`, listed in `table`; their modules are imported when called."""
