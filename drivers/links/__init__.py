"""Links: everything that opens a socket, a process or a port. Foreign exceptions end here."""
