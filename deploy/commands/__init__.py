"""One module for each command: `add_arguments` says what it takes, `run` does it."""
