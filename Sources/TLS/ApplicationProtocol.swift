/// What is spoken inside TLS (ALPN, RFC 7301); a peer that does not name it speaks another protocol.
let applicationProtocol = "podling/1"
