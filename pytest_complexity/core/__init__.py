"""Records that every stage shares, and the strict readers of files. Imports nothing of the package but `errors`."""
