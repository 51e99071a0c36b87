"""Events: one adapter a source, all of them ending at the same command as HTTP."""
