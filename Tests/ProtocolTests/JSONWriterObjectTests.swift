import PodlingProtocol
import Testing

@Suite struct JSONWriterObjectTests {
    @Test func anObjectHasItsMembersInOrder() {
        let object = written { writer in
            writer.beginObject("count", -3)
            writer.member("text", "a \"b\"")
            writer.member("isOn", false)
            writer.member("state", word: "on")
            writer.member("at", milliseconds: 1)
            writer.member("none", ifAny: String?.none)
            writer.member("some", ifAny: 4 as Int?)
            writer.key("spec")
            writer.object(ofMembers: Array(#""a":1"#.utf8))
            writer.endObject()
        }
        let expected =
            #"{"count":-3,"text":"a \"b\"","isOn":false,"state":"on","at":"1970-01-01T00:00:00.001Z","some":4,"#
            + #""spec":{"a":1}}"#
        #expect(object == expected)
    }

    @Test func anArrayHasCommasBetweenItsElements() {
        let object = written { writer in
            writer.beginObject("ev", word: "x")
            writer.key("list")
            writer.beginArray()
            for position in 0..<3 {
                writer.comma(before: position)
                writer.int(position)
            }
            writer.endArray()
            writer.endObject()
        }
        #expect(object == #"{"ev":"x","list":[0,1,2]}"#)
    }

    /// The buffer grows in the middle of a member as it does anywhere else.
    @Test func membersGrowTheBuffer() {
        var writer = JSONWriter(capacityBytes: 64)
        writer.beginObject("first", word: "0123456789")
        for _ in 0..<100 { writer.member("member", word: "0123456789") }
        writer.endObject()
        let text = writer.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        let expected = #"{"first":"0123456789""# + String(repeating: #","member":"0123456789""#, count: 100) + "}"
        #expect(text == expected)
    }
}
