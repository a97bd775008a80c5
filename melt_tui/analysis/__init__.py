"""What is computed on a recording: summaries for people and programs, tables for other tools."""
