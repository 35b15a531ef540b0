import Testing

@testable import PodlingClient

struct ObjectWriterTests {
    private func text(_ body: (inout ObjectWriter) -> Void) -> String {
        var object = ObjectWriter()
        body(&object)
        return String(decoding: object.finish(), as: UTF8.self)
    }

    @Test func leavesOutWhatIsNotThere() {
        let json = text { object in
            object.string("a", nil)
            object.strings("b", [])
            object.pairs("c", [])
            object.int("d", 4)
            object.string("e", "x\"y")
        }
        #expect(json == #"{"d":4,"e":"x\"y"}"#)
    }

    @Test(arguments: [
        ("{}", #"{"op":"x"}"#), (" { } ", #"{"op":"x"}"#), (#"{"a":1}"#, #"{"op":"x","a":1}"#),
        ("{\n  \"a\": \"b\",\r\n  \"c\": {}\n}\n", #"{"op":"x",   "a": "b",    "c": {} }"#),
    ])
    func takesInTheMembersOfAnotherObjectOnOneLine(_ object: String, _ expected: String) {
        let line = PodlingClient.requestLine("x", id: nil, Array(object.utf8))
        #expect(String(decoding: line, as: UTF8.self) == expected)
    }
}
