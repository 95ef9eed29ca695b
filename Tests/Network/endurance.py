def soak(n,s): return None
