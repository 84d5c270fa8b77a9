"""Recomputes the vectors of ibake from the text of SPEC.md, with nothing of the library."""
