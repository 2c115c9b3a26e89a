"""Damaged pictures by the thousand, and whether opening them ever does more than say so in one sentence."""
