print("fednode")
