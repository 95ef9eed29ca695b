import Testing

@testable import LinuxIO

@Suite struct ChangeDebounceTests {
  private static let millisecond: UInt64 = 1_000_000

  /// When notices are given, in ms, for changes at these times and a turn each ms.
  private func notices(_ changes: Set<Int>, until end: Int = 10_000) -> [Int] {
    var debounce = ChangeDebounce()
    var notices: [Int] = []
    for time in 0..<end {
      let now = UInt64(time) * Self.millisecond + 5
      if changes.contains(time) { debounce.note(now: now) }
      if debounce.take(now: now) { notices.append(time) }
    }
    return notices
  }

  @Test("a burst is one notice, half a second after it began")
  func burst() {
    #expect(self.notices([100]) == [600])
    #expect(self.notices([100, 110, 350, 599]) == [600])
    #expect(self.notices([]) == [])
  }

  @Test("what comes after a notice waits until a second after it")
  func gap() {
    #expect(self.notices([100, 601]) == [600, 1_600])
    #expect(self.notices([100, 1_300]) == [600, 1_800])
    #expect(self.notices([100, 5_000]) == [600, 5_500])
  }

  @Test("a flood is one notice a second and never none")
  func flood() {
    let notices = self.notices(Set(0..<10_000))
    #expect(notices == Array(stride(from: 500, to: 10_000, by: 1_000)))
  }

  @Test("the deadline says when to come back")
  func deadline() {
    var debounce = ChangeDebounce()
    #expect(debounce.deadline == .max)
    debounce.note(now: 7)
    #expect(debounce.deadline == 7 + ChangeDebounce.delayNanoseconds)
    let deadline = debounce.deadline
    let early = debounce.take(now: deadline - 1)
    let onTime = debounce.take(now: deadline)
    #expect(!early && onTime)
    #expect(debounce.deadline == .max)
  }
}

@Suite struct NetworkWatchTests {
  @Test("a watch needs no privilege and begins with what there is")
  func open() throws {
    let watch = try NetworkWatch { _ in }
    let all = try InterfaceAddress.all()
    #expect(Set(watch.interfaces) == Set(all))
  }

  @Test("IPv6 addresses that cannot be bound yet are known by their flags, on their interface only")
  func tentative() throws {
    let tentative = TentativeAddresses(
      contents: """
        20010db8000000000000000000000001 02 40 00 40     eth0
        20010db8000000000000000000000002 02 40 00 c0     eth0
        20010db8000000000000000000000003 02 40 00 80     eth0
        20010db8000000000000000000000004 02 40 00 44     eth0
        20010db8000000000000000000000005 02 40 00 88     eth0
        20010db800000000000000000000000x 02 40 00 40     eth0
        20010db8 02 40 00 40 eth0
        zz 02

        """)
    func contains(_ last: UInt8, _ interface: String = "eth0") -> Bool {
      let address = [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [last]
      return tentative.contains(
        InterfaceAddress(interface: interface, address: SocketAddress(address: address, port: 0)!))
    }
    #expect((1...6).map { contains($0) } == [true, true, false, false, true, false])
    #expect(!contains(1, "eth1"))
  }

  @Test("what is gone is what no interface has any more")
  func gone() {
    func item(_ interface: String, _ last: UInt8) -> InterfaceAddress {
      InterfaceAddress(interface: interface, address: SocketAddress(address: [192, 0, 2, last], port: 0)!)
    }
    let change = NetworkChange(
      before: [item("a", 1), item("a", 2), item("b", 3)], after: [item("b", 2), item("b", 3), item("b", 4)])
    #expect(change.gone == [item("a", 1).address])
  }
}
