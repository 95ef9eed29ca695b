internal import CJansson

extension JSON {
  /// The text, compact, in UTF-8, members in their order.
  package func encoded() -> [UInt8] {
    let root = self.make()
    defer { json_decref(root) }
    var text: [UInt8] = []
    withUnsafeMutablePointer(to: &text) { text in
      _ = json_dump_callback(
        root,
        { chunk, count, context in
          guard let context else { return -1 }
          let bytes = UnsafeRawBufferPointer(start: chunk, count: count)
          context.assumingMemoryBound(to: [UInt8].self).pointee.append(contentsOf: bytes)
          return 0
        }, text, cjansson_encode_flags())
    }
    return text
  }

  private func make() -> UnsafeMutablePointer<json_t>? {
    switch self {
    case .null:
      return json_null()
    case .bool(let flag):
      return flag ? json_true() : json_false()
    case .integer(let number):
      return json_integer(json_int_t(number))
    case .double(let number):
      return number.isFinite ? json_real(number) : json_null()
    case .string(let text):
      var text = text
      return text.withUTF8 { utf8 in
        // The check that the bytes are UTF-8 is done: a Swift string has no others.
        utf8.withMemoryRebound(to: CChar.self) { bytes in
          bytes.baseAddress.map { json_stringn_nocheck($0, bytes.count) } ?? json_string_nocheck("")
        }
      }
    case .array(let elements):
      let array = json_array()
      for element in elements { json_array_append_new(array, element.make()) }
      return array
    case .object(let object):
      let result = json_object()
      for member in object.members { json_object_set_new_nocheck(result, member.name, member.value.make()) }
      return result
    }
  }
}
