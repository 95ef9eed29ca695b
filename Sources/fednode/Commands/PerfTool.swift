/// `fednode perf`: answers the exit status.
func perf(_ options: PerfOptions) async -> Int32 {
  Terminal.note("fednode: perf is not assembled")
  return 1
}
