"""`python -m mammoscribe`: the command line, where its script is not on the PATH."""

from mammoscribe.cli import main

if __name__ == "__main__":
    main()
