import Glibc

/// The lines that the generator sends, and the search for the few bytes that it reads.
enum PodlingLines {
    /// Bytes of a submit line without its line feed.
    static let submitBytes = 250
    static let firstID = 100_000_000
    static let runningID: UInt8 = UInt8(ascii: "1")
    static let completedID: UInt8 = UInt8(ascii: "2")

    static let runningHead: StaticString = #"{"op":"status","id":1,"status":"running","taskId":""#
    static let completedHead: StaticString = #"{"op":"status","id":2,"status":"completed","exitCode":0,"taskId":""#
    static let attemptKey: StaticString = #"","attempt":"#
    static let assignHead: StaticString = #"{"ev":"assign","taskId":""#
    static let replyHead: StaticString = #"{"re":"#
    static let okKey: StaticString = #","ok":"#
    static let helloHead: StaticString = #"{"ev":"hello""#
    static let taskIDKey: StaticString = #""taskId":""#

    private static let submitHead = #"{"op":"submit","id":"#

    /// A submit line of `submitBytes` with `firstID`, whose digits stand at `submitIDOffset`.
    static func submitLine() -> String {
        let head = submitHead + String(firstID)
        let body =
            #","name":"resize-image","image":"registry.example/images:1.4","command":["/bin/resize"],"#
            + #""args":["--width","640"],"resources":{"requests":{"cpu":0.01,"memory":"1Mi"}},"env":{"SOURCE":""#
        let tail = #""}}"#
        let padding = submitBytes - head.utf8.count - body.utf8.count - tail.utf8.count
        return head + body + String(repeating: "x", count: max(0, padding)) + tail
    }

    static let submitIDOffset = submitHead.utf8.count
    static let submitIDDigits = String(firstID).utf8.count

    static func hello(worker index: Int, instance: Int32) -> String {
        #"{"op":"hello","id":8,"proto":1,"role":"worker","node":"load-\#(instance)-\#(index)","#
            + #""instance":"i\#(instance)"}"# + "\n"
    }

    static let helloClient = #"{"op":"hello","id":8,"proto":1,"role":"client"}"# + "\n"

    static func register(slots: Int) -> String {
        #"{"op":"register","id":9,"slots":\#(slots),"cpu":1000,"memory":1099511627776}"# + "\n"
    }

    /// Takes the node away again, so that no lease of it runs on in the next measurement.
    static let deregister: StaticString = "{\"op\":\"deregister\",\"id\":4}\n"

    @inline(__always)
    static func starts(_ line: UnsafeRawPointer, _ count: Int, _ text: StaticString) -> Bool {
        count >= text.utf8CodeUnitCount && memcmp(line, text.utf8Start, text.utf8CodeUnitCount) == 0
    }

    /// The bytes between `key` and the next quote, wherever in the line.
    static func value(_ line: UnsafeRawPointer, _ count: Int, after key: StaticString) -> UnsafeRawBufferPointer? {
        let lineEnd = line + count
        var at = line
        while let found = memchr(at, Int32(key.utf8Start.pointee), lineEnd - at) {
            let start = UnsafeRawPointer(found) + key.utf8CodeUnitCount
            at = UnsafeRawPointer(found) + 1
            guard start < lineEnd, memcmp(found, key.utf8Start, key.utf8CodeUnitCount) == 0 else { continue }
            guard let end = memchr(start, Int32(UInt8(ascii: "\"")), lineEnd - start) else { return nil }
            return UnsafeRawBufferPointer(start: start, count: UnsafeRawPointer(end) - start)
        }
        return nil
    }
}
