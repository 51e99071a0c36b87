"""What is written from the code (`make docs`), and how the function is held to it. Nothing of this
ships.
"""
