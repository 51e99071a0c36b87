"""A cloud on 127.0.0.1, for running and testing the function without the real one."""
