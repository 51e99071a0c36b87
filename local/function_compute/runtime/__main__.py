"""`python -m runtime {fd} {lifeline}`: an instance, told what to do through the socket of the
first number; it ends with the pipe of the second.
"""

import sys

from .bootstrap import main

main(int(sys.argv[1]), int(sys.argv[2]))
