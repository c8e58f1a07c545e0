"""Commands of `tinysine`, one module for each group.

Nothing here imports numpy, tensorflow or rich at module level: `tinysine --help` has to be instant.
"""
