import HTTPTypes
import Hummingbird
import NIOCore
import PodlingProtocol

/// Builds a short JSON text.
func jsonBytes(_ build: (inout JSONWriter) -> Void) -> [UInt8] {
    var writer = JSONWriter(capacityBytes: 256)
    build(&writer)
    return writer.withUnsafeBytes { Array($0) }
}

extension JSONWriter {
    /// Ends the object that is a whole body: a terminal shows the prompt on a line of its own.
    mutating func endBody() {
        endObject()
        byte(UInt8(ascii: "\n"))
    }
}

extension Response {
    /// Makes a JSON response. `nosniff` and `no-store` keep browsers from guessing its type and from caching it.
    static func json(_ body: [UInt8], status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        json(ResponseBody(byteBuffer: ByteBuffer(bytes: body)), status: status, headers: headers)
    }

    static func json(_ body: ResponseBody, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        headers[.cacheControl] = "no-store"
        headers[.xContentTypeOptions] = "nosniff"
        return Response(status: status, headers: headers, body: body)
    }
}
