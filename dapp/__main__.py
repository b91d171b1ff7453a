"""`python -m dapp`: the same as `quorate`."""

from dapp.cli import main

if __name__ == "__main__":
    main()
