/// The lines of one connection, in the order in which they left or came.
struct Traffic: Sendable {
    private(set) var lines: [(isOfPeer: Bool, bytes: [UInt8])] = []
    private var ofPeer: [UInt8] = []
    private var ofMaster: [UInt8] = []

    /// Bytes that the peer sent, cut anywhere.
    mutating func sent(_ bytes: some Collection<UInt8>) {
        for line in Self.cut(bytes, &ofPeer) { lines.append((true, line)) }
    }

    /// The same of the master.
    mutating func came(_ bytes: some Collection<UInt8>) {
        for line in Self.cut(bytes, &ofMaster) { lines.append((false, line)) }
    }

    private static func cut(_ bytes: some Collection<UInt8>, _ partial: inout [UInt8]) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        for byte in bytes {
            guard byte == UInt8(ascii: "\n") else {
                partial.append(byte)
                continue
            }
            lines.append(partial)
            partial = []
        }
        return lines
    }

    /// Where the traffic breaks docs/schema: in a line of the master, or a request that it accepted; or where a request
    /// which a schema allows was rejected as a bad one.
    func faults(by schema: JSONSchema) throws -> [String] {
        var faults: [String] = []
        var asked: [WireValue] = []
        for (isOfPeer, bytes) in lines {
            let value = try? WireValue(parsing: bytes)
            let text = String(decoding: bytes.prefix(400), as: UTF8.self)
            if isOfPeer {
                // What is not I-JSON is answered by an event.
                if let value, Self.isAnswered(value) { asked.append(value.withoutNulls) }
                continue
            }
            guard let value else {
                faults.append("not I-JSON: \(text)")
                continue
            }
            let request = value["re"] != nil && !asked.isEmpty ? asked.removeFirst() : nil
            faults += try Self.faults(of: value, answering: request, schema).map { "\($0)\n  in \(text)" }
        }
        return faults
    }

    /// Output is acknowledged only where that is requested (proto-spec.md, section 6.20).
    private static func isAnswered(_ request: WireValue) -> Bool {
        let op = request["op"]?.text
        return request["id"] ?? .null != .null || op != "log" && op != "log_end"
    }

    private static func faults(
        of line: WireValue,
        answering request: WireValue?,
        _ schema: JSONSchema
    ) throws -> [String] {
        guard line["re"] != nil else {
            let name = line["ev"]?.text ?? ""
            guard schema.documents["event.json"]?["$defs"]?[name] != nil else { return ["no event is called \(name)"] }
            return try schema.faults(of: line.withoutNulls, by: "event.json#/$defs/\(name)", isClosed: true)
        }
        var faults = try schema.faults(of: line, by: "reply.json", isClosed: true)
        guard let request, let op = request["op"]?.text else { return faults }
        let isKnown = schema.documents["request.json"]?["$defs"]?[op] != nil
        var requestFaults = isKnown ? try schema.faults(of: request, by: "request.json#/$defs/\(op)") : ["no such op"]
        if requestFaults.isEmpty { requestFaults = try schema.faults(of: request, by: "request.json") }
        if let ok = line["ok"] {
            faults += requestFaults.map { "the master took it: \($0)" }
            // A spec is returned as it was submitted, nulls included.
            let body = ok.withoutNulls
            if isKnown { faults += try schema.faults(of: body, by: "reply.json#/$defs/\(op)", isClosed: true) }
        } else if line["err"]?["code"] == .string("bad_request"), requestFaults.isEmpty {
            // An operation that is not for this peer, and a cursor that nobody gave, look well.
            let field = line["err"]?["field"]?.text
            if let field, field != "op", field != "cursor" {
                faults.append("a schema allows what was refused: \(request)")
            }
        }
        return faults
    }
}
