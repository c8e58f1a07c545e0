"""Campaigns that prove what docs/trust.md says: many seeded cases, run where the product runs."""
