internal import P2PHost

// The API itself and the process.

extension MetricsText {
  mutating func api(_ requests: RequestCounter, _ hub: EventHub) {
    self.family(
      "fednode_api_requests_total", .counter,
      "Requests to this API that were answered, by the path as the specification has it and class of status.",
      requests.answers.flatMap { operation, counts in
        zip(RequestCounter.Answers.classes, counts).map { status, count in
          ([("method", operation.method), ("route", operation.route), ("status", status)], Double(count))
        }
      })
    self.histogram(
      "fednode_api_request_duration_seconds", "From a whole request to the beginning of its answer.",
      [([], requests.duration)])
    let figures = hub.figures
    self.family("fednode_api_event_readers", .gauge, "Clients that follow the events.", Double(figures.readers))
    self.family(
      "fednode_api_events_remembered", .gauge, "Events that a client can still resume from.", Double(figures.remembered)
    )
    self.family(
      "fednode_api_event_resets_total", .counter, "Times that a client was too slow for the events.",
      Double(figures.resets))
  }

  /// - Parameter startedAt: milliseconds since the Unix epoch; nil where the node does not answer.
  mutating func process(_ process: ProcessFigures, version: String, startedAt: Int64?) {
    self.family(
      "fednode_build_info", .gauge, "Constant 1 with the version in its label.", [([("version", version)], 1)])
    self.family("process_cpu_seconds_total", .counter, "Processor time used, user and system.", process.cpuSeconds)
    for (name, help, value) in [
      ("process_resident_memory_bytes", "Resident memory.", process.residentBytes.map { Double($0) }),
      ("process_virtual_memory_bytes", "Virtual memory.", process.virtualBytes.map { Double($0) }),
      ("process_open_fds", "Files and sockets that are open.", process.openDescriptors.map { Double($0) }),
      ("process_max_fds", "Files and sockets that may be open.", process.descriptorsMax.map { Double($0) }),
      (
        "process_start_time_seconds", "Start of the node in seconds since the Unix epoch.",
        startedAt.map { Double($0) / 1_000 }
      ),
    ] {
      if let value { self.family(name, .gauge, help, value) }
    }
  }
}
