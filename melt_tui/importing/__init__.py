"""Taking in what other tools measured: their files become a recording like any other, marked as imported.

What a source does not tell is None with a reason, never 0 and never made up. Nothing half is left behind: a recording is
there when it is whole.
"""
