"""From tree to IR to plan."""
