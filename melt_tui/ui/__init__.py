"""The terminal app: draws what a Timeline answers at the playhead, sends commands to the workbench."""
