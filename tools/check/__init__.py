"""The house rules as programs: `./mercato check` runs all of them, `./mercato check sizes imports` those named.

Each check is a function in a file of its own that takes the root of the project and returns its findings. The table
of all checks is in `__main__.py`; each has a test with a planted violation in tests/architecture.
"""
