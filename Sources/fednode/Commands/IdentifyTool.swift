/// `fednode identify`: answers the exit status.
func identify(_ options: IdentifyOptions) async -> Int32 {
  Terminal.note("fednode: identify is not assembled")
  return 1
}
