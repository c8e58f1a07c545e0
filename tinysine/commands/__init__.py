"""What `tinysine` can be told to do, one module for each group of commands.

Nothing here imports numpy, tensorflow or rich at module level: `tinysine --help` has to be instant.
"""
