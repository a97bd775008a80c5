"""llama.cpp's programs for a terminal: llama-completion, llama-cli of every generation, main. One process a turn."""
