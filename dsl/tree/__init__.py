"""The tree of a spec: frozen nodes, walking and rebuilding them, constants and labels."""
