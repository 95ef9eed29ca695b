import LinuxIO

/// Connections in the order of their next deadline: a binary heap that knows where each one is.
struct TimerHeap {
  private var heap: [QUICConnection] = []

  // `heap.first` allocates in a debug build, where AllocationTests count.
  var first: QUICConnection? { self.heap.isEmpty ? nil : self.heap[0] }

  /// Sets or moves the deadline of `connection`.
  mutating func set(_ connection: QUICConnection, deadline: MonotonicNanoseconds) {
    if connection.heapIndex < 0 {
      connection.deadline = deadline
      connection.heapIndex = self.heap.count
      self.heap.append(connection)
      self.up(connection.heapIndex)
    } else if connection.deadline != deadline {
      let earlier = deadline < connection.deadline
      connection.deadline = deadline
      if earlier { self.up(connection.heapIndex) } else { self.down(connection.heapIndex) }
    }
  }

  mutating func remove(_ connection: QUICConnection) {
    let index = connection.heapIndex
    guard index >= 0 else { return }
    connection.heapIndex = -1
    let last = self.heap.removeLast()
    if last !== connection {
      self.place(last, at: index)
      self.up(index)
      self.down(last.heapIndex)
    }
  }

  private mutating func place(_ connection: QUICConnection, at index: Int) {
    self.heap[index] = connection
    connection.heapIndex = index
  }

  private mutating func up(_ start: Int) {
    var index = start
    let moving = self.heap[index]
    while index > 0 {
      let parent = (index - 1) / 2
      guard self.heap[parent].deadline > moving.deadline else { break }
      self.place(self.heap[parent], at: index)
      index = parent
    }
    self.place(moving, at: index)
  }

  private mutating func down(_ start: Int) {
    var index = start
    let moving = self.heap[index]
    while true {
      var child = 2 * index + 1
      guard child < self.heap.count else { break }
      if child + 1 < self.heap.count, self.heap[child + 1].deadline < self.heap[child].deadline { child += 1 }
      guard self.heap[child].deadline < moving.deadline else { break }
      self.place(self.heap[child], at: index)
      index = child
    }
    self.place(moving, at: index)
  }
}
