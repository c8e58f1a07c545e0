"""`python -m tinysine`: the same as the command `tinysine`."""

from tinysine.cli import main

if __name__ == "__main__":
    main()
