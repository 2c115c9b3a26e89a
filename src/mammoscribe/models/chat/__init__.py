"""Chat models that see pictures (LLaVA-1.5 and its kin): one contract for all families, strict loading, prompts, answers."""
