"""One file a command: gather, decide, apply. They know ports, never what stands behind them."""
