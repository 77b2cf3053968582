"""`python -m gflow` is the same program as `gflow`."""

from gflow.cli import main

if __name__ == "__main__":
    main()
