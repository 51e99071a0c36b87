"""`python -m local`; local/command_line.py is the command line."""

import signal
import sys

if __name__ == "__main__":
    # The imports take a while: Ctrl-C ends them, and the end of the process, without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from local.command_line import main

    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = main()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(code)
