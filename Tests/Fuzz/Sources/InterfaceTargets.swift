import GnuTLS
import Jansson
import MicroHTTP

/// What clients of the management interface send.
let interfaceTargets = [
  FuzzTarget("http-target", lengthMax: 1_024) { bytes in
    guard let text = text(bytes) else { return }
    _ = accepted { () throws(HTTPTargetError) in try HTTPTarget(parsing: text) }
  },
  FuzzTarget("json", lengthMax: 1_024) { bytes in
    guard let json = accepted({ () throws(JSONError) in try JSON(decoding: bytes) }) else { return }
    let written = json.encoded()
    let again = own(String(decoding: written, as: UTF8.self)) { () throws(JSONError) in try JSON(decoding: written) }
    hold(again == json, "\(String(decoding: written, as: UTF8.self)) is read back")
  },
  FuzzTarget("base64", lengthMax: 256) { bytes in
    guard let text = text(bytes),
      let decoded = accepted({ () throws(IdentityKeyError) in try base64Decode(text) })
    else { return }
    let again = base64Encode(decoded)
    hold(own(again) { () throws(IdentityKeyError) in try base64Decode(again) } == decoded, "\(again) is read back")
  },
]
