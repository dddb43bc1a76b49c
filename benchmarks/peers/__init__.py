"""Other programs that do a part of the same work, started to be measured beside ours in the same run."""
