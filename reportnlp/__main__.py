"""`python -m reportnlp` is the `reportnlp` command."""

from reportnlp.cli import main

if __name__ == "__main__":
    main()
