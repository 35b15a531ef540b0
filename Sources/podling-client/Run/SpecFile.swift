import PodlingClient
import PodlingProtocol

/// Files of task specs.
enum SpecFile {
    /// Splits a file into specs: one that fills the file, or one on each line.
    ///
    /// - Throws: `Failure`, which names the line.
    static func split(_ bytes: [UInt8]) throws -> [[UInt8]] {
        if fault(bytes) == nil { return [bytes] }
        var specs: [[UInt8]] = []
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            let spec = Array(line)
            if spec.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { continue }
            if let fault = fault(spec) { throw Failure(message: "line \(index + 1) is not a JSON object: \(fault)") }
            specs.append(spec)
        }
        guard !specs.isEmpty else { throw Failure(message: "there is no spec in the file") }
        return specs
    }

    /// Adds an idempotency key to a spec that has none.
    static func withKey(_ spec: [UInt8], _ key: String) throws -> [UInt8] {
        var reader = JSONReader()
        // A key that is null counts as present: a member must not be repeated.
        let hasKey = try spec.withUnsafeBytes { try reader.parse($0).root["idempotencyKey"] != nil }
        guard !hasKey else { return spec }
        var object = ObjectWriter()
        object.members(of: spec)
        object.string("idempotencyKey", key)
        return object.finish()
    }

    private static func fault(_ bytes: [UInt8]) -> JSONError? {
        var reader = JSONReader()
        return bytes.withUnsafeBytes { bytes in
            do throws(JSONError) {
                _ = try reader.parse(bytes)
                return nil
            } catch {
                return error
            }
        }
    }
}
