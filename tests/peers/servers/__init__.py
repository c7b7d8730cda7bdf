"""The servers that are compared, and the upstream behind them: each file knows how one of them is configured."""
