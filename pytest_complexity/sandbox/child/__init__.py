"""The programs that run outside pytest's process; `boot.py` starts each.

They import the standard library only.
"""
