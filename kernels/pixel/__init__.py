"""The pixel language: pictures as expressions, computed in one pass over memory.

An op on pixels is a Python function over `Picture`s (`picture.py`). Calling it computes nothing: it builds a
graph. `realize.py` computes one, by generated C (`c_source.py`) or, where there is no compiler, in NumPy
(`reference.py`). `stages.py` decides what is held in memory and in what order rows are made.
"""
