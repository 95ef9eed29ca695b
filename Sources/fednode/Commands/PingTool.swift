/// `fednode ping`: answers the exit status.
func ping(_ options: PingOptions) async -> Int32 {
  Terminal.note("fednode: ping is not assembled")
  return 1
}
