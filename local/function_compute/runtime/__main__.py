"""`python -m runtime {fd}`: an instance, told what to do through the socket of that number."""

import sys

from .bootstrap import main

main(int(sys.argv[1]))
