internal import Jansson
internal import MicroHTTP

/// One page of a list: `{items, total, next_cursor}`.
enum Page {
  /// Items of one page at most, and when nothing is said.
  static let limitMax = 1_000
  static let limitDefault = 100

  static let parameters = ["limit", "cursor"]

  /// `items` are sorted by `key`, which is unique; a cursor is the key of the last item of the page before.
  static func make<Item, Key: Comparable>(
    _ items: [Item], _ context: RequestContext, key: (Item) -> Key, read: (String) -> Key?, write: (Key) -> String,
    render: (Item) -> JSON
  ) throws(Problem) -> JSON {
    let (page, next) = try Self.part(of: items, context, key: key, read: read, write: write)
    return ["items": .array(page.map(render)), "total": JSON(items.count), "next_cursor": JSON(next)]
  }

  /// What stands on the page that is asked for, and the cursor of the next one.
  static func part<Item, Key: Comparable>(
    of items: [Item], _ context: RequestContext, key: (Item) -> Key, read: (String) -> Key?, write: (Key) -> String
  ) throws(Problem) -> (items: ArraySlice<Item>, next: String?) {
    let limit = try Self.limit(context)
    var rest = items[...]
    if let last = try Self.cursor(context, read: read) { rest = rest.drop { key($0) <= last } }
    let page = rest.prefix(limit)
    return (page, page.count < rest.count ? page.last.map { write(key($0)) } : nil)
  }

  static func limit(_ context: RequestContext) throws(Problem) -> Int {
    try context.integer("limit", in: 1...Self.limitMax, default: Self.limitDefault)
  }

  /// Nil for the first page.
  static func cursor<Key>(_ context: RequestContext, read: (String) -> Key?) throws(Problem) -> Key? {
    guard let cursor = try context.value("cursor") else { return nil }
    guard let key = read(cursor) else {
      throw Problem(.invalidCursor, "\(quoted(cursor)) is no cursor of this list; give one that next_cursor had")
    }
    return key
  }

  /// Items of a page that is made as a whole.
  private static let wholeMax = 100

  static func answer<Item: JSONWritable & Sendable>(_ items: [Item], total: Int, next: String?) -> HTTPResponse {
    let start = Array("{\"items\":[".utf8)
    // Of an object that has nothing before it but the items.
    let rest = JSONWriter.text(terminator: UInt8(ascii: "\n")) { json in
      json.object { json in
        json.member("total", JSON(total))
        json.member("next_cursor", JSON(next))
      }
    }
    let end = Array("],".utf8) + rest.dropFirst()
    let headers = HTTPHeaders([("Content-Type", MediaType.header(MediaType.json))])
    if items.count > Self.wholeMax {
      return HTTPResponse(status: 200, headers: headers, stream: HTTPStream(PageStream(items, start: start, end: end)))
    }
    let whole = JSONWriter.text { json in json.array { json in for item in items { item.write(to: &json) } } }
    return HTTPResponse(status: 200, headers: headers, body: start + whole.dropFirst().dropLast() + end)
  }
}
