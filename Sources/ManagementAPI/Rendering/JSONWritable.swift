internal import Jansson

/// What long lists are made of: written without a tree of values before it.
protocol JSONWritable {
  func write(to json: inout JSONWriter)
}

extension JSONWriter {
  mutating func member(_ name: StaticString, _ value: (some JSONWritable)?) {
    self.name(name)
    if let value { value.write(to: &self) } else { self.put(.null) }
  }

  mutating func member(_ name: StaticString, _ values: [some JSONWritable]) {
    self.name(name)
    self.array { json in for index in values.indices { values[index].write(to: &json) } }
  }

  mutating func member(_ name: StaticString, _ texts: [String]) {
    self.name(name)
    self.array { json in for text in texts { json.put(.string(text)) } }
  }

  /// A time in milliseconds since the Unix epoch; 0 is unknown, as the transport has it.
  mutating func member(_ name: StaticString, time: Int64?) {
    self.name(name)
    guard let time, time > 0 else { return self.put(.null) }
    self.plainString(Timestamp.textBytes) { Timestamp.write(time, to: $0) }
  }
}
