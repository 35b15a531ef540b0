import PodlingProtocol
import Testing

/// Values that are equal in content, however they are written.
@Suite struct JSONContentTests {
    @Test(arguments: [
        (#"{"a":1}"#, #"{ "a" : 1 }"#, true), (#"{"a":1}"#, #"{"a":1.0}"#, true), (#"{"a":1}"#, #"{"a":1e0}"#, true),
        (#"{"a":1}"#, #"{"a":"1"}"#, false), (#"{"a":1}"#, #"{"a":2}"#, false), (#"{"a":0.5}"#, #"{"a":5e-1}"#, true),
        (#"{"a":9007199254740991}"#, #"{"a":9007199254740990}"#, false),
        (#"{"a":"ä\n"}"#, #"{"\u0061":"\u00e4\u000a"}"#, true), (#"{"a":"é"}"#, #"{"a":"e\u0301"}"#, false),
        (#"{"a":1,"b":2}"#, #"{"b":2,"a":1}"#, true), (#"{"a":1}"#, #"{"a":1,"b":null}"#, false),
        (#"{"a":1,"b":1}"#, #"{"a":1,"c":1}"#, false), (#"{"a":[1,2]}"#, #"{"a":[2,1]}"#, false),
        (#"{"a":[1]}"#, #"{"a":[1,1]}"#, false), (#"{"a":[]}"#, #"{"a":{}}"#, false),
        (#"{"a":true}"#, #"{"a":false}"#, false), (#"{"a":null}"#, #"{"a":null}"#, true),
        (#"{"a":{"b":[{"c":"d"}]}}"#, #"{"a":{"b":[{"c":"e"}]}}"#, false),
    ]) func sameness(one: String, other: String, isSame: Bool) throws {
        var readers = [one, other].map { Array($0.utf8) }
        for _ in 0..<2 {
            var first = JSONReader()
            var second = JSONReader()
            let found = try readers[0].withUnsafeBytes { one in
                try readers[1].withUnsafeBytes { other in
                    try first.parse(one).root.hasContent(of: second.parse(other).root)
                }
            }
            #expect(found == isSame)
            readers.swapAt(0, 1)
        }
    }
}
