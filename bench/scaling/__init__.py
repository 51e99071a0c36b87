"""A discrete-event simulation of callers, instances and the account's quota; `python
bench/scale.py` runs it.
"""
