"""`gflow bench`: a flow as it is written against the same flow compiled, each in processes of its own."""
