"""What runs inside an instance: standard library only, since nothing but the function's package may
be on its path.
"""
