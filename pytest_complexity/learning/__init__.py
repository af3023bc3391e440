"""Learning what a prompt needs: classifiers, their training, the trained directory, and the router made of it."""
