"""Use cases, one per command: gather, decide, apply. They call ports and never import an adapter."""
