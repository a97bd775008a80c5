"""Progress without a screen: what happens, a line each, on stderr."""


