"""Apps on iPhones that speak our protocol, or print as LLMFarmEval does."""
