"""Find the cheapest model that gets each task right, and prove that routing to it pays."""
