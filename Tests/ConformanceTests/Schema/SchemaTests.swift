import FoundationEssentials
import PodlingProtocol
import Testing

/// docs/schema is whole, and says what the code and proto-spec.md say.
@Suite struct SchemaTests {
    private let schema: JSONSchema

    init() throws { schema = try JSONSchema() }

    private func names(of file: String) -> Set<String> {
        let references = schema.documents[file]?["oneOf"]?.elements ?? []
        return Set(references.compactMap { $0["$ref"]?.text?.split(separator: "/").last.map(String.init) })
    }

    @Test func operationsAreThoseOfTheSpecification() throws {
        let cells = try SpecificationTable(section: "## 6. Operations").rows.map { $0[0] }
        let documented = Set(
            cells.flatMap { $0.split(separator: "`").filter { $0.allSatisfy(Self.isOfName) } }.map(String.init)
        )
        #expect(names(of: "request.json") == documented)
        #expect(Set((schema.documents["reply.json"]?["$defs"]?.members ?? [:]).keys) == documented)
    }

    @Test func eventsAreThoseOfTheSpecification() throws {
        let cells = try SpecificationTable(section: "## 7. Events").rows.map { $0[0] }
        let documented = Set(
            cells.flatMap { $0.split(separator: "`").filter { $0.allSatisfy(Self.isOfName) } }.map(String.init)
        )
        #expect(names(of: "event.json") == documented)
    }

    private static func isOfName(_ character: Character) -> Bool { character == "_" || ("a"..."z").contains(character) }

    @Test func codesAndReasonsAreThoseOfTheCode() {
        let codes = schema.documents["error.json"]?["properties"]?["code"]?["enum"]?.elements.compactMap(\.text)
        #expect(codes == ErrorCode.allCases.map(\.rawValue))
        let reasons = schema.documents["task.json"]?["$defs"]?["reason"]?["enum"]?.elements.compactMap(\.text) ?? []
        for reason in TaskReason.allCases where reason != .none { #expect(reasons.contains(reason.name.description)) }
        let statuses = schema.documents["task.json"]?["$defs"]?["status"]?["enum"]?.elements.compactMap(\.text)
        #expect(statuses == TaskStatus.allCases.map(\.name.description))
    }

    @Test func boundsAreThoseOfTheCode() throws {
        func bound(_ path: String) throws -> Int? {
            let steps = path.split(separator: "/").map(String.init)
            let parent = try schema.resolve(steps.dropLast().joined(separator: "/"), in: "")
            return steps.last.flatMap { parent.schema[$0]?.integer }
        }
        let request = "request.json#/$defs"
        #expect(try bound("\(request)/submit_many/properties/tasks/maxItems") == Limits.submitManyTasksMax)
        #expect(try bound("\(request)/import/properties/tasks/maxItems") == Limits.importTasksMax)
        #expect(try bound("\(request)/list/properties/limit/maximum") == Limits.pageItemsMax)
        #expect(try bound("\(request)/list/properties/limit/default") == Limits.pageItemsDefault)
        #expect(try bound("\(request)/logs/properties/tail/maximum") == Limits.logTailBytesMax)
        #expect(try bound("\(request)/logs/properties/tail/default") == Limits.logTailBytesDefault)
        #expect(try bound("\(request)/register/properties/slots/maximum") == Limits.slotsMax)
        #expect(try bound("\(request)/register/properties/memory/maximum") == Quantity.memoryBytesMax)
        #expect(try bound("\(request)/register/properties/cpu/maximum") == Quantity.cpuMillisMax / 1_000)
        #expect(try bound("\(request)/log/properties/text/maxLength") == Limits.logChunkBytesMax)
        #expect(try bound("\(request)/taskId/maxLength") == Limits.taskIDBytesMax)
        let spec = "spec.json#/$defs/members/properties"
        #expect(try bound("\(spec)/command/maxItems") == Limits.commandStringsMax)
        #expect(try bound("\(spec)/env/maxProperties") == Limits.envMax)
        #expect(try bound("\(spec)/ports/maxItems") == Limits.portsMax)
        #expect(try bound("\(spec)/priority/maximum") == Limits.priorityMagnitudeMax)
        #expect(try bound("\(spec)/timeoutSeconds/maximum") == Limits.timeoutSecondsMax)
        #expect(try bound("\(spec)/maxAttempts/maximum") == Limits.maxAttemptsMax)
        #expect(try bound("\(spec)/maxAttempts/default") == Limits.maxAttemptsDefault)
        #expect(try bound("\(spec)/stopGraceSeconds/maximum") == Limits.stopGraceSecondsMax)
        #expect(try bound("\(spec)/stopGraceSeconds/default") == Limits.stopGraceSecondsDefault)
    }

    /// The lines in proto-spec.md before its transcripts.
    @Test func examplesKeepTheSchemas() throws {
        let text = try String(contentsOfFile: SourceTree.path("proto-spec.md"), encoding: .utf8)
        let lines = text.split(separator: "\n").prefix { $0 != "## 14. Test vectors" }
        var traffic = Traffic()
        var count = 0
        for line in lines where line.hasPrefix("C: {") || line.hasPrefix("S: {") {
            let bytes = Array(line.utf8.dropFirst(3)) + [UInt8(ascii: "\n")]
            if line.hasPrefix("C") { traffic.sent(bytes) } else { traffic.came(bytes) }
            count += 1
        }
        #expect(count >= 12)
        #expect(try traffic.faults(by: schema) == [])
    }

    /// What no transcript shows, no transcript tests.
    @Test func transcriptsShowEveryOperationAndEvent() throws {
        var shown: Set<String> = []
        for name in TranscriptFiles.names {
            for step in try Transcript(TranscriptFiles.text(name)).steps {
                guard case .send(let line) = step.action else {
                    if case .expect(let line) = step.action { shown.formUnion(Self.values(of: "ev", in: line)) }
                    continue
                }
                shown.formUnion(Self.values(of: "op", in: line))
            }
        }
        let events = names(of: "event.json").subtracting(["drain", "gap"])
        #expect(names(of: "request.json").subtracting(shown) == [])
        #expect(events.subtracting(shown) == [])
    }

    private static func values(of member: String, in line: String) -> [String] {
        line.split(separator: "\"\(member)\":\"").dropFirst().map { String($0.prefix { $0 != "\"" }) }
    }
}

/// The validator's own parts.
@Suite struct JSONSchemaTests {
    @Test(arguments: [
        (#"{"type":"object"}"#, #"{}"#, true),
        (#"{"properties":{"a":{"type":"integer"}}}"#, #"{"a":1}"#, true),
        (#"{"properties":{"a":{"type":"integer"}}}"#, #"{"a":1.0}"#, false),
        (#"{"properties":{"a":{"type":"number","minimum":0}}}"#, #"{"a":-0.5}"#, false),
        (#"{"required":["a"]}"#, #"{"b":1}"#, false),
        (#"{"properties":{"a":{"pattern":"^[a-z]+$"}}}"#, #"{"a":"ab"}"#, true),
        (#"{"properties":{"a":{"pattern":"^[a-z]+$"}}}"#, #"{"a":"aB"}"#, false),
        (#"{"properties":{"a":{"maxLength":1}}}"#, #"{"a":"é"}"#, true),
        (#"{"properties":{"a":{"enum":["x",1]}}}"#, #"{"a":1}"#, true),
        (#"{"properties":{"a":{"enum":["x",1]}}}"#, #"{"a":"1"}"#, false),
        (#"{"properties":{"a":{"items":{"const":true},"maxItems":2}}}"#, #"{"a":[true,true]}"#, true),
        (#"{"properties":{"a":{"items":{"const":true},"maxItems":2}}}"#, #"{"a":[true,false]}"#, false),
        (#"{"oneOf":[{"required":["a"]},{"required":["b"]}]}"#, #"{"a":1,"b":1}"#, false),
        (#"{"anyOf":[{"required":["a"]},{"required":["b"]}]}"#, #"{"a":1,"b":1}"#, true),
        (#"{"not":{"required":["a"]}}"#, #"{"a":1}"#, false),
        (#"{"if":{"required":["a"]},"then":{"required":["b"]}}"#, #"{"a":1}"#, false),
        (#"{"if":{"required":["a"]},"then":{"required":["b"]}}"#, #"{"c":1}"#, true),
        (#"{"properties":{"a":true},"additionalProperties":false}"#, #"{"a":1,"b":1}"#, false),
        (
            ##"{"$ref":"#/$defs/x","unevaluatedProperties":false,"$defs":{"x":{"properties":{"a":true}}}}"##,
            #"{"a":1}"#, true
        ),
        (
            ##"{"$ref":"#/$defs/x","unevaluatedProperties":false,"$defs":{"x":{"properties":{"a":true}}}}"##,
            #"{"b":1}"#, false
        ),
        (#"{"type":"object","propertyNames":{"pattern":"^a"}}"#, #"{"b":1}"#, false),
    ])
    func holds(schema: String, value: String, isValid: Bool) throws {
        let faults = try JSONSchema(schema).faults(of: WireValue(parsing: Array(value.utf8)), by: "test.json")
        #expect(faults.isEmpty == isValid, "\(faults)")
    }

    @Test func seesWhatNoSchemaNames() throws {
        let schema = try JSONSchema(#"{"type":"object","properties":{"a":true}}"#)
        let value = try WireValue(parsing: Array(#"{"a":1,"b":1}"#.utf8))
        #expect(try schema.faults(of: value, by: "test.json").isEmpty)
        #expect(try schema.faults(of: value, by: "test.json", isClosed: true) == ["b: no schema names it"])
    }

    @Test func refusesAKeywordThatItDoesNotKnow() throws {
        let schema = try JSONSchema(#"{"dependentRequired":{}}"#)
        #expect(throws: (any Error).self) { try schema.faults(of: .object([:]), by: "test.json") }
    }
}
