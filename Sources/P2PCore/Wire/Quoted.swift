/// Foreign text for a message to people: quoted, at most 120 bytes, everything but printable ASCII escaped, so that
/// it can forge neither log lines nor terminal commands.
package func quoted(_ text: String) -> String {
  let sizeMaximum = 120
  var result = "\""
  for (index, scalar) in text.unicodeScalars.enumerated() {
    if index == sizeMaximum {
      result += "…"
      break
    }
    result += scalar.escaped(asASCII: true)
  }
  return result + "\""
}
