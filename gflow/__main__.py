"""`python -m gflow` is the same program as `gflow`."""

from gflow.cli import program

if __name__ == "__main__":
    program()
