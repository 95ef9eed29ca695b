def load(n,b): return None
def simultaneous(n): return None
