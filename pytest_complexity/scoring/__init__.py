"""How right, how dear and how sure: models, policies, and what routing is worth."""
