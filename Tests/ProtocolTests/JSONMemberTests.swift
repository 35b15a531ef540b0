import PodlingProtocol
import Testing

@Suite struct JSONMemberTests {
    @Test(arguments: [
        (#"{"a":1,"a":2}"#, 7),
        (#"{"a":1,"\u0061":2}"#, 7),
        (#"{"\u0061":1,"a":2}"#, 12),
        (#"{"\u0061":1,"b":0,"\u0061":2}"#, 18),
        (#"{"":1,"":2}"#, 6),
        (#"{"taskIdentifier":1,"taskIdentifier":2}"#, 20),
        (#"{"x":{"y":[{"k":1,"l":{"z":1},"k":2}]}}"#, 30),
        ("{\"\u{1F600}\":1,\"\\uD83D\\uDE00\":2}", 10),
    ])
    func duplicates(_ text: String, _ offset: Int) {
        #expect(refusal(text)?.kind == .duplicateMember)
        #expect(refusal(text)?.offset == offset)
    }

    @Test(arguments: [
        "{\"caf\u{E9}\":1,\"cafe\u{301}\":2}",
        #"{"a":1,"A":2,"a ":3,"a\u0000":4,"":5}"#,
        #"{"taskIdentifier":1,"taskIdentifies":2,"taskIdentifierA":3}"#,
        #"{"a":{"a":{"a":1}},"b":{"a":1}}"#,
        #"{"a":[{"a":1},{"a":1}]}"#,
    ])
    func distinct(_ text: String) {
        #expect(refusal(text) == nil)
    }

    @Test(arguments: [1, 15, 16, 17, 18, 40, 1000])
    func wideObjects(_ count: Int) {
        let names = (0..<count).map { "name\($0)" }
        let text = { (names: [String]) in
            "{\"o\":{" + names.map { "\"\($0)\":{\"a\":[1]}" }.joined(separator: ",") + "}}"
        }
        #expect(refusal(text(names)) == nil)
        for repeated in Set([0, count / 2, count - 1]) {
            #expect(refusal(text(names + [names[repeated]]))?.detail == names[repeated])
            let escaped = "\\u006e" + names[repeated].dropFirst()
            #expect(refusal(text(names + [escaped]))?.kind == .duplicateMember)
        }
    }

    /// A line full of names takes time in proportion to its length: pairs would be 10^10 comparisons here.
    @Test(.timeLimit(.minutes(5)))
    func aLineOfNamesIsNotQuadratic() {
        let names = (0..<100_000).map { "\"\($0)\":1" }
        #expect(refusal("{" + names.joined(separator: ",") + "}") == nil)
    }

    @Test func walksMembersAndElements() throws {
        let text = #" {"op":"submit", "id" : 7,"spec":{"command":["a",["b"],{}],"env":{"K":"V"}},"\u006b":null} "#
        try reading(text) { root in
            #expect(root.rawRange == 1..<text.utf8.count - 1)
            #expect(root.members.map(\.name) == ["op", "id", "spec", "k"])
            #expect(root.count == 4)
            let utf8 = Array(text.utf8)
            let copies = root.members.map { String(decoding: utf8[$0.range], as: UTF8.self) }
            #expect(copies[0] == #""op":"submit""#)
            #expect(copies[1] == #""id" : 7"#)
            #expect(copies[2] == #""spec":{"command":["a",["b"],{}],"env":{"K":"V"}}"#)
            #expect(copies[3] == #""\u006b":null"#)
            #expect(root.members.map { String(decoding: $0.raw, as: UTF8.self) } == copies)

            let command = try #require(root["spec"]?["command"])
            #expect(command.elements.map(\.kind) == [.string, .array, .object])
            #expect(command.count == 3 && command.isArray && command.members.map(\.name).isEmpty)
            #expect(command.raw.elementsEqual(#"["a",["b"],{}]"#.utf8))
            #expect(root["spec"]?["env"]?["K"]?.stringEquals("V") == true)
            #expect(root["k"]?.isNull == true && root["nothing"] == nil && root["op"]?["op"] == nil)
        }
    }

    @Test func comparesText() throws {
        try reading(#"{"plain":"text","esc\u0061ped":"t\u0065xt","n":1}"#) { root in
            for name in ["plain", "escaped"] as [StaticString] {
                let value = try #require(root[name])
                #expect(value.stringEquals("text"))
                #expect(!value.stringEquals("texts") && !value.stringEquals("tex") && !value.stringEquals("texT"))
                #expect(!value.keyEquals("text"))
            }
            #expect(root["n"]?.string() == nil && root["n"]?.stringEquals("1") == false)
            #expect(root["n"]?.withUTF8(\.count) == 0)
        }
    }
}
