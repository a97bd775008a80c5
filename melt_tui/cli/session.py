"""The verbs that open a session: the bench, demo, watch, run, replay; with a screen or without."""


