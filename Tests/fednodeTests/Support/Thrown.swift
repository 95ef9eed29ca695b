/// What `body` throws; nil when that is nothing, or something else.
func thrown<Failure: Error>(_ type: Failure.Type, _ body: () throws -> Any) -> Failure? {
  do {
    _ = try body()
    return nil
  } catch {
    return error as? Failure
  }
}
