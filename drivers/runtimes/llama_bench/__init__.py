"""llama-bench: rows of JSON as its tests end, each repetition a turn of its own."""
