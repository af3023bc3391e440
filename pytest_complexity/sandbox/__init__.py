"""Code and its tests go in, a verdict comes out. Knows neither models nor labels nor pytest."""
