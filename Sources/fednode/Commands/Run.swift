internal import GnuTLS

/// `fednode run`: serves until SIGINT or SIGTERM. Answers the exit status.
func run(_ loaded: LoadedConfiguration, identity: IdentityKey, isNewIdentity: Bool) async -> Int32 {
  Terminal.note("fednode: run is not assembled")
  return 1
}
